"""Whose word counts in a transaction of several venues: which fills are whose, and what a revert means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Protocol

from trimtab.chain.receipt import Receipt
from trimtab.errors import AcceptablePriceError, InsufficientMarginError, LimitError, OrderRejectedError
from trimtab.hooks.errors import HookRevert, explain_revert, known_abis
from trimtab.model.ids import Address
from trimtab.model.order import Fill
from trimtab.venues.base import Venue

VENUE = "hooks"
"""Stands for the venue in an error that our own contract raised."""
_ERRORS = {"PriceWorse": AcceptablePriceError, "HealthBelow": InsufficientMarginError}


class Dialect(Protocol):
    """What is asked of a venue once its transaction has ended."""

    def decode_fills(self, receipt: Receipt, account: Address) -> tuple[Fill, ...]: ...
    def explain_revert(self, data: bytes, market: str | None = None) -> Exception: ...


class Behind:
    """One or more venues behind a door: a revert may be the door's own, and names the call that failed.
    `labels` name the calls, as far as they are known."""

    def __init__(self, venues: Sequence[Venue], labels: Sequence[str] = ()) -> None:
        self._venues = venues
        self._labels = labels

    def decode_fills(self, receipt: Receipt, account: Address) -> tuple[Fill, ...]:
        """Of all the venues, in log order."""
        venues = {venue.name: venue for venue in self._venues}.values()
        fills = (fill for venue in venues for fill in venue.decode_fills(receipt, account))
        return tuple(sorted(fills, key=lambda fill: fill.log_index))

    def explain_revert(self, data: bytes, market: str | None = None) -> Exception:
        """The typed error: the venue's own for a call of it that failed, ours for a condition or a limit."""
        name = _name_of(data)
        if name != "CallReverted":
            if name:
                return _ours(explain_revert(data), market)
            return self._venues[0].explain_revert(data, market)
        found = explain_revert(data)
        target, number = Address(str(found.args["target"]).lower()), int(found.args["call"])
        venue = self._venue_at(target)
        step = f"call {number + 1}"
        if number < len(self._labels):
            step += f" ({self._labels[number]})"
        reason = bytes(found.args["reason"])
        if _name_of(reason):
            return _ours(explain_revert(reason), market, step)
        return _prefixed(venue.explain_revert(reason, market), step)

    def _venue_at(self, target: Address) -> Venue:
        """The venue whose contract it is; tokens may be anybody's."""
        for venue in self._venues:
            if target in {address.lower() for address in venue.addresses.values()}:
                return venue
        return self._venues[0]


def share_fills(
    wanted: Sequence[tuple[str, str, Decimal | None]], fills: Iterable[Fill]
) -> list[tuple[Fill, ...]]:
    """Which fills are of which leg, told as venue, market and signed size (None where only the fill tells
    it): of one venue and market they come in the order of the calls, each until its size is full."""
    left = sorted(fills, key=lambda fill: fill.log_index)
    shares: list[tuple[Fill, ...]] = []
    for number, (venue, market, size) in enumerate(wanted):
        is_last = (venue, market) not in [(v, m) for v, m, _ in wanted[number + 1 :]]
        mine: list[Fill] = []
        for fill in [fill for fill in left if (fill.venue, fill.market) == (venue, market)]:
            if mine and not is_last and (size is None or sum(f.size for f in mine) == size):
                break
            mine.append(fill)
            left.remove(fill)
        shares.append(tuple(mine))
    return shares


def _name_of(data: bytes) -> str:
    """The name of our own error, empty for another's."""
    found = [abi.error_by_selector(data[:4]) for abi in known_abis()] if len(data) >= 4 else []
    return next((error.name for error in found if error is not None), "")


def _ours(found: HookRevert, market: str | None, step: str = "") -> Exception:
    text = f"{step}: {found}" if step else str(found)
    message = f"{text}. Nothing of it happened"
    if found.name in LIMITS:
        return LimitError(message, field=found.name, value=dict(found.args))
    kind = _ERRORS.get(found.name, OrderRejectedError)
    return kind(message, venue=VENUE, market=market, reason=found.name)


def _prefixed(error: Exception, step: str) -> Exception:
    """The venue's error with the step in its words; its class and facts stay."""
    error.args = (f"{step}: {error}", *error.args[1:])
    return error


LIMITS = frozenset(
    {
        "NotAgent",
        "AgentKilled",
        "LimitsExpired",
        "CallNotAllowed",
        "ArgumentNotAllowed",
        "TransferNotAllowed",
        "ValueAbove",
        "ValuePerDayAbove",
        "CostAbove",
        "FeesPerHourAbove",
        "FeesPerDayAbove",
        "NotionalAbove",
        "NotionalPerDayAbove",
        "LeverageAbove",
        "SlippageAbove",
        "NotReducing",
    }
)
"""A guard's refusals of what its agent asked for: the owner's limits, not a state of the market."""
