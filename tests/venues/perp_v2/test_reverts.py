"""Revert data to typed errors."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trimtab.chain.abi import encode_values
from trimtab.errors import InsufficientMarginError, OrderRejectedError, UnknownMarketError, VenueError
from trimtab.venues.perp_v2.revert_codes import REVERT_CODES
from trimtab.venues.perp_v2.reverts import explain_code, explain_revert


def revert_with(text: str) -> bytes:
    return bytes.fromhex("08c379a0") + encode_values(["string"], [text])


@given(code=st.sampled_from(sorted(REVERT_CODES)))
def test_each_code_becomes_its_class_with_its_meaning(code: str) -> None:
    """The error says the code, the meaning and the market, and carries them as attributes."""
    kind, meaning = REVERT_CODES[code]
    error = explain_revert(revert_with(code), "vETH")
    assert type(error) is kind
    assert error.market == "vETH"
    assert error.venue == "perp_v2"
    assert meaning in str(error)
    assert f"reverted with {code}" in str(error)


def test_no_data_is_an_unknown_base_token() -> None:
    """The contracts call the base token before anything else: without code there, nothing comes back."""
    assert isinstance(explain_revert(b""), UnknownMarketError)


def test_the_reason_of_a_rejection_is_the_code() -> None:
    """Callers branch on `reason`, not on text."""
    error = explain_revert(revert_with("CH_NEFCI"))
    assert isinstance(error, InsufficientMarginError)
    assert error.reason == "CH_NEFCI"


def test_an_unpublished_code_is_a_rejection() -> None:
    """A later version's code still arrives with its text."""
    error = explain_code("CH_NEW")
    assert type(error) is OrderRejectedError
    assert error.reason == "CH_NEW"


@given(data=st.binary(max_size=200))
def test_any_bytes_are_explained(data: bytes) -> None:
    """Explaining never raises, whatever a contract answers."""
    assert isinstance(explain_revert(data), VenueError)
