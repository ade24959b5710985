"""The model's names on a real node: executors in their three places, a Safe, tokens, and what plans touch."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

from tests.contracts.executor.draws import Action
from tests.contracts.executor.model import (
    COIN,
    FEE_BPS,
    LOOT,
    Approve,
    Crack,
    Deed,
    GiveBack,
    Lost,
    Pay,
    Plan,
    Poke,
    Ring,
    Send,
    State,
    Trade,
)
from tests.contracts.mining import mine_on_request, send_and_mine

from trimtab.chain.abi import Abi, encode_values
from trimtab.chain.client import Client
from trimtab.chain.hashing import keccak256
from trimtab.errors import CallRevertedError
from trimtab.hooks.artifacts import load_artifact
from trimtab.hooks.executor import executor_abi
from trimtab.hooks.plans import PLAN_TYPE
from trimtab.model.ids import ZERO_ADDRESS, Address
from trimtab.tx.envelope import SetCodeTx
from trimtab.tx.signers.local import LocalSigner
from trimtab.world.accounts import ACCOUNTS
from trimtab.world.node import AnvilNode, NodeOptions
from trimtab.world.safe import deploy_safe

MOCKS = Path(__file__).parents[2] / "data" / "contracts"
PEOPLE = ("alice", "trader", "keeper", "attacker")
HOLDERS = ("own", "shared", "trader", "safe", "alice", "keeper", "attacker", "bell")
GAS = 3_000_000
MARKET, ETH = b"M".ljust(32, b"\0"), b"ETH".ljust(32, b"\0")
START = {"own": 0, "shared": 0, "trader": 1_000, "safe": 1_000, "alice": 1_000, "bell": 1_000}


@cache
def mock(name: str) -> tuple[Abi, bytes]:
    entry = json.loads((MOCKS / f"{name}.json").read_text())
    return Abi.parse(entry, name=name), bytes.fromhex(entry["bytecode"][2:])


class Stage:
    """Made by `Stage.open`. Transactions cost nothing here, so that coins are only what plans move."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._at: dict[str, Address] = {"": ZERO_ADDRESS, "nobody": Address("0x" + "77" * 20)}

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Stage]:
        async with (
            AnvilNode.open(NodeOptions(accounts=len(ACCOUNTS))) as node,
            Client.open(node.url) as client,
        ):
            stage = cls(client)
            await stage._build()
            await mine_on_request(client)
            yield stage

    def address(self, name: str) -> Address:
        return self._at[name]

    def initial(self) -> State:
        """What `_build` left: 1,000 of everything with whoever may act, and with the bell."""
        tokens = {(token, who): START.get(who, 0) for token in (COIN, "A", "B") for who in HOLDERS}
        return State(tokens)

    async def send(self, action: Action) -> tuple[str, dict[str, Any]] | None:
        """None when it succeeded, else the error's name and arguments."""
        abi, plan = executor_abi(), self.plan(action.plan)
        arguments: tuple[Any, ...] = {
            "execute": (plan,),
            "executeFrom": (self._at["safe"], plan),
            "run": (self._at[action.account], plan),
        }.get(action.door, (self.hash(action.plan), self._at[action.runner]))
        data = abi.function(action.door).encode(*arguments)
        tx = {
            "from": self._at[action.caller],
            "to": self._at[action.place],
            "data": "0x" + data.hex(),
            "value": hex(action.value),
            "gas": hex(GAS),
            "gasPrice": "0x0",
        }
        receipt = await send_and_mine(self.client, tx)
        if int(receipt["status"], 16):
            return None
        trace = {"tracer": "callTracer", "tracerConfig": {"onlyTopCall": True}}
        top = await self.client.request("debug_traceTransaction", [receipt["transactionHash"], trace])
        reason = bytes.fromhex(top.get("output", "0x")[2:])
        error = abi.error_by_selector(reason[:4])
        return ("", {}) if error is None else (error.name, error.decode(reason))

    async def look(self) -> tuple[Any, ...]:
        """All balances, the bell, and everybody's trades, in one request."""
        witness, market = mock("Witness")[0], mock("Market")[0]
        holders, tokens = [self._at[name] for name in HOLDERS], [self._at["A"], self._at["B"]]
        reads = [
            witness.function("look").read(self._at["witness"], holders, tokens),
            mock("Bell")[0].function("rung").read(self._at["bell"]),
            *(
                market.function(kind).read(self._at["market"], self._at[name])
                for name in ("own", "trader", "safe")
                for kind in ("sizeOf", "cashOf")
            ),
        ]
        balances, *others = await self.client.read_many(reads)
        assert not isinstance(balances, CallRevertedError)
        return (list(balances), *others)

    def expected(self, state: State) -> tuple[Any, ...]:
        """What `look` must see."""
        balances = [state.of(token, name) for name in HOLDERS for token in (COIN, "A", "B")]
        books = [book.get(name, 0) for name in ("own", "trader", "safe") for book in (state.size, state.cash)]
        return (balances, state.rung, *books)

    async def is_approved(self, place: str, account: str, plan: Plan, runner: str) -> bool:
        function = executor_abi().function("isApproved")
        arguments = (self._at[account], self.hash(plan), self._at[runner])
        return bool(await self.client.call(function.read(self._at[place], *arguments)))

    # plans

    def hash(self, plan: Plan) -> bytes:
        return keccak256(encode_values([PLAN_TYPE], [self.plan(plan)]))

    def plan(self, plan: Plan) -> tuple[Any, ...]:
        """The contract's struct."""
        at, probe = self._at, self._at["market"]
        tokens = {COIN: ZERO_ADDRESS, "A": at["A"], "B": at["B"]}
        conditions = (
            [(tokens[b.token], at[b.holder], b.is_change, b.least, b.most) for b in plan.balances],
            [(p.call, probe, at[p.holder], MARKET, p.limit) for p in plan.prices],
            [
                (ETH, [(probe, at[h]) for h in d.holders], [tokens[t] for t in d.spot], d.least, d.most)
                for d in plan.deltas
            ],
            [(probe, at[h.holder], h.least) for h in plan.healths],
            [(probe, at[s.holder], MARKET, s.least, s.most) for s in plan.sizes],
        )
        calls = [(*self._call(deed), rule) for deed, rule in plan.steps]
        inputs = [(tokens[token], amount) for token, amount in plan.inputs]
        outputs = [tokens[token] for token in plan.outputs]
        return calls, conditions, plan.deadline, plan.salt.to_bytes(32), inputs, outputs

    def _call(self, deed: Deed) -> tuple[Address, int, bytes]:
        at, bell = self._at, mock("Bell")[0]
        match deed:
            case Ring(value):
                return at["bell"], value, bell.function("ring").encode()
            case Crack():
                return at["bell"], 0, bell.function("crack").encode(7)
            case Lost():
                return at["nobody"], 0, b"\x01\x02\x03\x04"
            case GiveBack("", to, amount):
                return at["bell"], 0, bell.function("giveBack").encode(at[to], amount)
            case GiveBack(token, to, amount):
                return at["bell"], 0, bell.function("giveToken").encode(at[token], at[to], amount)
            case Send(token, to, amount):
                return at[token], 0, mock("HookToken")[0].function("transfer").encode(at[to], amount)
            case Pay(to, value):
                return at[to], value, b""
            case Trade(size, cash):
                return at["market"], 0, mock("Market")[0].function("trade").encode(size, cash)
            case Poke():
                return at["echo"], 0, b"\x01\x02\x03\x04"
            case Approve(place, plan, runner):
                approve = executor_abi().function("approve")
                return at[place], 0, approve.encode(self.hash(plan), at[runner])

    # building

    async def _build(self) -> None:
        for name, person in (*((n, n) for n in PEOPLE if n != "attacker"), ("attacker", "searcher")):
            self._at[name] = ACCOUNTS[person].address
        alice = self._at["alice"]
        executor = load_artifact("Executor")
        for name, code in (
            ("own", executor.init_code(alice)),
            ("shared", executor.init_code(ZERO_ADDRESS)),
            *((n, _mock_code(kind, *args)) for n, kind, args in _MOCKS),
        ):
            receipt = await self._transact("alice", None, code)
            self._at[name] = Address(receipt["contractAddress"])
        await self._delegate()
        deployer = ACCOUNTS["deployer"].address
        self._at["safe"] = (await deploy_safe(self.client, deployer, [alice], 1)).address
        await self.client.request("anvil_impersonateAccount", [self._at["safe"]])
        await self._fund()
        module = encode_values(["address"], [self._at["shared"]])
        await self._transact("safe", "safe", keccak256(b"enableModule(address)")[:4] + module)
        loot = executor_abi().function("run").encode(self._at["own"], self.plan(LOOT))
        await self._transact(
            "attacker", "echo", mock("Echo")[0].function("arm").encode(self._at["own"], loot)
        )
        await self._settle()

    async def _fund(self) -> None:
        token = mock("HookToken")[0]
        transfer, approve = token.function("transfer"), token.function("approve")
        shares = [(name, 1_000) for name in ("trader", "safe", "bell")]
        for symbol in "AB":
            for holder, amount in (*shares, ("nobody", 10**30 - 4_000)):
                await self._transact("alice", symbol, transfer.encode(self._at[holder], amount))
            await self._transact("alice", symbol, approve.encode(self._at["own"], 2**256 - 1))
        fee = token.function("set").encode(ZERO_ADDRESS, FEE_BPS["B"])
        await self._transact("alice", "B", fee)
        await self.client.request("anvil_setBalance", [self._at["safe"], hex(10**18)])

    async def _settle(self) -> None:
        """Round coins, and no fees from here on."""
        await self.client.request("anvil_setNextBlockBaseFeePerGas", ["0x0"])
        for name in HOLDERS:
            await self.client.request("anvil_setBalance", [self._at[name], hex(START.get(name, 0))])

    async def _delegate(self) -> None:
        trader = ACCOUNTS["trader"]
        signer = LocalSigner.from_key(trader.key)
        nonce = await self.client.nonce(trader.address, "latest")
        chain = self.client.chain_id
        leave = await signer.sign_authorization(chain, self._at["own"], nonce + 1)  # somebody else's
        fields = SetCodeTx(chain, nonce, 10**9, 10**11, 200_000, trader.address, (leave,))
        signed = await signer.sign_transaction(fields)
        await self.client.request("eth_sendRawTransactionSync", ["0x" + signed.raw.hex()])

    async def _transact(self, sender: str, to: str | None, data: bytes) -> Any:
        tx = {"from": self._at[sender], "data": "0x" + data.hex(), "gas": hex(GAS)}
        if to is not None:
            tx["to"] = self._at[to]
        receipt = await self.client.request("eth_sendTransactionSync", [tx])
        assert int(receipt["status"], 16) == 1, (sender, to)
        return receipt


_MOCKS = (
    ("A", "HookToken", ("A",)),
    ("B", "HookToken", ("B",)),
    ("bell", "Bell", ()),
    ("echo", "Echo", ()),
    ("market", "Market", ()),
    ("witness", "Witness", ()),
)


def _mock_code(name: str, *args: Any) -> bytes:
    abi, code = mock(name)
    return abi.constructor_data(code, *args)
