"""The command line: turn a typed command into wired rooms that run it."""

from __future__ import annotations


def main() -> None:
    """The console script's entry."""
    from trimtab.cli.app import app

    app()
