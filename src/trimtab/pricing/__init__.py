"""Pure maths of derivatives: numbers in, numbers out. The only room where floats live."""
