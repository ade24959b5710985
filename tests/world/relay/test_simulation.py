"""What a trial tells: gas, tips, payments by calls, reverts, and what could not be in a block."""

from __future__ import annotations

from typing import Any

from tests.world.relay.conftest import GWEI, PAY_COINBASE, REVERT, Site, make_tx

from trimtab.world.relay.forge import COINBASE
from trimtab.world.relay.simulation import payments


async def test_trial_of_good_and_bad(site: Site) -> None:
    """Each transaction's share, on a real node."""
    paying = make_tx(0, 0, to=None, data=PAY_COINBASE, value=777)
    failing = make_tx(0, 1, to=None, data=REVERT)
    gap = make_tx(1, 3)
    result = await site.relay.builder.simulate([paying, failing, gap])
    first, second, third = result.results
    assert (first.paid, first.tips, first.error) == (777, first.gas_used * GWEI, "")
    assert (second.error, second.revert_data, second.paid) == ("execution reverted", "0x", 0)
    assert (third.is_mined, third.gas_used) == (False, 0)
    assert result.coinbase_diff == result.tips + 777
    assert first.gas_price == result.base_fee + GWEI


def call(to: str = COINBASE, value: int = 5, kind: str = "CALL", **more: Any) -> dict[str, Any]:
    return {"to": to, "value": hex(value), "type": kind} | more


def test_payments_are_what_really_moved() -> None:
    """Nested calls count; failed ones, and calls that move nothing, do not."""
    assert payments(None) == 0
    assert payments(call()) == 5
    assert payments(call(to="0x" + "11" * 20, calls=[call(), call(calls=[call()])])) == 15
    assert payments(call(to="0x" + "11" * 20, calls=[call(error="execution reverted")])) == 0
    assert payments(call(error="out of gas", calls=[call()])) == 0
    assert payments(call(kind="DELEGATECALL")) == 0
    assert payments({"to": COINBASE, "type": "STATICCALL"}) == 0
