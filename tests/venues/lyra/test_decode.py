"""Logs into events, fills, settlements and liquidations, without a node: the logs are made by the ABI."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.chain.abi import encode_values
from trimtab.chain.abi_types import canonical
from trimtab.chain.receipt import Log, Receipt
from trimtab.model.ids import ZERO_ADDRESS, Address, BlockHash, TxHash
from trimtab.model.market import OptionType
from trimtab.model.units import WAD, from_wad
from trimtab.venues.lyra.addresses import LyraDeployment
from trimtab.venues.lyra.contracts import CONTRACTS, OPTION_TYPES, abi
from trimtab.venues.lyra.decode import Decoder

ALICE, BOB = Address("0x" + "a1" * 20), Address("0x" + "b2" * 20)
HASH = TxHash("0x" + "01" * 32)
OPEN, CLOSE, LIQUIDATE = 0, 1, 2
wads = st.integers(1, 10**27)


def make_log(address: Address, contract: str, name: str, *args: Any, index: int = 0) -> Log:
    """A log as the contract would emit it."""
    event = abi(contract).event(name)
    values = list(zip(event.inputs.components, args, event.indexed, strict=True))
    topics = [encode_values([canonical(kind)], [value]) for kind, value, indexed in values if indexed]
    body = [(canonical(kind), value) for kind, value, indexed in values if not indexed]
    data = encode_values([kind for kind, _ in body], [value for _, value in body])
    return Log(address, (event.topic0, *topics), data, 7, BlockHash("0x" + "02" * 32), HASH, index)


def receipt_of(*logs: Log) -> Receipt:
    block = BlockHash("0x" + "02" * 32)
    return Receipt(HASH, 7, block, 0, True, ALICE, None, None, 1, 1, 0, tuple(logs))


def trade_log(
    paper: LyraDeployment,
    option_type: OptionType,
    direction: int,
    parts: list[tuple[int, int, int]],
    liquidation: tuple[Any, ...] = (ZERO_ADDRESS, ZERO_ADDRESS, 0, 0, 0, 0, 0, 0),
) -> Log:
    """A Trade of (amount, premium, fee) parts."""
    buys = option_type.is_long == (direction == OPEN)
    results = [
        _result(amount=a, premium=p, totalFee=f, totalCost=p + f if buys else p - f) for a, p, f in parts
    ]
    amount = sum(a for a, _, _ in parts)
    trade = (
        1_702_419_200,
        1750 * WAD,
        OPTION_TYPES.index(option_type),
        direction,
        amount,
        0,
        False,
        WAD,
        0,
        sum(p + f if buys else p - f for _, p, f in parts),
    )
    market = paper.markets["sETH"].contracts["OptionMarket"]
    return make_log(market, "OptionMarket", "Trade", ALICE, 3, 11, trade, results, liquidation, 1_700_000_000)


def _result(**named: int) -> tuple[Any, ...]:
    """A TradeResult with these members; every other is zero."""
    inputs = abi("OptionMarket").event("Trade").inputs
    item: Any = inputs.components[inputs.names.index("tradeResults")]
    members = zip(item.item.names, item.item.components, strict=True)
    return tuple(
        named.get(name, 0) if not hasattr(kind, "components") else (0,) * len(kind.components)
        for name, kind in members
    )


@given(
    option_type=st.sampled_from(OptionType),
    direction=st.sampled_from([OPEN, CLOSE]),
    parts=st.lists(st.tuples(wads, wads, wads), min_size=1, max_size=4),
)
def test_a_fill_is_the_sum_of_its_parts(
    paper: LyraDeployment, option_type: OptionType, direction: int, parts: list[tuple[int, int, int]]
) -> None:
    """Size is signed by who bought; price is premium over size, before the fee; the fee is all fees."""
    parts = [(amount, premium + fee, fee) for amount, premium, fee in parts]
    receipt = receipt_of(trade_log(paper, option_type, direction, parts))
    (fill,) = Decoder(paper).decode_fills(receipt, ALICE)
    amount = from_wad(sum(p[0] for p in parts))
    assert fill.size == (amount if option_type.is_long == (direction == OPEN) else -amount)
    assert fill.price == from_wad(sum(p[1] for p in parts)) / amount
    assert fill.fee == from_wad(sum(p[2] for p in parts))
    assert (fill.market, fill.position_id, fill.block, fill.tx_hash) == ("sETH", 11, 7, HASH)
    assert Decoder(paper).decode_fills(receipt, BOB) == ()


def test_a_change_of_collateral_is_no_fill(paper: LyraDeployment) -> None:
    """A Trade without results moved collateral only."""
    receipt = receipt_of(trade_log(paper, OptionType.SHORT_PUT_QUOTE, OPEN, []))
    assert Decoder(paper).decode_fills(receipt, ALICE) == ()


def test_a_liquidation_buys_the_short_back(paper: LyraDeployment) -> None:
    """It is a bought fill of the position's owner, and a liquidation with each part of the collateral."""
    fees = (BOB, BOB, 5 * WAD, 4 * WAD, 3 * WAD, 2 * WAD, WAD, 0)
    log = trade_log(
        paper, OptionType.SHORT_CALL_QUOTE, LIQUIDATE, [(2 * WAD, 10 * WAD, WAD)], liquidation=fees
    )
    decoder = Decoder(paper)
    (fill,) = decoder.decode_fills(receipt_of(log), ALICE)
    (liquidation,) = decoder.decode_liquidations(receipt_of(log))
    assert fill.size == Decimal(2)
    assert (liquidation.account, liquidation.beneficiary, liquidation.type) == (
        ALICE,
        BOB,
        OptionType.SHORT_CALL_QUOTE,
    )
    parts = [liquidation.returned, liquidation.pool_premium, liquidation.pool_fee]
    assert [*parts, liquidation.liquidator_fee, liquidation.security_module_fee] == [5, 4, 3, 2, 1]
    assert decoder.decode_liquidations(receipt_of(log), BOB) == ()


