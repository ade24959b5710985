"""What may be proposed, and what makes two intents one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from trimtab.chain.call import Call
from trimtab.errors import IntentError
from trimtab.model.ids import Address
from trimtab.tx.safe import SafeIntent

TO = Address("0x" + "ab" * 20)
GOOD = SafeIntent("key", (Call(TO, b"\x01", 1),))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"key": ""}, "key"),
        ({"key": "x" * 201}, "key"),
        ({"calls": ()}, "calls"),
        ({"calls": (Call(Address("0x12"), b""),)}, "calls"),
        ({"calls": (Call(TO, b"", -1),)}, "calls"),
        ({"calls": (Call(TO, b"", 1.5),)}, "calls"),  # type: ignore[arg-type]
        ({"calls": (Call(TO, b"", 2**256),)}, "calls"),
        ({"nonce": -1}, "nonce"),
        ({"nonce": True}, "nonce"),
        ({"safe_tx_gas": 2**256}, "safe_tx_gas"),
        ({"label": "x" * 151}, "label"),
        ({"notional": Decimal(-1)}, "notional"),
        ({"notional": 1.5}, "notional"),
    ],
)
def test_a_bad_value_is_refused(changes: dict[str, Any], field: str) -> None:
    """Before anything is asked or signed, by the name of what is wrong."""
    with pytest.raises(IntentError) as caught:
        replace(GOOD, **changes)
    assert caught.value.field == field


def test_the_digest_is_the_contents() -> None:
    """Calls, their order, nonce and gas count; case of an address, key and label do not."""
    other = Call(TO, b"\x02", 1)
    two = replace(GOOD, calls=(*GOOD.calls, other))
    different = [
        two,
        replace(two, calls=two.calls[::-1]),
        replace(GOOD, calls=(Call(TO, b"\x01", 2),)),
        replace(GOOD, nonce=3),
        replace(GOOD, safe_tx_gas=1),
    ]
    assert len({intent.digest for intent in (GOOD, *different)}) == 6
    upper = Address("0x" + "AB" * 20)
    same = replace(GOOD, key="b", label="words", calls=(Call(upper, b"\x01", 1),))
    assert same.digest == GOOD.digest
