"""Revert data of the venue as typed errors with their meaning. Pure; never raises."""

from __future__ import annotations

from trimtab.chain.reverts import decode_revert
from trimtab.errors import OrderRejectedError, UnknownMarketError, VenueError
from trimtab.venues.perp_v2.contracts import VENUE
from trimtab.venues.perp_v2.revert_codes import REVERT_CODES


def explain_revert(data: bytes, market: str | None = None) -> VenueError:
    """The typed error for revert data. The contracts answer an unknown base token, or a tick off the pool's
    spacing, with no data at all."""
    if not data:
        return UnknownMarketError(
            "the venue reverted without a reason: it does so for a base token that it does not know, "
            "or a tick that is not a multiple of the pool's spacing",
            venue=VENUE,
            market=market,
        )
    return explain_code(decode_revert(data).text, market)


def explain_code(code: str, market: str | None = None) -> VenueError:
    """The typed error for a revert code such as CH_NEFCI; an unknown code is an `OrderRejectedError`."""
    where = f" ({market})" if market else ""
    kind, meaning = REVERT_CODES.get(code, (OrderRejectedError, "a reason that the venue does not publish"))
    message = f"{VENUE}{where} reverted with {code}: {meaning}"
    if issubclass(kind, OrderRejectedError):
        return kind(message, venue=VENUE, market=market, reason=code)
    return kind(message, venue=VENUE, market=market)
