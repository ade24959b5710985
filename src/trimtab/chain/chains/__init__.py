"""Facts of chains, one data file per chain."""
