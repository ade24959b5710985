"""Ways for a signed transaction to leave this machine."""
