"""Perp v2 ("Curie"): perpetuals on Uniswap v3 pools with virtual tokens."""
