"""A rehearsal kept small, and measured against the receipt."""

from __future__ import annotations

from typing import Any

import pytest
from tests.tx.shop import BOB, TOKEN, Shop, off, through
from tests.tx.test_differences import DAI, WETH, log, transfer
from tests.tx.test_rehearsal import SHOP, SIGNER, TARGET, item

from trimtab.chain.receipt import Receipt
from trimtab.model.drift import Gap, TokenDrift
from trimtab.model.ids import Address, BlockHash, TxHash
from trimtab.tx.differences import DEPOSIT, Differences
from trimtab.tx.drift import (
    forecast_of,
    measure_drift,
    read_changes,
)
from trimtab.tx.forecast import Forecast
from trimtab.tx.rehearsal import Method, Rehearsal
from trimtab.tx.rehearsing import rehearse
from trimtab.world.world import World

ME = SIGNER.address
HASH = TxHash("0x" + "ab" * 32)


def test_only_what_concerns_the_sender_is_kept() -> None:
    """Of everybody's balances its own; nothing where the method told nothing."""
    changes = Differences({ME: -5, SHOP: 5}, {(DAI, ME): 7, (DAI, SHOP): -7}, 3, frozenset({WETH}))
    known = item(differences=changes)
    rehearsal = Rehearsal(Method.SIMULATE_V1, TARGET, (known,), unseen=("nonce 3 is missing",))
    forecast = forecast_of(rehearsal, known)
    assert (forecast.native, forecast.tokens, forecast.wrapped) == (-5, {DAI: 7}, (WETH,))
    assert (forecast.block, forecast.base_fee, forecast.price) == (10, 10, 12)
    assert (forecast.is_complete, forecast.method) == (False, "eth_simulateV1")
    unknown = forecast_of(rehearsal, item(differences=None, gas_used=None))
    assert (unknown.native, unknown.tokens, unknown.gas_used) == (None, None, None)


def receipt(**given: Any) -> Receipt:
    deposits = (log(emitter, DEPOSIT, ME, units=9) for emitter in (WETH, SHOP))
    known: dict[str, Any] = {
        "tx_hash": HASH,
        "block": 12,
        "block_hash": BlockHash(""),
        "index": 0,
        "status": True,
        "sender": ME,
        "to": SHOP,
        "contract_address": None,
        "gas_used": 22_000,
        "effective_gas_price": 13,
        "l1_fee": 100,
        "logs": (transfer(DAI, SHOP, ME, 6), *deposits),
    }
    return Receipt(**(known | given))


FORECAST = Forecast(
    tx_hash=HASH,
    method="debug_traceCall",
    block=10,
    base_fee=10,
    price=12,
    ok=True,
    gas_used=21_000,
    native=-5,
    tokens={DAI: 7, Address("0x" + "66" * 20): 1},
    wrapped=(WETH,),
)


def test_each_number_stands_beside_the_receipts() -> None:
    """Gas, its price, the fee with a rollup's part, tokens, blocks; native currency is not in a receipt."""
    drift = measure_drift(FORECAST, receipt())
    assert (drift.block, drift.blocks_late) == (Gap(10, 12), 2)
    assert (drift.gas_used, drift.gas_price) == (Gap(21_000, 22_000), Gap(12, 13))
    assert drift.fee_wei == Gap(252_000, 22_000 * 13 + 100)
    assert drift.native == Gap(-5, None)
    assert drift.tokens == (
        TokenDrift(WETH, Gap(0, 9)),
        TokenDrift(DAI, Gap(7, 6)),
        TokenDrift(Address("0x" + "66" * 20), Gap(1, 0)),
    )
    assert (drift.was_ok, drift.is_ok, drift.is_exact) == (True, True, False)


def test_what_the_chain_told_itself_goes_before_the_logs() -> None:
    """A trace of the mined transaction knows native currency, and which tokens wrap it."""
    changes = Differences({ME: -8}, {(DAI, ME): 7})
    drift = measure_drift(FORECAST, receipt(), changes)
    assert drift.native == Gap(-5, -8)
    assert drift.tokens is not None
    assert drift.tokens[0] == TokenDrift(DAI, Gap(7, 7))
    assert measure_drift(FORECAST, receipt(), Differences()).native == Gap(-5, 0)


def test_what_was_not_foreseen_is_not_measured() -> None:
    """A rehearsal by eth_call knows neither gas nor tokens."""
    bare = Forecast(tx_hash=HASH, method="eth_call", block=10, base_fee=10, price=12, ok=False)
    drift = measure_drift(bare, receipt())
    assert (drift.gas_used, drift.fee_wei.foreseen) == (Gap(None, 22_000), None)
    assert (drift.tokens, drift.native, drift.was_ok) == (None, Gap(None, None), False)


@pytest.mark.node
async def test_the_chain_says_itself_what_a_transaction_changed(world: World) -> None:
    """Wrapping and paying, rehearsed and mined: no drift but the block's, native currency to the wei. A node
    without traces leaves that unknown, and nothing else."""
    shop = await Shop(world).open()
    raws = [shop.call(shop.weth, TOKEN.function("deposit").encode(), 10**18), shop.call(BOB, value=3)]
    rehearsal = await rehearse(shop.client, raws)
    for mined, foreseen in zip(await shop.mine(raws), rehearsal.txs, strict=True):
        changes = await read_changes(shop.client, mined)
        assert changes is not None
        drift = measure_drift(forecast_of(rehearsal, foreseen), mined, changes)
        assert drift.native.difference == 0
        assert drift.native.foreseen == -foreseen.tx.fields.value - mined.fee_wei
        assert (drift.is_exact, drift.blocks_late, drift.fee_wei.difference) == (True, 0, 0)
        async with through(shop.world, off("debug_traceTransaction")) as (client, _):
            assert await read_changes(client, mined) is None
        blind = measure_drift(forecast_of(rehearsal, foreseen), mined)
        assert (blind.native.actual, blind.tokens) == (None, drift.tokens)
        assert blind.is_exact
    assert drift.tokens == ()
