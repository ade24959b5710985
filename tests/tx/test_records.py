"""Records survive the disk exactly, and stay readable."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.model.ids import Address, TxHash
from trimtab.model.trade import Leverage, TradeFacts
from trimtab.model.units import from_wad
from trimtab.tx import records as r
from trimtab.tx.lanes import RoutePolicy
from trimtab.tx.states import Kind, Outcome

st.register_type_strategy(Decimal, st.decimals(allow_nan=False, allow_infinity=False))
st.register_type_strategy(
    RoutePolicy,
    st.builds(RoutePolicy.private, st.integers(1, 1_000))
    | st.builds(RoutePolicy.private_then_public, st.integers(1, 1_000)),
)
_amounts = st.integers(0, 2**256).map(from_wad)
_leverages = st.builds(Leverage, _amounts, st.integers(-(2**255), 2**255).map(from_wad))
st.register_type_strategy(
    TradeFacts,
    st.builds(
        TradeFacts,
        st.none() | _amounts,
        st.none() | _leverages,
        st.none() | _leverages,
        st.none() | st.booleans(),
    ),
)


@given(
    st.from_type(r.Submitted) | st.from_type(r.Attempted) | st.from_type(r.Seen) | st.from_type(r.SendBegun)
)
def test_any_record_comes_back_equal(record: r.Durable) -> None:
    """Integers of 256 bits and more, any bytes, any text, decimals to the digit."""
    assert r.decode_record(r.encode_record(record)) == record


def test_wei_above_64_bits_is_exact() -> None:
    """20 ether is more than 2**64 wei."""
    attempt = r.Attempted(
        nonce=1,
        kind=Kind.CANCEL,
        tx_hash=TxHash("0x"),
        raw=b"\x00\xff",
        tip=1,
        fee_cap=2,
        gas_limit=3,
        worst_cost=2**200 + 1,
    )
    assert r.decode_record(r.encode_record(attempt)) == attempt


def test_an_intent_of_an_older_journal_declares_no_facts() -> None:
    """What was written before there were any reads as it did, and is written as it was."""
    old = (
        b'{"type":"intent","key":"k","digest":"d","target":"0x","data":"","value":0,"gas_limit":1,'
        b'"notional":"2.5","at":9}'
    )
    record = r.decode_record(old)
    assert isinstance(record, r.Submitted)
    assert (record.notional, record.trade) == (Decimal("2.5"), None)
    assert json.loads(r.encode_record(record)) == json.loads(old)


def test_every_record_has_a_name_of_its_own() -> None:
    """The journal's words are distinct, and each is a plain JSON object that a person can read."""
    kinds = get_args(r.Durable)
    tags = {kind.__struct_config__.tag for kind in kinds}
    assert len(tags) == len(kinds)
    result = r.SendResult(
        nonce=1, tx_hash=TxHash("0xab"), endpoint="a", outcome=Outcome.REJECTED, send_class="permanent"
    )
    assert json.loads(r.encode_record(result)) == {
        "type": "send_result",
        "nonce": 1,
        "tx_hash": "0xab",
        "endpoint": "a",
        "outcome": "rejected",
        "send_class": "permanent",
    }


@pytest.mark.parametrize("raw", [b"{}", b'{"type":"unknown"}', b'{"type":"reserved","nonce":"1","key":"k"}'])
def test_what_is_no_record_is_refused(raw: bytes) -> None:
    """A word that this version does not know, or a field of another type, is never skipped."""
    with pytest.raises(ValueError):
        r.decode_record(raw)


def test_a_stream_is_named_by_chain_and_account() -> None:
    """The writer lock has the same name."""
    assert r.stream_name(10, Address("0xab")) == "tx/10/0xab"
