"""A guard on a bare node, the venue on paper behind it, and people who do what they may and may not."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any, Self

from tests.contracts.guard.book import (
    DAY,
    NO_LIMIT,
    WAD,
    Account,
    Book,
    Kind,
    RefusedError,
    Step,
    Terms,
    Took,
    highest_fee,
    windows_above,
)
from tests.contracts.mining import mine_on_request, send_and_mine

from trimtab.chain.abi import Abi
from trimtab.chain.client import Client
from trimtab.hooks.artifacts import load_artifact
from trimtab.hooks.guard import guard_abi
from trimtab.model.ids import ZERO_ADDRESS, Address
from trimtab.world.accounts import ACCOUNTS
from trimtab.world.node import AnvilNode

MOCKS = Path(__file__).parents[2] / "data" / "contracts"
MARKET = b"PAPER/USD".ljust(32, b"\0")
GAS = 3_000_000
FUNDS = 10**22
START = 2_000_000_000
OWNER, AGENT, GUARDIAN, THIEF = (ACCOUNTS[n].address for n in ("deployer", "maker", "lp", "arbitrageur"))
FRIEND = Address("0x" + "f1" * 20)  # gets value, and keeps it: its balance is what it was sent
STRANGER = Address("0x" + "5a" * 20)
KINDS: tuple[Kind, ...] = ("trade", "failing", "margin", "value", "stranger")
CALLS = {"trade": "trade", "failing": "tradeAndFail", "margin": "deposit"}


@dataclass(frozen=True)
class Mined:
    """A transaction: its error's name where it failed, and the event of what it took."""

    at: int
    error: str | None
    spend: Any
    gas_used: int
    gas_price: int
    refund: int


