"""Intents: bad values are refused where they are made, and the digest names the content."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from tests.tx.conftest import SHOP

from trimtab.chain.call import Call
from trimtab.errors import IntentError
from trimtab.model.trade import TradeFacts
from trimtab.tx import TxIntent


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("key", lambda: TxIntent("", Call(SHOP, b""))),
        ("target", lambda: TxIntent("a", Call("0x12", b""))),  # type: ignore[arg-type]
        ("value", lambda: TxIntent("a", Call(SHOP, b"", 1.5))),  # type: ignore[arg-type]
        ("value", lambda: TxIntent("a", Call(SHOP, b"", -1))),
        ("gas_limit", lambda: TxIntent("a", Call(SHOP, b""), gas_limit=20_999)),
        ("gas_limit", lambda: TxIntent("a", Call(SHOP, b""), gas_limit=16_777_217)),
        ("gas_limit", lambda: TxIntent("a", Call(SHOP, b""), gas_limit=True)),
        ("budget_wei", lambda: TxIntent("a", Call(SHOP, b""), budget_wei=float("nan"))),  # type: ignore[arg-type]
    ],
)
def test_a_bad_intent_is_refused_where_it_is_made(field: str, make: Any) -> None:
    """Floats, signs, sizes and addresses: an `IntentError` that names the field."""
    with pytest.raises(IntentError) as caught:
        make()
    assert caught.value.field == field


def test_the_digest_names_the_content_and_not_the_key_or_label() -> None:
    """Any difference in what would be sent is another digest; a label is only for reports."""
    intent = TxIntent("a", Call(SHOP, b"\x01", 2), gas_limit=30_000, budget_wei=5, deadline=9)
    others = [
        replace(intent, call=Call(SHOP, b"\x01", 3)),
        replace(intent, call=Call(SHOP, b"\x02", 2)),
        replace(intent, gas_limit=None),
        replace(intent, budget_wei=None),
        replace(intent, deadline=10),
    ]
    assert len({intent.digest, *(other.digest for other in others)}) == 6
    assert replace(intent, key="b", label="x").digest == intent.digest
    declared = replace(intent, notional=Decimal(3), trade=TradeFacts(is_reducing=True))
    assert declared.digest == intent.digest
