"""The executor in its three places, and a desk that writes plans of genuine trades for whoever acts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from ape.contracts import ContractInstance
from eth_abi import encode
from eth_utils import keccak

from trimtab.chain.call import Call
from trimtab.hooks.executor import executor_abi
from trimtab.hooks.plans import (
    Conditions,
    DeltaCondition,
    Holding,
    HookCall,
    HookPlan,
    OnFailure,
    lyra_market_id,
    perp_market_id,
)
from trimtab.model.ids import ZERO_ADDRESS, Address
from trimtab.tx.safe.safe_tx import SafeTx, safe_abi
from trimtab.tx.signers.local import LocalSigner
from trimtab.venues.lyra.contracts import abi as lyra_abi
from trimtab.venues.perp_v2.contracts import CLEARING_HOUSE, ERC20, VAULT
from trimtab.world.safe import LocalSafe, deploy_safe, execute_safe_tx

WAD = 10**18
MAX = 2**256 - 1
FAR = 2**40  # a deadline that no test reaches
SHORT = -55 * WAD // 10
STRIKE = 4  # of the 28-day board: 2,000, at the money


@dataclass(frozen=True)
class Desk:
    """Calls at the genuine venues, and plans of them."""

    world: Any
    perp_probe: ContractInstance
    lyra_probe: ContractInstance

    # calls

    def approve(self, symbol: str, spender: str, amount: int = MAX) -> Call:
        return ERC20.function("approve").at(self.world.addresses.tokens[symbol], spender, amount)

    def deposit(self, amount: int = 10_000 * 10**6) -> tuple[Call, Call]:
        """USDC as margin, after its approval."""
        vault = self.world.perp.contracts["Vault"]
        usdc = self.world.addresses.tokens["USDC"]
        return self.approve("USDC", vault), VAULT.function("deposit").at(vault, usdc, amount)

    def perp(self, size: int) -> Call:
        """A trade of so many vETH, a short below zero."""
        house, base = self.world.perp.contracts["ClearingHouse"], self.base
        bound = MAX if size > 0 else 0
        order = (base, size < 0, size < 0, abs(size), bound, FAR, 0, b"\0" * 32)
        return CLEARING_HOUSE.function("openPosition").at(house, order)

    def option(self, amount: int, *, most: int = MAX) -> tuple[Call, Call]:
        """So many calls bought for at most `most` sUSD, after an approval."""
        market = self.option_market
        order = (STRIKE, 0, 1, 0, amount, 0, 0, most)
        return self.approve("sUSD", market), lyra_abi("OptionMarket").function("openPosition").at(
            market, order
        )

    def hedge(self, size: int = SHORT) -> tuple[Call, ...]:
        """Ten calls and the perpetual against them, from nothing: the legs are calls 1 and 4."""
        return (*self.option(10 * WAD), *self.deposit(), self.perp(size))

    # plans

    def plan(self, *calls: Call | HookCall, **fields: Any) -> tuple[Any, ...]:
        """The contract's struct: calls that revert on failure, unless they say otherwise."""
        made = tuple(call if isinstance(call, HookCall) else HookCall(call) for call in calls)
        names = ("balances", "prices", "deltas", "healths", "sizes")
        conditions = Conditions(**{name: fields.pop(name) for name in names if name in fields})
        return HookPlan(made, fields.pop("deadline", FAR), conditions, **fields).to_abi()

    def band(self, least: int | None, most: int | None) -> tuple[DeltaCondition, ...]:
        """Net delta of the acting account over both venues."""
        holdings = (Holding(_at(self.perp_probe)), Holding(_at(self.lyra_probe)))
        return (DeltaCondition("ETH", holdings, least, most),)

    # places

    @property
    def base(self) -> Address:
        return self.world.perp.markets["vETH"].base_token

    @property
    def perp_market(self) -> bytes:
        return perp_market_id(self.base)

    @property
    def call_market(self) -> bytes:
        return lyra_market_id(STRIKE, is_call=True)

    @property
    def option_market(self) -> Address:
        return self.world.lyra.markets["sETH"].contracts["OptionMarket"]

    # what came of it

    def size(self, account: Any) -> int:
        """vETH of the account."""
        return _size(self.perp_probe, account, self.perp_market)

    def options(self, account: Any) -> int:
        """Calls at the strike that the account holds."""
        return _size(self.lyra_probe, account, self.call_market)

    def delta(self, account: Any) -> int:
        """Net delta over both venues, as the probes tell it."""
        probes = (self.perp_probe, self.lyra_probe)
        return sum(e.delta for probe in probes for e in probe.probe(account).exposures)


def _at(contract: ContractInstance) -> Address:
    return Address(str(contract.address).lower())


def _size(probe: ContractInstance, account: Any, market: bytes) -> int:
    return sum(e.size for e in probe.probe(account).exposures if bytes(e.market) == market)


@pytest.fixture(scope="session")
def desk(world, deploy, deployer) -> Desk:
    house = world.perp.contracts["ClearingHouse"]
    lyra, market = world.lyra.contracts, world.lyra.markets["sETH"].contracts["OptionMarket"]
    return Desk(
        world,
        deploy("PerpV2Probe", house, sender=deployer),
        deploy("LyraProbe", lyra["OptionMarketViewer"], market, lyra["BlackScholes"], sender=deployer),
    )


