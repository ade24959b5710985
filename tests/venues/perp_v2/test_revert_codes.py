"""The table of revert codes against the published sources."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trimtab.errors import (
    AcceptablePriceError,
    InsufficientMarginError,
    MarketClosedError,
    StalePriceError,
    UnknownMarketError,
)
from trimtab.venues.perp_v2.revert_codes import REVERT_CODES

SOURCES = Path(__file__).resolve().parents[3] / "node_modules" / "@perp"
PACKAGES = ("curie-contract", "perp-oracle-contract")
CODE = re.compile(r'"([A-Z0-9]{1,4}_[A-Z0-9]+)"')


def published_codes() -> set[str]:
    files = [p for name in PACKAGES for p in (SOURCES / name / "contracts").rglob("*.sol")]
    return {code for path in files for code in CODE.findall(path.read_text(encoding="utf-8"))}


@pytest.mark.node
def test_every_published_code_is_in_the_table() -> None:
    """Each code that stands in the contracts' sources has a meaning here; there are 151 of them."""
    published = published_codes()
    assert len(published) == 151
    assert published - REVERT_CODES.keys() == set()


@pytest.mark.node
def test_every_text_of_the_number_library_is_in_the_table() -> None:
    """What the contracts say when a number does not fit has a meaning too."""
    library = SOURCES / "curie-contract" / "contracts" / "lib" / "PerpSafeCast.sol"
    texts = set(re.findall(r'"(SafeCast: [^"]+)"', library.read_text(encoding="utf-8")))
    assert texts
    assert texts - REVERT_CODES.keys() == set()


def test_every_code_has_words_of_its_own() -> None:
    """A meaning is a phrase for people: no code repeated, no empty text, no closing full stop."""
    for code, (_, meaning) in REVERT_CODES.items():
        assert len(meaning.split()) >= 3, code
        assert not re.search(rf"\b{code}\b", meaning) or len(code) < 3, code
        assert not meaning.endswith(".")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("CH_NEFCI", InsufficientMarginError),
        ("CH_NEFCM", InsufficientMarginError),
        ("V_NEFC", InsufficientMarginError),
        ("CH_TLRL", AcceptablePriceError),
        ("CH_TLRS", AcceptablePriceError),
        ("CH_TMRL", AcceptablePriceError),
        ("CH_TMRS", AcceptablePriceError),
        ("CH_PSCF", AcceptablePriceError),
        ("CH_MNO", MarketClosedError),
        ("EX_MIP", MarketClosedError),
        ("Pausable: paused", MarketClosedError),
        ("OLD", StalePriceError),
        ("CPF_SD", StalePriceError),
        ("EX_BTNE", UnknownMarketError),
    ],
)
def test_codes_that_a_caller_treats_differently(code: str, kind: type[Exception]) -> None:
    """What a trader would do about it decides the class."""
    assert REVERT_CODES[code][0] is kind