class Stage:
    """The contracts, once for all runs; each run is undone after it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.guard = self.paper = self.ambush = ZERO_ADDRESS
        self.abi, self.paper_abi, self.ambush_abi = guard_abi(), _mock("PaperVenue")[0], _mock("Ambush")[0]

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Self]:
        async with AnvilNode.open() as node, Client.open(node.url) as client:
            stage = cls(client)
            await stage._set_up()
            await mine_on_request(client)
            yield stage

    async def _set_up(self) -> None:
        await self.client.request("evm_setNextBlockTimestamp", [START])
        guard = load_artifact("Guard").init_code(OWNER, AGENT, GUARDIAN)
        self.guard = await self._deploy(guard)
        self.paper = await self._deploy(_mock("PaperVenue")[1])
        self.ambush = await self._deploy(_mock("Ambush")[1])
        await self.client.request("anvil_setBalance", [self.guard, hex(FUNDS)])
        await self.client.request("anvil_setCode", [AGENT, f"0xef0100{self.ambush[2:]}"])  # EIP-7702

    async def _deploy(self, code: bytes) -> Address:
        sent = {"from": OWNER, "data": f"0x{code.hex()}", "gas": hex(10_000_000)}
        receipt = await self.client.request("eth_sendTransactionSync", [sent])
        return Address(receipt["contractAddress"])

    async def send(
        self, sender: Address, target: Address, data: bytes, *, at: int, gas_price: int = 10**9
    ) -> Mined:
        """Mined at this second, whether or not it fails."""
        await self.client.request("evm_setNextBlockTimestamp", [at])
        fields = {"from": sender, "to": target, "data": f"0x{data.hex()}", "gas": hex(GAS)}
        receipt = await send_and_mine(self.client, fields | {"gasPrice": hex(gas_price)})
        used, price = int(receipt["gasUsed"], 16), int(receipt["effectiveGasPrice"], 16)
        if receipt["status"] != "0x1":
            return Mined(at, await self._error(receipt["transactionHash"]), None, used, price, 0)
        events = self._events(receipt["logs"])
        refund = events["FeeRefunded"].amount if "FeeRefunded" in events else 0
        return Mined(at, None, events.get("Spend"), used, price, refund)

    def _events(self, logs: list[dict[str, Any]]) -> dict[str, Any]:
        found = {}
        for log in logs:
            event = self.abi.event_by_topic(bytes.fromhex(log["topics"][0][2:]))
            if event is not None and log["address"] == self.guard:
                topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
                found[event.name] = event.decode_parts(topics, bytes.fromhex(log["data"][2:]))
        return found

    async def _error(self, tx_hash: str) -> str:
        tracer = {"tracer": "callTracer", "tracerConfig": {"onlyTopCall": True}}
        trace = await self.client.request("debug_traceTransaction", [tx_hash, tracer])
        known = self.abi.error_by_selector(bytes.fromhex(trace["output"][2:10]))
        return known.name if known is not None else trace["output"]

    async def read(self, abi: Abi, target: Address, function: str, *args: Any) -> Any:
        return await self.client.call(abi.function(function).read(target, *args))

    async def balance(self, address: Address) -> int:
        return await self.client.balance(address)


class Run:
    """One run from a seed: the chain and the book side by side, asked of both after every action."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage, self.draw, self.seed = stage, Random(seed), seed
        self.now = START + 1_000
        self.book = Book(mark=200 * WAD, oracle=100 * WAD)
        self.done: list[tuple[Took, Terms]] = []
        self.value = self.refunded = 0
        self.log: list[str] = []

    async def play(self, actions: int) -> None:
        """Raises `AssertionError` with the seed and the story."""
        snapshot = await self.stage.client.request("evm_snapshot")
        try:
            await self._set_prices()
            await self._set_limits()
            for _ in range(actions):
                await self._act()
            await self._check_end()
        except AssertionError as error:
            error.add_note("\n".join([f"seed {self.seed}", *self.log]))
            raise
        finally:
            await self.stage.client.request("evm_revert", [snapshot])

    async def _act(self) -> None:
        self.now += self.draw.choice((0, 0, 1, 7, 600, 3_598, 3_599, 20_000, 86_398, 86_399))
        others = (self._set_limits, self._set_prices, self._kill, self._revive, self._usurp, self._ambush)
        await self.draw.choices(
            (self._plan, *others, self._enter_sideways), weights=(24, 2, 2, 1, 2, 1, 2, 1)
        )[0]()

    # The owner, the guardian, the oracle

    async def _set_limits(self) -> None:
        terms = draw_terms(self.draw, self.now)
        stage = self.stage
        entries: list[tuple[Any, ...]] = [
            (stage.paper, _selector(stage.paper_abi, name), stage.paper, name != "deposit", [])
            for name in CALLS.values()
        ]
        struct = {"calls": entries, "transfers": [FRIEND, AGENT], **_struct(terms)}
        await self._owner(stage.abi.function("setLimits").encode(struct))
        self.book.terms = terms

    async def _set_prices(self) -> None:
        self.book.mark = self.draw.randint(50, 200) * WAD + self.draw.randint(0, 9)
        self.book.oracle = self.draw.randint(50, 200) * WAD + self.draw.randint(0, 9)
        data = self.stage.paper_abi.function("setPrices").encode(MARKET, self.book.mark, self.book.oracle)
        mined = await self.stage.send(OWNER, self.stage.paper, data, at=self._tick())
        assert mined.error is None

    async def _kill(self) -> None:
        who = self.draw.choice((OWNER, GUARDIAN))
        mined = await self._send(who, self.stage.abi.function("kill").encode())
        assert mined.error is None
        self.book.is_killed = True

    async def _revive(self) -> None:
        await self._owner(self.stage.abi.function("revive").encode())
        self.book.is_killed = False

    async def _owner(self, data: bytes) -> None:
        mined = await self._send(OWNER, data)
        assert mined.error is None, mined

    # The agent

    async def _plan(self) -> None:
        steps = tuple(draw_step(self.draw, self.book) for _ in range(self.draw.choice((1, 1, 1, 2, 3))))
        price = self.draw.choice((1, 1, 2, 50)) * 10**9
        mined = await self._send(AGENT, self._encode(steps), gas_price=price)
        limited = {k: v for k, v in asdict(self.book.terms or Terms()).items() if v not in {NO_LIMIT, False}}
        self.log.append(f"{self.now} {limited} {steps} -> {mined}")
        try:
            took, account = self.book.judge(steps, self.now)
        except RefusedError as refused:
            wanted = str(refused)
        else:
            wanted = ""
        if wanted:
            assert mined.error == wanted
            return
        if mined.error is not None:
            self._check_refused_fee(mined, took)
            return
        self._note(mined, took, account)

    def _check_refused_fee(self, mined: Mined, took: Took) -> None:
        """The fee is not known where it was refused, but its bounds are."""
        highest = highest_fee(mined.gas_used, mined.gas_price)
        assert mined.error in {"CostAbove", "FeesPerHourAbove", "FeesPerDayAbove"}
        assert self.book.fits(highest, took.value, self.now) is not None

    def _note(self, mined: Mined, took: Took, account: Account) -> None:
        """What passed is within each limit, and its fee is not below the real one."""
        assert self.book.terms is not None
        fee, real = mined.spend.fee, mined.gas_used * mined.gas_price
        assert (mined.spend.value, mined.spend.notional) == (took.value, took.notional)
        assert real <= fee <= highest_fee(mined.gas_used, mined.gas_price)
        assert self.book.fits(fee, took.value, self.now) is None
        assert mined.refund == (fee if self.book.terms.refunds_fees else 0)
        took = Took(took.at, took.value, took.notional, fee)
        self.book.account, self.value = account, self.value + took.value
        self.book.taken.append(took)
        self.done.append((took, self.book.terms))
        self.refunded += mined.refund

    # Attacks: none of them does anything

    async def _usurp(self) -> None:
        """Someone calls what is not theirs."""
        who = self.draw.choice((AGENT, THIEF, GUARDIAN))
        name, *args = self.draw.choice(
            (
                ("setAgent", THIEF),
                ("setGuardian", THIEF),
                ("transferOwnership", THIEF),
                ("acceptOwnership",),
                ("revive",),
            )
        )
        mined = await self._send(who, self.stage.abi.function(name).encode(*args))
        assert mined.error == "OwnableUnauthorizedAccount"
        mined = await self._send(THIEF, self._encode((Step("trade", WAD, 0),)))
        assert mined.error == "NotAgent"

    async def _ambush(self) -> None:
        """The agent's address has code of the thief's, gets value or its fee, and comes back from there."""
        stage = self.stage
        name = self.draw.choice(("execute", "setLimits", "kill", "executeAsOwner"))
        inner = self._encode((Step("trade", WAD, 0),)) if name == "execute" else _bare(stage.abi, name)
        snapshot = await stage.client.request("evm_snapshot")
        arm = stage.ambush_abi.function("arm").encode(stage.guard, inner)
        assert (await stage.send(THIEF, AGENT, arm, at=self._tick())).error is None
        before = await stage.balance(THIEF)
        mined = await self._send(AGENT, self._encode_raw([(AGENT, 0, b"", 0)]))
        assert not await stage.read(stage.ambush_abi, AGENT, "isSuccess")
        assert await stage.balance(THIEF) == before
        if mined.error is None:
            self._note(mined, Took(self.now, 0, 0), self.book.account)
        else:  # or it would lie in wait for another time
            await stage.client.request("evm_revert", [snapshot])

    async def _enter_sideways(self) -> None:
        """The guard's code on other storage, the guard as its own target, a token of the thief's."""
        stage = self.stage
        plan = self._encode((Step("trade", WAD, 0),))
        become = stage.ambush_abi.function("become").encode(stage.guard, plan)
        await stage.send(THIEF, stage.ambush, become, at=self._tick())
        for target, data in (
            (stage.guard, _bare(stage.abi, "kill")),
            (stage.guard, b""),
            (stage.ambush, _bare(stage.abi, "kill")),
        ):
            mined = await self._send(AGENT, self._encode_raw([(target, 0, data, 1)]))
            assert mined.error in {"CallNotAllowed", "AgentKilled", "LimitsExpired"}

    # The end

    async def _check_end(self) -> None:
        """No window anywhere holds more than its cap, and every wei is where the book has it."""
        stage = self.stage
        assert list(windows_above(self.done)) == []
        lost = FUNDS - await stage.balance(stage.guard)
        assert await stage.balance(FRIEND) + await stage.balance(stage.paper) == self.value
        assert await stage.balance(STRANGER) == 0
        assert lost == self.value + self.refunded
        people = [
            await stage.read(stage.abi, stage.guard, n) for n in ("owner", "agent", "guardian", "isKilled")
        ]
        assert people == [OWNER, AGENT, GUARDIAN, self.book.is_killed]
        state = await stage.read(stage.paper_abi, stage.paper, "probe", stage.guard)
        sizes = [exposure.size for exposure in state.exposures]
        assert (sizes or [0], state.cash) == ([self.book.account.size], self.book.account.cash)

    # Words

    def _tick(self) -> int:
        self.now += 1
        return self.now

    async def _send(self, sender: Address, data: bytes, *, gas_price: int = 10**9) -> Mined:
        return await self.stage.send(sender, self.stage.guard, data, at=self._tick(), gas_price=gas_price)

    def _encode(self, steps: tuple[Step, ...]) -> bytes:
        return self._encode_raw([self._call(step) for step in steps])

    def _encode_raw(self, calls: list[tuple[Address, int, bytes, int]]) -> bytes:
        plan: tuple[Any, ...] = (calls, ([], [], [], [], []), 2**40, b"\0" * 32, [], [])
        return self.stage.abi.function("execute").encode(plan)

    def _call(self, step: Step) -> tuple[Address, int, bytes, int]:
        rule = 1 if step.passes else 0
        if step.kind in {"value", "stranger"}:
            return FRIEND if step.kind == "value" else STRANGER, step.value, b"", rule
        args = (step.size,) if step.kind == "margin" else (MARKET, step.size, step.paid)
        data = self.stage.paper_abi.function(CALLS[step.kind]).encode(*args)
        return self.stage.paper, step.value, data, rule


