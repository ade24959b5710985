"""The main job as a scenario: a book, a price path, a hedger process and its record."""
