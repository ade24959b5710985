"""What a rehearsal foresaw, as the journal keeps it."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tx.test_differences import DAI, WETH

from trimtab.model.ids import TxHash
from trimtab.tx.forecast import Forecast
from trimtab.tx.records import Foreseen, decode_record, encode_record
from trimtab.tx.rehearsal import Method

HASH = TxHash("0x" + "ab" * 32)
amounts = st.integers(-(2**200), 2**200)
forecasts = st.builds(
    Forecast,
    tx_hash=st.just(HASH),
    method=st.sampled_from([str(method) for method in Method]),
    block=st.integers(0, 2**40),
    base_fee=st.integers(0, 2**90),
    price=st.integers(0, 2**90),
    ok=st.booleans(),
    is_complete=st.booleans(),
    gas_used=st.none() | st.integers(0, 2**30),
    native=st.none() | amounts,
    tokens=st.none() | st.dictionaries(st.sampled_from([DAI, WETH]), amounts),
    wrapped=st.lists(st.sampled_from([DAI, WETH])).map(tuple),
)


@given(forecasts)
def test_a_forecast_comes_back_from_the_journal(forecast: Forecast) -> None:
    """Amounts of any size, and what was not known stays unknown: empty is not the same."""
    record = Foreseen(nonce=7, forecast=forecast)
    assert decode_record(encode_record(record)) == record


def test_the_bytes_of_a_forecast_stay_what_they_are() -> None:
    """A journal outlives a release: these bytes are read for ever, also with fields that came later."""
    raw = (
        b'{"type":"foreseen","nonce":7,"forecast":{"tx_hash":"' + HASH.encode() + b'",'
        b'"method":"eth_simulateV1","block":10,"base_fee":10,"price":12,"ok":true,"gas_used":21000,'
        b'"native":-252000,"tokens":{"0x5555555555555555555555555555555555555555":1180591620717411303424}}}'
    )
    forecast = Forecast(
        tx_hash=HASH,
        method="eth_simulateV1",
        block=10,
        base_fee=10,
        price=12,
        ok=True,
        gas_used=21_000,
        native=-252_000,
        tokens={DAI: 2**70},
    )
    assert encode_record(Foreseen(nonce=7, forecast=forecast)) == raw
    assert decode_record(raw[:-2] + b',"later":1}}') == Foreseen(nonce=7, forecast=forecast)
    with pytest.raises(msgspec.ValidationError):
        decode_record(b'{"type":"foreseen","nonce":7,"forecast":{"ok":true}}')
