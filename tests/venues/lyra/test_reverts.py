"""Every error of every contract has a meaning of ours and a class that a caller can act on."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from trimtab.chain.abi import Abi
from trimtab.errors import (
    AcceptablePriceError,
    InsufficientMarginError,
    MarketClosedError,
    OrderRejectedError,
    StalePriceError,
    UnknownMarketError,
    VenueError,
)
from trimtab.venues.lyra.contracts import CONTRACTS, abi
from trimtab.venues.lyra.decode import explain_revert
from trimtab.venues.lyra.reverts import CUSTOM_ERRORS, PANICS, TEXTS

ARTIFACTS = Path(__file__).parents[3] / "node_modules" / "@lyrafinance" / "protocol" / "dist" / "artifacts"
THROWER = "0x" + "11" * 20


def _artifact_errors() -> set[str]:
    """Names of all errors in all artifacts of the package, its interfaces and test helpers too."""
    names: set[str] = set()
    for path in ARTIFACTS.rglob("*.json"):
        if path.name.endswith(".dbg.json"):
            continue
        content = json.loads(path.read_text(encoding="utf-8"))
        names |= {entry["name"] for entry in content.get("abi", ()) if entry["type"] == "error"}
    return names


@pytest.mark.node
def test_the_table_is_complete_and_not_stale() -> None:
    """The table's names are exactly the names of the errors in the package's artifacts."""
    names = _artifact_errors()
    assert len(names) > 90
    assert set(CUSTOM_ERRORS) == names


def test_the_table_covers_the_exported_abis() -> None:
    """Without node_modules too: every error of abis/lyra has its meaning."""
    names = {error.name for contract in CONTRACTS for error in abi(contract).errors.values()}
    assert names <= set(CUSTOM_ERRORS)


def test_meanings_are_sentences_in_our_words() -> None:
    """A meaning is lower-case text without the error's own name, and the class is one of the venue errors."""
    for table in (CUSTOM_ERRORS, TEXTS, PANICS):
        for key, (kind, meaning) in table.items():
            assert issubclass(kind, VenueError)
            assert len(meaning) > 15, key
            assert not meaning.endswith(".")
            assert str(key) not in meaning


@pytest.mark.parametrize(
    ("contract", "name", "args", "kind"),
    [
        ("OptionMarket", "TotalCostOutsideOfSpecifiedBounds", (THROWER, 5, 0, 4), AcceptablePriceError),
        ("OptionMarket", "BoardExpired", (THROWER, 1, 10, 11), MarketClosedError),
        ("OptionMarket", "InvalidStrikeId", (THROWER, 99), UnknownMarketError),
        ("OptionMarketPricer", "TradingCutoffReached", (THROWER, 1, 2, 3), MarketClosedError),
        ("SynthetixAdapter", "MarketIsPaused", (THROWER, THROWER), MarketClosedError),
        ("SynthetixAdapter", "RateIsInvalid", (THROWER, 7, True), StalePriceError),
        (
            "OptionToken",
            "AdjustmentResultsInMinimumCollateralNotBeingMet",
            (THROWER, (1, 2, 3, 4, 5, 1), 6),
            InsufficientMarginError,
        ),
        ("LiquidityPool", "LockingMoreQuoteThanIsFree", (THROWER, 1, 2, (3, 4)), OrderRejectedError),
    ],
)
def test_a_custom_error_comes_typed_with_its_values(
    contract: str, name: str, args: tuple[object, ...], kind: type[VenueError]
) -> None:
    """The class is what a caller acts on; the message holds market, meaning, the venue's name and values."""
    error = explain_revert(abi(contract).error(name).encode(*args), "sETH")
    assert type(error) is kind
    assert error.market == "sETH"
    assert CUSTOM_ERRORS[name][1] in str(error)
    assert name in str(error)
    assert "thrower" not in str(error)
    if isinstance(error, OrderRejectedError):
        assert error.reason == name


def test_token_texts_and_panics_have_a_meaning() -> None:
    """Error(string) of the tokens and Panic(uint256) are explained as well."""
    text = Abi.parse([{"type": "error", "name": "Error", "inputs": [{"type": "string", "name": "m"}]}])
    missing = explain_revert(text.error("Error").encode("ERC721: owner query for nonexistent token"))
    assert type(missing) is UnknownMarketError
    poor = explain_revert(text.error("Error").encode("ERC20: transfer amount exceeds balance"), "sETH")
    assert type(poor) is InsufficientMarginError
    panic = Abi.parse([{"type": "error", "name": "Panic", "inputs": [{"type": "uint256", "name": "c"}]}])
    over = explain_revert(panic.error("Panic").encode(0x11), "sETH")
    assert re.search("larger than what is there", str(over))


@pytest.mark.parametrize("data", [b"", b"\x01", b"\xff" * 36, b"\x08\xc3\x79\xa0", b"\x4e\x48\x7b\x71"])
def test_unknown_data_never_raises(data: bytes) -> None:
    """Whatever bytes come, the answer is an OrderRejectedError that shows them."""
    assert type(explain_revert(data)) is OrderRejectedError
