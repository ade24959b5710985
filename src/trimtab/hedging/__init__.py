"""Act on own risk: turn a book's exposure into hedge orders."""
