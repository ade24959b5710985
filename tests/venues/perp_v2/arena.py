"""Random pools and orders on a node with the genuine contracts, and an attacker who tries every size."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import msgspec
from tests.venues.perp_v2.stage import GAS, Stage

from trimtab.chain import wire
from trimtab.chain.call import Call
from trimtab.chain.receipt import Receipt
from trimtab.errors import ChainError, VenueError
from trimtab.model.ids import Address
from trimtab.model.order import Fill, PerpIntent, PerpQuote, Side
from trimtab.model.units import from_wad, to_wad_exact
from trimtab.venues.perp_v2.contracts import CLEARING_HOUSE
from trimtab.venues.perp_v2.pool import PoolLook, PoolReader
from trimtab.venues.perp_v2.ticks import tick_at_price
from trimtab.world.world import World

MARKET = "vETH"
MAKER, VICTIM, ATTACKER, OTHER = (Address("0x" + f"{n:02x}" * 20) for n in (0xA1, 0xA2, 0xA3, 0xA4))
_GWEI = 10**9
_LAST = 2**255


@dataclass(frozen=True)
class Outcome:
    """A sandwich that was done: what the attacker realised, by the contract's own word, and all receipts."""

    profit: int
    victim: Fill
    receipts: tuple[Receipt, ...]


