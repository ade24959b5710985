"""A local world: turn npm artifacts into a running chain with the genuine protocols deployed."""
