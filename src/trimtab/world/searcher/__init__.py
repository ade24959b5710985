"""Watches the public mempool and sandwiches the Perp v2 orders that it pays to sandwich."""