@pytest.fixture(scope="session")
def shared(deploy, deployer) -> ContractInstance:
    """The one without an owner, that EOAs and Safes share."""
    return deploy("Executor", ZERO_ADDRESS, sender=deployer)


@pytest.fixture(scope="session")
def own(deploy, owner, deployer) -> ContractInstance:
    """The owner's stand-alone executor."""
    return deploy("Executor", owner, sender=deployer)


@pytest.fixture
def places(shared, own, delegated) -> dict[str, ContractInstance]:
    """The executor wherever its code runs."""
    return {"shared": shared, "own": own, "delegated": delegated}


@pytest.fixture
def tokens(world, genuine) -> dict[str, ContractInstance]:
    return {name: genuine("MintableERC20", at) for name, at in world.addresses.tokens.items()}


@pytest.fixture(scope="session")
def bell(deploy, deployer) -> ContractInstance:
    return deploy("Bell", sender=deployer)


@pytest.fixture
def echo(deploy, attacker) -> ContractInstance:
    """The attacker's contract, that calls back."""
    return deploy("Echo", sender=attacker)


@pytest.fixture(scope="session")
def call_of() -> Callable[..., Call]:
    """A call of a mock: `call_of(bell, "crack", 7)`."""

    def made(contract: ContractInstance, method: str, *args: Any, value: int = 0) -> Call:
        return Call(_at(contract), bytes(getattr(contract, method).encode_input(*args)), value)

    return made


@pytest.fixture(scope="session")
def may_fail() -> Callable[..., HookCall]:
    """A call that its plan survives."""
    return lambda call: HookCall(call, OnFailure.CONTINUE)


@pytest.fixture(scope="session")
def may_stop() -> Callable[..., HookCall]:
    """A call after whose failure nothing more is done."""
    return lambda call: HookCall(call, OnFailure.STOP)


@pytest.fixture(scope="session")
def error_data() -> Callable[..., bytes]:
    """Revert data of a custom error: `error_data("Cracked(uint256)", 7)`."""

    def made(signature: str, *args: Any) -> bytes:
        types = signature[signature.index("(") + 1 : -1]
        return keccak(signature.encode())[:4] + encode(types.split(",") if types else [], args)

    return made


@pytest.fixture(scope="session")
def refused(run, world) -> Callable[..., tuple[str, dict[str, Any]]]:
    """Sends a transaction that must revert, and says the error's name and arguments:
    `refused(own.execute, plan, sender=owner)`. As `ape.reverts`, without its trace of every inner call, which
    takes ten seconds where venues trade."""
    trace = {"tracer": "callTracer", "tracerConfig": {"onlyTopCall": True}}

    def sent(method: Any, *args: Any, sender: Any, **fields: int) -> tuple[str, dict[str, Any]]:
        to, data = method.contract.address, bytes(method.encode_input(*args))
        numbers = {name: hex(number) for name, number in ({"gas": 8_000_000} | fields).items()}
        tx = {"from": str(sender), "to": to, "data": "0x" + data.hex(), **numbers}
        receipt = run(world.client.request("eth_sendTransactionSync", [tx]))
        assert int(receipt["status"], 16) == 0, "it succeeded"
        top = run(world.client.request("debug_traceTransaction", [receipt["transactionHash"], trace]))
        reason = bytes.fromhex(top.get("output", "0x")[2:])
        error = executor_abi().error_by_selector(reason[:4])
        return ("", {"data": reason}) if error is None else (error.name, error.decode(reason))

    return sent


@pytest.fixture
def delegated(shared, contract, trader) -> ContractInstance:
    """The trader's account with the shared executor's code: a type-4 transaction of its own."""
    trader.set_delegate(shared)
    return contract("Executor").at(trader.address)


@dataclass(frozen=True)
class Safe:
    """A genuine Safe 1.4.1 of two owners, one of whom suffices, and what it does by their signature."""

    run: Any
    world: Any
    safe: LocalSafe
    signer: LocalSigner

    @property
    def address(self) -> Address:
        return self.safe.address

    def module_call(self, signature: str, *addresses: Address) -> Call:
        """What the Safe calls of itself to take a module on, or let it go."""
        return Call(
            self.address, keccak(signature.encode())[:4] + encode(["address"] * len(addresses), addresses)
        )

    def do(self, call: Call) -> Any:
        """A transaction of the Safe, signed and executed. Raises `RevertedError` when it reverts."""
        client = self.world.client
        nonce = self.run(client.call(safe_abi().function("nonce").read(self.address)))
        tx = SafeTx(call.target, call.value, call.data, nonce)
        sender = self.world.accounts["keeper"].address
        return self.run(execute_safe_tx(client, sender, self.address, tx, [self.signer], gas=6_000_000))


@pytest.fixture
def safe(run, world, shared, tokens, owner, person) -> Safe:
    """The owner's Safe, with tokens, and the shared executor as its module."""
    names = ("alice", "bob")
    people = [world.accounts[name] for name in names]
    made = run(deploy_safe(world.client, world.accounts["deployer"].address, [p.address for p in people], 1))
    for symbol, amount in (("USDC", 50_000 * 10**6), ("sUSD", 50_000 * WAD)):
        tokens[symbol].transfer(made.address, amount, sender=owner)
    account = Safe(run, world, made, LocalSigner.from_key(people[0].key))
    account.do(account.module_call("enableModule(address)", _at(shared)))
    return account
