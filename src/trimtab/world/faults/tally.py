"""What a proxy saw and what it really did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """Faults by kind, by kind and method, and the last one; requests by method. A fault counts when it has
    happened: a lost receipt that was not there to be lost does not."""

    injected: Counter[str] = field(default_factory=Counter)
    by_method: Counter[tuple[str, str]] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)
    last: tuple[str, str] | None = None

    def count(self, kind: str, method: str) -> None:
        """One fault happened to a request of that method."""
        self.injected[kind] += 1
        self.by_method[kind, method] += 1
        self.last = (kind, method)
