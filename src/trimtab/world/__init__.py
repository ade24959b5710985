"""A place to run: a local node with the genuine protocols deployed, actors, and prices that move."""
