"""Watches the public mempool and sandwiches the Perp v2 orders that it pays to sandwich."""

from trimtab.world.searcher.books import Books, End, Entry
from trimtab.world.searcher.purse import post_margin
from trimtab.world.searcher.searcher import Searcher, SearcherOptions

__all__ = ["Books", "End", "Entry", "Searcher", "SearcherOptions", "post_margin"]
