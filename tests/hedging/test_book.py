"""What may be a book."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from trimtab.errors import ConfigError
from trimtab.hedging.book import Book, OptionLeg, PerpLeg
from trimtab.model.ids import ZERO_ADDRESS, Address

LYRA: Any = SimpleNamespace(name="lyra")  # a leg reads nothing of its venue but the name
PERP: Any = SimpleNamespace(name="perp_v2")
OTHER = Address("0x" + "11" * 20)


def perp(market: str = "vETH", underlying: str = "ETH", account: Address = ZERO_ADDRESS) -> PerpLeg:
    return PerpLeg(PERP, market, account, underlying)


def test_an_empty_book_is_refused() -> None:
    """There is nothing to hedge, and the message says what to name."""
    with pytest.raises(ConfigError, match="name at least one"):
        Book()


def test_counting_a_leg_twice_is_refused() -> None:
    """A leg named twice would double its delta; the same market of another account is another leg."""
    with pytest.raises(ConfigError, match=r"counts .*vETH.* twice"):
        Book(perps=(perp(), perp()))
    assert len(Book(perps=(perp(), perp(account=OTHER))).legs) == 2


def test_the_first_perp_of_an_underlying_hedges_it() -> None:
    """Later perps of the same underlying count in the exposure and are not traded."""
    option = OptionLeg(LYRA, "sBTC", ZERO_ADDRESS, "BTC")
    book = Book((option,), (perp(), perp(account=OTHER)))
    assert book.underlyings == ("BTC", "ETH")
    assert book.hedge_leg("ETH").account == ZERO_ADDRESS
    with pytest.raises(ConfigError, match="no perp on BTC"):
        book.hedge_leg("BTC")
