"""Change a chain: turn an intent into exactly one mined transaction."""
