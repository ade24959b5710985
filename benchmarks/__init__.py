"""Each path of trimtab beside a peer, in one process and run, as ratios: `python -m benchmarks`."""
