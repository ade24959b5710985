"""Logs to events and fills."""

from __future__ import annotations

from typing import Any

import pytest
from tests.venues.perp_v2.conftest import address

from trimtab.chain.abi import Abi, encode_values
from trimtab.chain.receipt import Log, Receipt
from trimtab.model.ids import Address, BlockHash, TxHash
from trimtab.model.order import Fill
from trimtab.venues.perp_v2 import PerpV2Deployment
from trimtab.venues.perp_v2.contracts import CLEARING_HOUSE, VAULT, list_emitters
from trimtab.venues.perp_v2.decode import Decoder

ALICE, BOB = address(1), address(2)
WAD = 10**18
TX = TxHash("0x" + "ab" * 32)


@pytest.fixture
def decoder(deployment: PerpV2Deployment) -> Decoder:
    return Decoder(deployment)


def log_of(emitter: Address, abi: Abi, name: str, index: int = 0, **args: Any) -> Log:
    """A log as the contract would emit it."""
    event = abi.event(name)
    types = [kind.name for kind in event.inputs.components]  # type: ignore[union-attr]
    pairs = list(zip(event.inputs.names, types, event.indexed, strict=True))
    topics = [encode_values([kind], [args[arg]]) for arg, kind, indexed in pairs if indexed]
    plain = [(kind, args[arg]) for arg, kind, indexed in pairs if not indexed]
    data = encode_values([kind for kind, _ in plain], [value for _, value in plain])
    return Log(emitter, (event.topic0, *topics), data, 9, BlockHash("0x00"), TX, index)


def receipt_of(*logs: Log) -> Receipt:
    return Receipt(TX, 9, BlockHash("0x00"), 0, True, ALICE, BOB, None, 1, 1, 0, logs)


def changed(house: Address, trader: Address, size: int, notional: int, index: int, **more: int) -> Log:
    args = {"fee": 0, "openNotional": -notional, "realizedPnl": 0, "sqrtPriceAfterX96": 1, **more}
    return log_of(
        house,
        CLEARING_HOUSE,
        "PositionChanged",
        index,
        trader=trader,
        baseToken=address(201),
        exchangedPositionSize=size,
        exchangedPositionNotional=notional,
        **args,
    )


def test_every_event_of_every_contract_is_known(decoder: Decoder, deployment: PerpV2Deployment) -> None:
    """Whatever a contract of the venue emits decodes to its name; the same topic elsewhere does not."""
    count = 0
    for emitter, (contract, abi) in list_emitters(deployment).items():
        for event in abi.events.values():
            types = [k.name for k in event.inputs.components]  # type: ignore[union-attr]
            args: dict[str, Any] = {
                name: zero_of(kind) for name, kind in zip(event.inputs.names, types, strict=True)
            }
            log = log_of(emitter, abi, event.name, **args)
            decoded = decoder.decode_log(log)
            assert decoded is not None
            assert (decoded.contract, decoded.name, decoded.args) == (contract, event.name, args)
            assert decoder.decode_log(Log(address(999), *_rest(log))) is None
            count += 1
    assert count > 80


def numbers(fill: Fill) -> tuple[str, ...]:
    """Size, price, fee, realized pnl and funding, without trailing zeros."""
    values = (fill.size, fill.price, fill.fee, fill.realized_pnl, fill.funding)
    return tuple(f"{value.normalize() + 0:f}" for value in values)


def zero_of(kind: str) -> Any:
    """The empty value of an ABI type."""
    if kind == "address":
        return address(0)
    return {"string": "", "bool": False, "bytes32": b"\0" * 32}.get(kind, 0)


def _rest(log: Log) -> tuple[Any, ...]:
    return (log.topics, log.data, log.block, log.block_hash, log.tx_hash, log.log_index)


def test_a_log_without_topics_is_not_ours(decoder: Decoder, deployment: PerpV2Deployment) -> None:
    """Anonymous logs pass."""
    house = deployment.contracts["ClearingHouse"]
    assert decoder.decode_log(Log(house, (), b"", 1, BlockHash(""), TX, 0)) is None


