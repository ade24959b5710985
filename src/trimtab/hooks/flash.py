"""FlashLiquidator: liquidations at Perp v2 with borrowed money, as orders, quotes and events. All numbers in
base units."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, Final

from trimtab.chain.abi import Abi
from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.chain.receipt import Log
from trimtab.chain.reverts import call_reverted
from trimtab.errors import CallRevertedError, IntentError
from trimtab.hooks.artifacts import load_artifact
from trimtab.hooks.plans import UINT256_MAX
from trimtab.model.ids import ZERO_ADDRESS, Address
from trimtab.model.units import WAD

ROUNDS: Final = 16
"""Steps of one target at most: a venue that allows half at a time comes to dust in fewer."""
_MILLION: Final = 10**6


class Lender(IntEnum):
    """Of whom the money is borrowed."""

    NONE = 0
    AAVE_V3 = 1
    UNISWAP_V3 = 2


@dataclass(frozen=True, slots=True)
class Loan:
    """Settlement tokens for the length of the transaction. Of a Uniswap pool, which `pair` (its other token)
    and `pool_fee` (millionths) name; that pool is locked meanwhile, so collateral is sold in another one."""

    lender: Lender
    amount: int
    pair: Address = ZERO_ADDRESS
    pool_fee: int = 0

    @classmethod
    def none(cls) -> Loan:
        """Enough for collateral: its sale brings the money first."""
        return cls(Lender.NONE, 0)

    @classmethod
    def aave(cls, amount: int) -> Loan:
        return cls(Lender.AAVE_V3, amount)

    @classmethod
    def uniswap(cls, amount: int, pair: Address, pool_fee: int) -> Loan:
        return cls(Lender.UNISWAP_V3, amount, pair, pool_fee)

    def to_abi(self) -> tuple[Any, ...]:
        return int(self.lender), self.amount, self.pair, self.pool_fee


@dataclass(frozen=True, slots=True)
class PositionTarget:
    """A position to take over, in at most `rounds` steps of at most `size` (signed as the position is, 18
    decimals; 0 is as much as the venue allows)."""

    trader: Address
    base_token: Address
    size: int = 0
    rounds: int = ROUNDS

    def to_abi(self) -> tuple[Any, ...]:
        return self.trader, self.base_token, self.size, self.rounds


@dataclass(frozen=True, slots=True)
class Unwind:
    """The prices (18 decimals, fee inside) at which what was taken over in a market may be closed: at least
    `min_price` where that sells, at most `max_price` where it buys."""

    base_token: Address
    min_price: int = 0
    max_price: int = UINT256_MAX

    def to_abi(self) -> tuple[Any, ...]:
        return self.base_token, self.min_price, self.max_price


@dataclass(frozen=True, slots=True)
class CollateralTarget:
    """Collateral to buy at the venue's discount and to sell in the Uniswap pool of `pool_fee`, in at most
    `rounds` steps of at most `amount` (0 is as much as the venue allows). `min_price`: settlement tokens for
    1e18 base units of it."""

    trader: Address
    token: Address
    pool_fee: int
    amount: int = 0
    rounds: int = ROUNDS
    min_price: int = 0

    def to_abi(self) -> tuple[Any, ...]:
        return self.trader, self.token, self.amount, self.rounds, self.pool_fee, self.min_price


@dataclass(frozen=True, slots=True)
class FlashOrder:
    """What to liquidate, with whose money, for how much, until when (unix second of the last block). What is
    left, at least `min_profit`, goes to `recipient`. Raises `IntentError` when it could never succeed."""

    loan: Loan
    recipient: Address
    deadline: int
    positions: tuple[PositionTarget, ...] = ()
    unwinds: tuple[Unwind, ...] = ()
    collaterals: tuple[CollateralTarget, ...] = ()
    min_profit: int = 0

    def __post_init__(self) -> None:
        if not (self.positions or self.collaterals):
            raise _wrong("positions", (), "is empty and so is collaterals: name what to liquidate")
        if self.recipient == ZERO_ADDRESS:
            raise _wrong("recipient", self.recipient, "is the zero address: name who gets the profit")
        if self.positions and self.loan.amount <= 0:
            raise _wrong("loan", self.loan.amount, "is no margin: taking over a position needs some")
        if self.loan.lender is Lender.NONE and self.loan.amount:
            raise _wrong("loan", self.loan.amount, "is borrowed of nobody: name a lender")
        rounds = [p.rounds for p in self.positions] + [c.rounds for c in self.collaterals]
        if min(rounds) < 1:
            raise _wrong("rounds", 0, "would make no step: give at least 1")
        self._check_unwinds()

    def _check_unwinds(self) -> None:
        closed = [unwind.base_token for unwind in self.unwinds]
        taken = {target.base_token for target in self.positions}
        if len(set(closed)) < len(closed) or set(closed) != taken:
            raise _wrong("unwinds", closed, f"must name each market that is taken over in once: {taken}")

    def to_abi(self) -> tuple[Any, ...]:
        """The contract's struct, for encoders."""
        return (
            self.loan.to_abi(),
            [target.to_abi() for target in self.positions],
            [unwind.to_abi() for unwind in self.unwinds],
            [target.to_abi() for target in self.collaterals],
            self.min_profit,
            self.recipient,
            self.deadline,
        )


