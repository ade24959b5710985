"""trimtab: the on-chain derivatives toolkit for Python."""

__version__ = "0.1.0"