def test_a_trade_is_a_fill_with_its_funding(decoder: Decoder, deployment: PerpV2Deployment) -> None:
    """Signed size, price before the fee, pnl, and the funding that the transaction settled: paid < 0."""
    house = deployment.contracts["ClearingHouse"]
    settled = log_of(
        house,
        CLEARING_HOUSE,
        "FundingPaymentSettled",
        0,
        trader=ALICE,
        baseToken=address(201),
        fundingPayment=3 * WAD,
    )
    trade = changed(house, ALICE, -2 * WAD, 4001 * WAD, 1, fee=4 * WAD, realizedPnl=-7 * WAD)
    (fill,) = decoder.decode_fills(receipt_of(settled, trade), ALICE)
    assert fill.market == "vETH"
    assert numbers(fill) == ("-2", "2000.5", "4", "-7", "-3")
    assert (fill.tx_hash, fill.block, fill.log_index) == (TX, 9, 1)
    assert decoder.decode_fills(receipt_of(settled, trade), BOB) == ()


def test_a_liquidation_gives_each_side_its_fill(decoder: Decoder, deployment: PerpV2Deployment) -> None:
    """The liquidated account pays the penalty as a fee; the liquidator's reward is in its price."""
    house = deployment.contracts["ClearingHouse"]
    logs = (
        changed(house, ALICE, -2 * WAD, 4000 * WAD, 0),
        changed(house, BOB, 2 * WAD, -3950 * WAD, 1),
        log_of(
            house,
            CLEARING_HOUSE,
            "PositionLiquidated",
            2,
            trader=ALICE,
            baseToken=address(201),
            positionNotional=4000 * WAD,
            positionSize=2 * WAD,
            liquidationFee=100 * WAD,
            liquidator=BOB,
        ),
    )
    (lost,) = decoder.decode_fills(receipt_of(*logs), ALICE)
    (taken,) = decoder.decode_fills(receipt_of(*logs), BOB)
    assert numbers(lost) == ("-2", "2000", "100", "0", "0")
    assert numbers(taken) == ("2", "1975", "0", "0", "0")


def test_a_closed_market_fills_at_its_closing_price(decoder: Decoder, deployment: PerpV2Deployment) -> None:
    """PositionClosed has no PositionChanged beside it: the whole position leaves."""
    house = deployment.contracts["ClearingHouse"]
    closed = log_of(
        house,
        CLEARING_HOUSE,
        "PositionClosed",
        trader=ALICE,
        baseToken=address(211),
        closedPositionSize=-3 * WAD,
        closedPositionNotional=-90 * WAD,
        openNotional=100 * WAD,
        realizedPnl=10 * WAD,
        closedPrice=30 * WAD,
    )
    (fill,) = decoder.decode_fills(receipt_of(closed), ALICE)
    assert fill.market == "vBTC"
    assert numbers(fill) == ("3", "30", "0", "10", "0")


def test_a_change_of_nothing_is_no_fill(decoder: Decoder, deployment: PerpV2Deployment) -> None:
    """Removing liquidity that never traded emits PositionChanged with size 0."""
    house = deployment.contracts["ClearingHouse"]
    assert decoder.decode_fills(receipt_of(changed(house, ALICE, 0, 0, 0)), ALICE) == ()


def test_other_contracts_events_are_events_not_fills(decoder: Decoder, deployment: PerpV2Deployment) -> None:
    """A deposit decodes and fills nothing."""
    deposit = log_of(
        deployment.contracts["Vault"],
        VAULT,
        "Deposited",
        collateralToken=address(301),
        trader=ALICE,
        amount=5,
    )
    (event,) = decoder.decode_logs([deposit])
    assert event.args == {"collateralToken": address(301), "trader": ALICE, "amount": 5}
    assert decoder.decode_fills(receipt_of(deposit), ALICE) == ()