@dataclass(frozen=True, slots=True)
class Liquidated:
    """What came of an order: `steps` liquidations, the loan and its `premium`, and the `profit` paid out."""

    caller: Address
    recipient: Address
    lender: Lender
    loan: int
    premium: int
    steps: int
    profit: int


def flash_abi() -> Abi:
    return load_artifact("FlashLiquidator").abi


def encode_liquidate(liquidator: Address, order: FlashOrder) -> Call:
    """The order as a call; anyone may make it, so keep it private until it is mined."""
    return flash_abi().function("liquidate").at(liquidator, order.to_abi())


async def read_profit(
    client: Client, liquidator: Address, order: FlashOrder, sender: Address, *, block: int | str = "pending"
) -> int:
    """What the order would leave, to the unit, as the last transaction of `block`; below zero what it would
    lose. Its `min_profit` is not asked for. The pending block has the time of the next one, which the venue's
    prices depend on; a node that knows none takes the latest. Raises `CallRevertedError` where something else
    fails."""
    free = replace(order, min_profit=0)
    call = encode_liquidate(liquidator, free)
    try:
        data = await client.call_raw(call, sender=sender, block=block, name="FlashLiquidator.liquidate")
    except CallRevertedError as error:
        refusal = flash_abi().error("ProfitBelow")
        if error.data[:4] != refusal.selector:
            raise call_reverted("the liquidation", liquidator, error.data, (flash_abi(),)) from error
        loss: int = refusal.decode(error.data)["profit"]
        return loss
    return int(flash_abi().function("liquidate").decode(data))


def decode_events(logs: Iterable[Log], liquidator: Address) -> list[Liquidated]:
    """What the contract told in these logs, in their order."""
    event = flash_abi().event("Liquidated")
    found = []
    for log in logs:
        if log.address == liquidator and log.topics and log.topics[0] == event.topic0:
            told = event.decode(log)
            found.append(Liquidated(**{**told, "lender": Lender(told["lender"])}))
    return found


def margin_up(notional: int, initial_ratio: int, decimals: int) -> int:
    """The loan that holds positions of `notional` (quote, 18 decimals) until they are closed: at the venue's
    initial margin ratio (millionths), rounded up to settlement tokens of `decimals`."""
    unit: int = 10**decimals
    return -(-notional * initial_ratio * unit // (_MILLION * WAD))


def _wrong(name: str, value: object, problem: str) -> IntentError:
    return IntentError(f"{name} {value!r} {problem}", field=name, value=value)
