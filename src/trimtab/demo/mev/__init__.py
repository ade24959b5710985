"""The same hedges sent twice beside a searcher: through the public mempool, and through a relay."""
