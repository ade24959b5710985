"""Fixtures for tests of trimtab and of its users: a local node, a world with the protocols deployed."""
