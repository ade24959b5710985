"""Lyra ("Avalon"): an options AMM over Synthetix."""
