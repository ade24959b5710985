"""Fills go to the legs that they are of, and a revert says whose it was."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from trimtab.chain.abi import Abi
from trimtab.errors import AcceptablePriceError, InsufficientMarginError, LimitError, OrderRejectedError
from trimtab.execution.legs import LIMITS, Behind, share_fills
from trimtab.hooks.errors import WORDS
from trimtab.hooks.guard import guard_abi
from trimtab.model.ids import Address, TxHash
from trimtab.model.order import Fill

D = Decimal
SHOP, BANK, TOKEN = (Address("0x" + digits * 20) for digits in ("aa", "bb", "cc"))
REASON = Abi.parse([{"type": "function", "name": "Error", "inputs": [{"type": "string", "name": "m"}]}])


class Stall:
    """A venue that only explains: what it was told, under its name."""

    def __init__(self, name: str, address: Address) -> None:
        self.name = name
        self.addresses = {"Stall": address}

    def explain_revert(self, data: bytes, market: str | None = None) -> Exception:
        return AcceptablePriceError(f"{self.name} says {data.hex()}", venue=self.name, market=market)


VOICE = Behind([Stall("shop", SHOP), Stall("bank", BANK)], ["pay", "buy 2"])  # type: ignore[list-item]


def revert(name: str, *args: Any) -> bytes:
    error = guard_abi().error(name)
    return bytes(error.encode(*args))


def fill(size: int, log_index: int, market: str = "m", venue: str = "shop") -> Fill:
    zero = D(0)
    return Fill(venue, market, D(size), D(1), zero, zero, zero, TxHash("0x"), 1, log_index)


def test_fills_of_one_market_go_to_its_legs_in_order() -> None:
    """Each until its size is full; the last takes what is left; other markets and venues are their own."""
    fills = [fill(-2, 7), fill(3, 1), fill(1, 2), fill(5, 3, "n"), fill(9, 4, venue="bank")]
    wanted = [
        ("shop", "m", D(4)),
        ("bank", "m", None),
        ("shop", "m", D(-2)),
        ("shop", "n", D(5)),
        ("x", "m", None),
    ]
    shares = [[one.size for one in share] for share in share_fills(wanted, fills)]
    assert shares == [[3, 1], [9], [-2], [5], []]


def test_a_failed_call_is_explained_by_its_own_venue() -> None:
    """With its number and what it was; the class and facts are the venue's."""
    error = VOICE.explain_revert(revert("CallReverted", 1, BANK, b"\x12\x34"), "m")
    assert isinstance(error, AcceptablePriceError)
    assert (str(error), error.venue) == ("call 2 (buy 2): bank says 1234", "bank")
    unknown = VOICE.explain_revert(revert("CallReverted", 5, TOKEN, b"\x01"), "m")
    assert str(unknown) == "call 6: shop says 01"


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (revert("DeltaOutside", b"ETH".ljust(32, b"\0"), 2 * 10**18, -(10**18), 10**18), OrderRejectedError,
         "net delta of ETH 2 is outside -1 to 1"),
        (revert("HealthBelow", SHOP, BANK, 10**18, 2 * 10**18), InsufficientMarginError, "health 1 of"),
        (revert("PriceWorse", 1, bytes(32), 3 * 10**18, 10**18), AcceptablePriceError, "got the price 3"),
        (revert("DeadlinePassed", 5, 6), OrderRejectedError, "deadline 5 passed"),
        (revert("NotionalAbove", 2 * 10**18, 10**18), LimitError, "notional 2 is above 1"),
    ],
)  # fmt: skip
def test_our_own_refusals_are_typed_with_their_numbers(
    data: bytes, kind: type[Exception], words: str
) -> None:
    """A condition is the order's, a guard's limit is the key's."""
    error = VOICE.explain_revert(data, "m")
    assert type(error) is kind
    assert words in str(error)
    inside = VOICE.explain_revert(revert("CallReverted", 0, SHOP, data), "m")
    assert type(inside) is kind
    assert str(inside).startswith("call 1 (pay): ")


def test_without_a_plan_the_venue_speaks() -> None:
    """A single call that went through no plan reverts as ever."""
    assert str(VOICE.explain_revert(b"\xff\xff\xff\xff", None)) == "shop says ffffffff"
    assert str(VOICE.explain_revert(b"", None)) == "shop says "


def test_the_limits_are_errors_that_there_are() -> None:
    """No name that a contract does not know."""
    assert set(WORDS) >= LIMITS
