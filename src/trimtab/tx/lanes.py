"""How private a transaction is, as data: the lane that its bytes may take, for how long, and what then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from trimtab.errors import ConfigError

WINDOW = 25
"""Blocks for which relays try a private transaction, unless something else is asked for (Flashbots Protect's
own number)."""
MAX_WINDOW = 1_000


class Lane(StrEnum):
    """Who may have the bytes. PUBLIC: everybody. PRIVATE: relays and builders that keep them to themselves.
    BUNDLE: the same, and only those that put all transactions of a bundle into a block, in order, or none."""

    PUBLIC = "public"
    PRIVATE = "private"
    BUNDLE = "bundle"

    @property
    def is_private(self) -> bool:
        return self is not Lane.PUBLIC


class RoutePolicy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which lane an intent takes. `window`: blocks after the one at which it leaves, in which a private lane
    may include it. When they are over, the chain is beyond doubt past them and its nonce is unused, it goes
    public if `then_public`, else it is dropped. Nothing else makes it public: no error, no refusal, no
    restart. Raises `ConfigError` on a bad value."""

    is_private: bool = False
    window: int = WINDOW
    then_public: bool = False

    def __post_init__(self) -> None:
        for name in ("is_private", "then_public"):
            if type(getattr(self, name)) is not bool:
                raise ConfigError(f"{name} must be True or False, got {getattr(self, name)!r}", key=name)
        if type(self.window) is not int or not 1 <= self.window <= MAX_WINDOW:
            raise ConfigError(f"window must be 1 to {MAX_WINDOW} blocks, got {self.window}", key="window")
        if self.then_public and not self.is_private:
            raise ConfigError("then_public is for private routes: a public one is public", key="then_public")

    @classmethod
    def public(cls) -> RoutePolicy:
        """To every public endpoint, at once."""
        return cls()

    @classmethod
    def private(cls, window: int = WINDOW) -> RoutePolicy:
        """To private endpoints only; dropped after `window` blocks."""
        return cls(is_private=True, window=window)

    @classmethod
    def private_then_public(cls, window: int = WINDOW) -> RoutePolicy:
        """To private endpoints for `window` blocks; then, as the same bytes, to public ones."""
        return cls(is_private=True, window=window, then_public=True)


@dataclass(frozen=True, slots=True)
class Ways:
    """The endpoints that there are, by lane. One that takes bundles stands under PRIVATE too. `lingering` are
    those that may include what they have in other blocks than the one that it aims at: for so many from now,
    or (0) up to its last."""

    by_lane: Mapping[Lane, tuple[str, ...]] = field(default_factory=dict)
    lingering: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def public(cls, *endpoints: str) -> Ways:
        """Public endpoints only."""
        return cls({Lane.PUBLIC: endpoints})

    def may_come_until(self, endpoints: Iterable[str], head: int, last_block: int) -> int:
        """The last block in which one of these may still include what leaves at `head`; 0 when each takes
        only the one that it aims at."""
        blocks = [self.lingering[name] for name in endpoints if name in self.lingering]
        return max((head + count if count else last_block for count in blocks), default=0)

    def of(self, lane: Lane) -> tuple[str, ...]:
        return self.by_lane.get(lane, ())

    @property
    def lane_to_cancel(self) -> Lane:
        """Of cancellations: they hold nothing to protect, so everybody may have them where anybody can."""
        return Lane.PUBLIC if self.of(Lane.PUBLIC) else Lane.PRIVATE
