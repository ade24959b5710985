"""What runs the loops: clock, channels, logging."""