class Arena:
    """One market with four accounts: a maker, a victim, an attacker, and one that traded before them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.stage = Stage(world)
        self.venue = self.stage.venue
        self.attempts = 0

    async def open(self) -> None:
        """Margin for everybody, and almost nothing left of the wide range that a world begins with."""
        accounts = [MAKER, VICTIM, ATTACKER, OTHER]
        await self.stage.prepare(accounts, usdc=20_000_000)
        for account in accounts:
            await self.stage.deposit(account, "USDC", Decimal(19_000_000))

    async def thin_out(self, draws: random.Random) -> None:
        maker = self.world.accounts["maker"].address
        (wide,) = await self.venue.read_liquidity(maker, MARKET)
        left = int(10 ** draws.uniform(20, 22.5))
        plan = self.venue.encode_remove_liquidity(MARKET, liquidity=wide.liquidity - left, ticks=wide.ticks)
        await self.stage.send(maker, plan)

    async def shape(self, draws: random.Random) -> None:
        """A pool, a fee, a block limit, and a trade that came before, perhaps in the same fifteen seconds."""
        await self.thin_out(draws)
        await self.add_ranges(draws)
        token = self.stage.deployment.markets[MARKET].base_token
        contracts = self.stage.deployment.contracts
        fee, ticks = draws.choice([0, 100, 500, 1000]), draws.choice([100, 300, 1000, 1000])
        await self.stage.as_owner(contracts["MarketRegistry"], "setFeeRatio", token, fee)
        await self.stage.as_owner(contracts["Exchange"], "setMaxTickCrossedWithinBlock", token, ticks)
        before = PerpIntent(MARKET, draws.choice(list(Side)), size=_amount(draws, 0.1, 5))
        await self._try(OTHER, before)
        if draws.random() < 0.5:
            await self.stage.warp(20)

    async def add_ranges(self, draws: random.Random) -> None:
        spot = (await self.venue.read_state(MARKET)).spot_price
        center = tick_at_price(spot, 60)
        for _ in range(draws.randint(0, 6)):
            low = center + 60 * draws.randint(-14, 6)
            ticks = (low, low + 60 * draws.randint(1, 12))
            base = _amount(draws, 0.1, 50)
            plan = self.venue.encode_add_liquidity(MARKET, base=base, quote=base * 2000, ticks=ticks)
            await self.stage.send(MAKER, plan)

    async def _try(self, account: Address, intent: PerpIntent) -> None:
        try:
            await self.stage.trade(account, intent)
        except VenueError:
            return  # the block's limits do not let it through: the pool stays as it is

    async def case(self, draws: random.Random) -> tuple[PerpQuote, PoolLook]:
        """A pool, an order that would fill there, as its owner would send it, and the pool as it finds it."""
        while True:
            snapshot = await self.world.snapshot()
            await self.shape(draws)
            found = await self._victim(draws)
            if found is not None:
                return found
            await self.world.restore(snapshot)

    async def _victim(self, draws: random.Random) -> tuple[PerpQuote, PoolLook] | None:
        for _ in range(8):
            try:
                intent = await self._intent(draws)
                quote = await self.venue.read_quote(VICTIM, intent)
                limited = replace(quote, intent=replace(intent, acceptable_price=_limit(draws, quote)))
                self.venue.encode_order(VICTIM, limited.intent, limited)
            except VenueError:
                continue
            pools = PoolReader(self.stage.client, self.stage.deployment)
            return limited, await pools.read(MARKET, account=VICTIM)
        return None

    async def _intent(self, draws: random.Random) -> PerpIntent:
        side, size = draws.choice(list(Side)), _amount(draws, 0.02, 20)
        kind = draws.choice(["size", "size", "notional", "notional", "close"])
        if kind == "notional":
            return PerpIntent(MARKET, side, notional=(size * 2000).quantize(Decimal("1e-6")))
        if kind == "size":
            return PerpIntent(MARKET, side, size=size)
        held = await self.venue.read_position(VICTIM, MARKET)
        if not held.size:
            await self._try(VICTIM, PerpIntent(MARKET, side, size=size))
            held = await self.venue.read_position(VICTIM, MARKET)
        return PerpIntent(MARKET, Side.SELL if held.size > 0 else Side.BUY, close=True)

    async def keep_margin(self, amount: Decimal) -> None:
        """The attacker takes out all of its margin but this."""
        held = await self.venue.read_margin(ATTACKER)
        spare = self.venue.encode_withdraw(ATTACKER, "USDC", held.free_collateral - amount)
        await self.stage.send(ATTACKER, spare)

    async def attack(self, quote: PerpQuote, look: PoolLook, size: int) -> Outcome | None:
        """Front, victim and back in one block at the look's second, then everything undone. None when any of
        them reverts."""
        self.attempts += 1
        front = PerpIntent(MARKET, quote.intent.side, size=from_wad(size))
        calls = [
            (ATTACKER, self._open(front)),
            (VICTIM, self.venue.encode_order(VICTIM, quote.intent, quote).calls[0]),
            (ATTACKER, self._close()),
        ]
        control = self.world.control
        snapshot = await control.snapshot()
        try:
            receipts = await self._mine(calls, look.state.at)
        finally:
            await control.revert(snapshot)
        if not all(r.status for r in receipts):
            return None
        (hit,) = self.venue.decode_fills(receipts[1], VICTIM)
        (closed,) = self.venue.decode_fills(receipts[2], ATTACKER)
        return Outcome(to_wad_exact(closed.realized_pnl), hit, tuple(receipts))

    async def _mine(self, calls: Sequence[tuple[Address, Call]], at: int) -> list[Receipt]:
        client = self.stage.client
        await self.world.control.set_automine(False)
        try:
            sends = [
                ("eth_sendTransaction", [_fields(sender, call, (30 - 10 * i) * _GWEI)])
                for i, (sender, call) in enumerate(calls)
            ]
            answers = await client.batch([("evm_setNextBlockTimestamp", [at]), *sends])
            hashes = [_expect(answer) for answer in answers[1:]]
            await self.world.control.mine()
            found = await client.batch([("eth_getTransactionReceipt", [h]) for h in hashes])
        finally:
            await self.world.control.set_automine(True)
        receipts = [_receipt(answer) for answer in found]
        assert len({r.block for r in receipts}) == 1
        assert [r.index for r in receipts] == sorted(r.index for r in receipts)
        return receipts

    def _open(self, intent: PerpIntent) -> Call:
        sells = intent.side is Side.SELL
        params = {
            "baseToken": self.stage.deployment.markets[MARKET].base_token,
            "isBaseToQuote": sells,
            "isExactInput": sells,
            "amount": to_wad_exact(intent.size),
            "oppositeAmountBound": 0,
            "deadline": _LAST,
            "sqrtPriceLimitX96": 0,
            "referralCode": bytes(32),
        }
        return CLEARING_HOUSE.function("openPosition").at(self._house, params)

    def _close(self) -> Call:
        params = {
            "baseToken": self.stage.deployment.markets[MARKET].base_token,
            "sqrtPriceLimitX96": 0,
            "oppositeAmountBound": 0,
            "deadline": _LAST,
            "referralCode": bytes(32),
        }
        return CLEARING_HOUSE.function("closePosition").at(self._house, params)

    @property
    def _house(self) -> Address:
        return self.stage.deployment.contracts["ClearingHouse"]

    async def brute_force(self, quote: PerpQuote, look: PoolLook) -> int:
        """The most that any size earns: the largest that passes is found by doubling and halving, a grid up
        to it, then finer grids around the best of each. It knows nothing of the pool."""
        earned: dict[int, int] = {0: 0}

        async def passes(size: int) -> bool:
            outcome = await self.attack(quote, look, size)
            if outcome is not None:
                earned[size] = outcome.profit
            return outcome is not None

        low, high = 0, 10**15
        while await passes(high):
            low, high = high, 4 * high
        while high - low > high // 10**6 + 1:
            middle = (low + high) // 2
            low, high = (middle, high) if await passes(middle) else (low, middle)
        width = low // 24
        for size in range(width, low, width) if width else ():
            await passes(size)
        for _ in range(3):
            best = sorted(earned, key=lambda size: -earned[size])[:2]
            near = {min(low, max(1, at + width * i // 4)) for at in best for i in range(-3, 4)}
            for size in sorted(near - set(earned)) if low else ():
                await passes(size)
            width //= 4
        return max(earned.values())


def _amount(draws: random.Random, low: float, high: float) -> Decimal:
    return Decimal(str(draws.uniform(low**0.5, high**0.5) ** 2)).quantize(Decimal("1e-6"))


def _limit(draws: random.Random, quote: PerpQuote) -> Decimal | None:
    """None, or a price up to 4 % worse than the quoted one."""
    slippage = Decimal(draws.randint(5, 400)) / 10_000
    if draws.random() < 0.15:
        return None
    return quote.price * (1 + quote.intent.side.sign * slippage)


def _fields(sender: Address, call: Call, gas_price: int) -> dict[str, Any]:
    data = f"0x{call.data.hex()}"
    return {"from": sender, "to": call.target, "data": data, "gas": hex(GAS), "gasPrice": hex(gas_price)}


def _receipt(answer: Any) -> Receipt:
    receipt = wire.decode_receipt(msgspec.json.encode(_expect(answer)))
    assert receipt is not None
    return receipt


def _expect(answer: Any) -> Any:
    if isinstance(answer, ChainError):
        raise answer
    return answer