def draw_terms(draw: Random, now: int) -> Terms:
    """Each limit is there half of the time, and near what one or a few actions take."""
    ether = 10**15

    def maybe(*choices: int) -> int:
        return draw.choice((NO_LIMIT, draw.choice(choices)))

    return Terms(
        max_value=maybe(0, 5, 20, 2 * 10**6),
        max_value_per_day=maybe(0, 10, 60),
        max_cost=maybe(ether, 20 * ether),
        max_fees_per_hour=maybe(ether // 2, ether, 10 * ether),
        max_fees_per_day=maybe(ether, 3 * ether, 20 * ether),
        max_notional=maybe(200 * WAD, 1_000 * WAD),
        max_notional_per_day=maybe(500 * WAD, 3_000 * WAD),
        max_leverage=maybe(WAD // 2, 2 * WAD, 10 * WAD),
        max_slippage=maybe(0, WAD // 100, WAD // 10),
        reduce_only=draw.random() < 0.15,
        expires_at=now + draw.choice((5, DAY, 10 * DAY)) if draw.random() < 0.3 else NO_LIMIT,
        refunds_fees=draw.random() < 0.5,
    )


def draw_step(draw: Random, book: Book) -> Step:
    kind = draw.choices(KINDS, weights=(12, 2, 4, 5, 1))[0]
    if kind in {"value", "stranger"}:
        return Step(kind, value=draw.choice((0, 1, 5, 20)))
    if kind == "margin":
        return Step(kind, draw.choice((-300, -1, 100, 1_000)) * WAD + draw.choice((0, 1)))
    size = draw.choice((-book.account.size, draw.randint(-6, 6) * WAD + draw.choice((0, 0, 1, -1))))
    off = draw.choice((0, 0, 1, -1, WAD // 2, WAD, 30 * WAD, -30 * WAD))
    paid = size * book.oracle // WAD + off * abs(size) // WAD
    return Step(kind, size, paid, value=draw.choice((0, 0, 0, 3)), passes=draw.random() < 0.5)


def _bare(abi: Abi, name: str) -> bytes:
    """A call that would do harm from the right sender: no limits at all, or an empty plan."""
    if name == "kill":
        return abi.function(name).encode()
    if name == "setLimits":
        return abi.function(name).encode({"calls": [], "transfers": [], **_struct(Terms())})
    return abi.function(name).encode(([], ([], [], [], [], []), 2**40, b"\0" * 32, [], []))


def _struct(terms: Terms) -> dict[str, Any]:
    """By the contract's names."""
    words = {name: name.split("_") for name in asdict(terms)}
    return {
        first + "".join(map(str.capitalize, rest)): getattr(terms, name)
        for name, (first, *rest) in words.items()
    }


def _mock(name: str) -> tuple[Abi, bytes]:
    built = json.loads((MOCKS / f"{name}.json").read_text(encoding="utf-8"))
    return Abi.parse(built["abi"], name=name), bytes.fromhex(built["bytecode"][2:])


def _selector(abi: Abi, name: str) -> bytes:
    return abi.function(name).selector
