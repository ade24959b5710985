"""Many accounts in one call: questions to PositionLens, and its answers as integers.

What each number means, and how it is rounded, is in IPositionLens.sol. `lens_reader.py` asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trimtab.chain.abi import AbiFunction
from trimtab.hooks.artifacts import load_artifact
from trimtab.model.ids import Address

LENS = "PositionLens"
NEVER = 2**256 - 1
"""Health of an account that nothing can liquidate."""


@dataclass(frozen=True, slots=True)
class PerpRequest:
    """One Perp v2: its markets, and the collaterals that accounts may have beside the settlement token."""

    clearing_house: Address
    base_tokens: tuple[Address, ...]
    collaterals: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class OptionRequest:
    """One option market of Lyra."""

    viewer: Address
    option_market: Address
    black_scholes: Address


@dataclass(frozen=True, slots=True)
class PerpMarketReading:
    """Prices of a market; None where the venue cannot tell."""

    base_token: Address
    price: int | None
    index_price: int | None


@dataclass(frozen=True, slots=True)
class PerpHoldingReading:
    """A place in one market; signed, long > 0, liquidity inside. `liquidation_price` None where no price
    liquidates."""

    base_token: Address
    size: int
    open_notional: int
    value: int
    pending_funding: int
    liquidation_price: int | None


@dataclass(frozen=True, slots=True)
class CollateralReading:
    """`balance` in the token's decimals, `value` with 18 after the haircut."""

    token: Address
    balance: int
    value: int


@dataclass(frozen=True, slots=True)
class PerpReading:
    """An account at Perp v2. `settlement_balance` in the settlement token's decimals, the rest with 18."""

    equity: int
    maintenance_margin: int
    initial_margin: int
    free_collateral: int
    health: int
    notional: int
    settlement_balance: int
    collaterals: tuple[CollateralReading, ...]
    holdings: tuple[PerpHoldingReading, ...]


@dataclass(frozen=True, slots=True)
class SeriesReading:
    """A strike priced now, per option; `price_at_expiry` 0 until its board is settled. `vega` per 1.0."""

    strike_id: int
    board_id: int
    strike_price: int
    expiry: int
    base_iv: int
    vol: int
    price_at_expiry: int
    call_price: int
    put_price: int
    call_delta: int
    put_delta: int
    vega: int


@dataclass(frozen=True, slots=True)
class OptionHoldingReading:
    """An open position and its series; collateral in its own currency. Type and state by the venue's
    numbers."""

    position_id: int
    series: SeriesReading
    option_type: int
    state: int
    amount: int
    collateral: int
    min_collateral: int


@dataclass(frozen=True, slots=True)
class OptionReading:
    """An account in one option market. `spot` and `rate` price it; 0 without positions."""

    equity: int
    maintenance_margin: int
    health: int
    delta: int
    vega: int
    spot: int
    rate: int
    holdings: tuple[OptionHoldingReading, ...]


@dataclass(frozen=True, slots=True)
class Unread:
    """Why an account could not be read: the venue's revert data, empty where the gas ran out."""

    reason: bytes


@dataclass(frozen=True, slots=True)
class PerpAnswer:
    """Readings in the order of the accounts that were asked for."""

    markets: tuple[PerpMarketReading, ...]
    accounts: tuple[PerpReading | Unread, ...]


@dataclass(frozen=True, slots=True)
class OptionAnswer:
    """Readings in the order of the accounts that were asked for."""

    accounts: tuple[OptionReading | Unread, ...]


@dataclass(frozen=True, slots=True)
class LensAnswer:
    """One answer for each request, in order."""

    perps: tuple[PerpAnswer, ...]
    options: tuple[OptionAnswer, ...]


def encode_query(
    perps: Sequence[PerpRequest], options: Sequence[OptionRequest], accounts: Sequence[Address]
) -> bytes:
    """Calldata of PositionLens.read."""
    houses = [(p.clearing_house, list(p.base_tokens), list(p.collaterals)) for p in perps]
    markets = [(o.viewer, o.option_market, o.black_scholes) for o in options]
    return _read().encode(houses, markets, list(accounts))


def decode_answer(data: bytes) -> LensAnswer:
    """Its return data. Raises `AbiError` for anything else."""
    perps, options = _read().decode(data)
    return LensAnswer(tuple(map(_perp_answer, perps)), tuple(map(_option_answer, options)))


def join_answers(answers: Sequence[LensAnswer]) -> LensAnswer:
    """Answers to the same requests about accounts that follow each other, as one. Prices are the first's."""
    first = answers[0]
    perps = (
        PerpAnswer(book.markets, tuple(a for answer in answers for a in answer.perps[i].accounts))
        for i, book in enumerate(first.perps)
    )
    options = (
        OptionAnswer(tuple(a for answer in answers for a in answer.options[i].accounts))
        for i in range(len(first.options))
    )
    return LensAnswer(tuple(perps), tuple(options))


def _read() -> AbiFunction:
    return load_artifact(LENS).abi.function("read")


def _perp_answer(book: Any) -> PerpAnswer:
    markets = (
        PerpMarketReading(Address(m.baseToken), m.price or None, m.indexPrice or None) for m in book.markets
    )
    return PerpAnswer(tuple(markets), tuple(map(_perp_reading, book.accounts)))


def _perp_reading(raw: Any) -> PerpReading | Unread:
    if not raw.isOk:
        return Unread(raw.reason)
    collaterals = tuple(CollateralReading(*item) for item in raw.collaterals)
    holdings = tuple(PerpHoldingReading(*(*h[:5], h.liquidationPrice or None)) for h in raw.holdings)
    return PerpReading(*(*raw[2:9], collaterals, holdings))


def _option_answer(book: Any) -> OptionAnswer:
    series = [SeriesReading(*item) for item in book.series]

    def reading(raw: Any) -> OptionReading | Unread:
        if not raw.isOk:
            return Unread(raw.reason)
        held = tuple(OptionHoldingReading(*(h[0], series[h[1]], *h[2:])) for h in raw.holdings)
        priced_with = (book.spot, book.rate) if held else (0, 0)  # whoever else was asked about
        return OptionReading(*(*raw[2:7], *priced_with, held))

    return OptionAnswer(tuple(map(reading, book.accounts)))