def test_a_settlement_is_decoded_for_its_owner(paper: LyraDeployment) -> None:
    """Whoever sent the settlement: it belongs to the owner of the position."""
    at = paper.markets["sBTC"].contracts["ShortCollateral"]
    args = (9, BOB, ALICE, 1750 * WAD, 2050 * WAD, 0, 5 * WAD, 1500 * WAD, 0)
    receipt = receipt_of(make_log(at, "ShortCollateral", "PositionSettled", *args))
    (settlement,) = Decoder(paper).decode_settlements(receipt, ALICE)
    assert (settlement.market, settlement.position_id, settlement.type) == ("sBTC", 9, OptionType.LONG_CALL)
    assert [settlement.paid, settlement.settlement_price] == [1500, 2050]
    assert Decoder(paper).decode_settlements(receipt, BOB) == ()


def test_one_topic_two_standards(paper: LyraDeployment) -> None:
    """An ERC-20 Transfer has two indexed arguments, an ERC-721 one three: each decodes at its address."""
    decoder, at = Decoder(paper), paper.markets["sETH"]
    coin = make_log(at.quote_asset, "ERC20", "Transfer", ALICE, BOB, 5)
    token = make_log(at.contracts["OptionToken"], "OptionToken", "Transfer", ALICE, BOB, 5)
    assert coin.topics[0] == token.topics[0]
    first, second = decoder.decode_log(coin), decoder.decode_log(token)
    assert first is not None
    assert second is not None
    assert (first.contract, list(first.args.values())) == ("ERC20", [ALICE, BOB, 5])
    assert (second.contract, list(second.args.values())) == ("OptionToken", [ALICE, BOB, 5])


def test_foreign_logs_are_left_alone(paper: LyraDeployment) -> None:
    """Another address, an unknown topic, a wrong number of topics and no topics at all: None, no error."""
    decoder, at = Decoder(paper), paper.markets["sETH"]
    mine = make_log(at.quote_asset, "ERC20", "Transfer", ALICE, BOB, 5)
    for address, topics in (
        (BOB, mine.topics),
        (at.quote_asset, (b"\x01" * 32,)),
        (at.quote_asset, mine.topics[:2]),
        (at.quote_asset, ()),
    ):
        log = Log(address, topics, mine.data, 7, mine.block_hash, HASH, 0)
        assert decoder.decode_log(log) is None


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_event_has_a_place(contract: str) -> None:
    """No two events of a contract share topic and number of indexed arguments, so none hides another."""
    events = abi(contract).events.values()
    assert len({(event.topic0, sum(event.indexed)) for event in events}) == len(events)
