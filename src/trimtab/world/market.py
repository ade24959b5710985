"""Moves a price coherently: oracle, Synthetix rate, AMM by an arbitrageur, and Lyra's cached Greeks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trimtab.errors import ConfigError, IntentError
from trimtab.model.ids import Address
from trimtab.model.units import to_base_exact, to_positive, to_wad_exact
from trimtab.world.accounts import ACCOUNTS
from trimtab.world.addresses import WorldAddresses
from trimtab.world.artifacts import Artifacts
from trimtab.world.deploy_lyra import key_of
from trimtab.world.deploy_perp import CHAINLINK_DECIMALS
from trimtab.world.operator import Deployed, Operator
from trimtab.world.uniswap import price_of_sqrt, sqrt_price_x96

PUSH_SECONDS = 16  # the limiter records a tick, and the mark averages, over 15
SETTLE_SECONDS = 900  # the mark averages the basis over 15 minutes
# A swap may cross 1000 ticks from the last recorded one: 1.0001^1000 = 1.105 up, 0.905 down.
STEP_UP, STEP_DOWN = Decimal("1.09"), Decimal("0.91")
CLOSE_ENOUGH = Decimal("0.00001")
_FAR = 2**63
_ALL_BASE, _ALL_QUOTE = 10**6 * 10**18, 10**9 * 10**18  # the square-root limit stops the swap long before
_NO_REFERRAL = bytes(32)
_SWAP_GAS = 8_000_000
_GREEKS_GAS = 10_000_000
_EXACT_INPUT = True
_INVALID = False


@dataclass(frozen=True, slots=True)
class _Underlying:
    symbol: str
    aggregator: Deployed
    base_token: Address
    pool: Deployed
    rate_key: bytes
    option_market: Deployed
    greek_cache: Deployed


class MarketMaker:
    """Moves prices as the oracle's owner, an arbitrageur and a keeper. The oracle goes first, because a swap
    may not widen a spread over 10 %."""

    def __init__(self, operator: Operator, addresses: WorldAddresses, artifacts: Artifacts) -> None:
        self._operator = operator
        self._house = Deployed(
            "ClearingHouse", artifacts.abi("ClearingHouse"), addresses.perp_v2.contracts["ClearingHouse"]
        )
        rates = addresses.lyra.contracts.get("TestExchangeRates")
        if rates is None:
            raise ConfigError(
                "prices can be moved only where the world deployed the oracles; this one attached"
            )
        self._rates = Deployed("TestExchangeRates", artifacts.abi("TestExchangeRates"), rates)
        self._underlyings = {
            symbol: _underlying(symbol, addresses, artifacts) for symbol in addresses.oracles
        }

    async def set_prices(self, prices: Mapping[str, Decimal], *, at: int | None = None) -> None:
        """Bring every given underlying to its price (8 decimals). Afterwards index, AMM, mark and Lyra's spot
        agree. Takes 16 s of chain time for each 9 % of the largest move, and 16 s more.

        `at` says when it is to be done, as a unix second; the move then comes up to 15 minutes before, so
        that the averages in the mark have settled. Raises `IntentError` for a bad price or an `at` too early.
        """
        targets = {self._find(symbol): to_positive(price, symbol) for symbol, price in prices.items()}
        moves = {u: await self._read_amm_price(u) for u in targets}
        pushes = max(_pushes(moves[u], target) for u, target in targets.items())
        earliest = (await self._operator.client.block("latest")).at + 1
        needed = PUSH_SECONDS * (pushes + 1)
        done = earliest + needed if at is None else at
        if done < earliest + needed:
            raise IntentError(
                f"the move takes {needed} s of chain time, but only {done - earliest} s are left "
                f"until {done}; give a later time or a smaller step",
                field="at",
                value=at,
            )
        start = max(earliest, done - needed - SETTLE_SECONDS)
        await self._post_oracles(targets, start)
        for push in range(1, pushes + 1):
            await self._push(targets, start + PUSH_SECONDS * push)
        await self._refresh_greeks(targets, done)

    async def _post_oracles(self, targets: Mapping[_Underlying, Decimal], at: int) -> None:
        owner = ACCOUNTS["deployer"].address
        async with self._operator.block(owner, at=at) as block:
            for u, price in targets.items():
                answer = to_base_exact(price, CHAINLINK_DECIMALS, u.symbol)
                block.send(owner, u.aggregator, "updateAnswer", answer)
                rate = to_wad_exact(price, u.symbol)
                block.send(owner, self._rates, "setRateAndInvalid", u.rate_key, rate, _INVALID)

    async def _push(self, targets: Mapping[_Underlying, Decimal], at: int) -> None:
        prices = {u: await self._read_amm_price(u) for u in targets}
        arbitrageur = ACCOUNTS["arbitrageur"].address
        async with self._operator.block(arbitrageur, at=at) as block:
            for u, target in targets.items():
                if _pushes(prices[u], target):
                    swap = _swap(u, prices[u], target)
                    block.send(arbitrageur, self._house, "openPosition", swap, gas=_SWAP_GAS)

    async def _refresh_greeks(self, targets: Mapping[_Underlying, Decimal], at: int) -> None:
        keeper = ACCOUNTS["keeper"].address
        boards = [(u, board_id) for u in targets for board_id in await self._read_boards(u, at)]
        async with self._operator.block(keeper, at=at) as block:
            for u, board_id in boards:
                block.send(keeper, u.greek_cache, "updateBoardCachedGreeks", board_id, gas=_GREEKS_GAS)
        if not boards:  # nothing to refresh, yet time has to pass
            await self._operator.client.request("evm_setNextBlockTimestamp", [at])
            await self._operator.client.request("evm_mine")

    async def _read_boards(self, u: _Underlying, at: int) -> list[int]:
        """The live boards that are not expired at `at`: after that they can only be settled."""
        client = self._operator.client
        ids = await client.call(u.option_market.read("getLiveBoards"))
        expiries = [(await client.call(u.option_market.read("getOptionBoard", i))).expiry for i in ids]
        return [i for i, expiry in zip(ids, expiries, strict=True) if expiry > at]

    async def _read_amm_price(self, u: _Underlying) -> Decimal:
        slot0 = await self._operator.client.call(u.pool.read("slot0"))
        return price_of_sqrt(slot0.sqrtPriceX96)

    def _find(self, symbol: str) -> _Underlying:
        if symbol not in self._underlyings:
            known = ", ".join(self._underlyings)
            raise IntentError(f"the world has no underlying {symbol!r}; it has {known}", field="symbol")
        return self._underlyings[symbol]


def _pushes(price: Decimal, target: Decimal) -> int:
    """How many swaps the limiter asks for."""
    ratio = target / price
    if abs(ratio - 1) < CLOSE_ENOUGH:
        return 0
    step = STEP_UP if ratio > 1 else STEP_DOWN
    return math.ceil(float(ratio.ln() / step.ln()) - 1e-9)


def _swap(u: _Underlying, price: Decimal, target: Decimal) -> tuple[Any, ...]:
    falls = target < price
    bound = max(target, price * STEP_DOWN) if falls else min(target, price * STEP_UP)
    amount = _ALL_BASE if falls else _ALL_QUOTE
    return (u.base_token, falls, _EXACT_INPUT, amount, 0, _FAR, sqrt_price_x96(bound), _NO_REFERRAL)


def _underlying(symbol: str, addresses: WorldAddresses, artifacts: Artifacts) -> _Underlying:
    perp = next(m for m in addresses.perp_v2.markets.values() if m.underlying == symbol)
    name, option = next((n, m) for n, m in addresses.lyra.markets.items() if m.underlying == symbol)
    cache = option.contracts["OptionGreekCache"]
    market = option.contracts["OptionMarket"]
    return _Underlying(
        symbol,
        Deployed("MockV3Aggregator", artifacts.abi("MockV3Aggregator"), addresses.oracles[symbol]),
        perp.base_token,
        Deployed("UniswapV3Pool", artifacts.abi("UniswapV3Pool"), perp.pool),
        key_of(name),
        Deployed("OptionMarket", artifacts.abi("OptionMarket"), market),
        Deployed("OptionGreekCache", artifacts.abi("OptionGreekCache"), cache),
    )
