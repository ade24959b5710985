"""GMX v2 as its callback receiver sees it: keys, roles, gas and refunds of a stand-in handler (GMX's licence
keeps its contracts away), and order data as the real one emitted it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ape.contracts import ContractInstance
from eth_abi import decode

DATA = Path(__file__).parents[2] / "data" / "gmx_v2" / "event_logs.json"
_ITEMS = ",".join(
    f"((string,{kind})[],(string,{kind}[])[])"
    for kind in ("address", "uint256", "int256", "bool", "bytes32", "bytes", "string")
)
EVENT_DATA = f"({_ITEMS})"
EventData = list[Any]


@pytest.fixture(scope="session")
def gmx(deploy, owner) -> ContractInstance:
    return deploy("GmxHandler", sender=owner)


@pytest.fixture(scope="session")
def callback(deploy, gmx, owner) -> ContractInstance:
    """GMX's roles and data are both in the stand-in."""
    return deploy("OrderCallback", gmx, gmx, sender=owner)


@pytest.fixture(scope="session")
def recorded() -> Callable[[str], EventData]:
    """Event data as GMX v2.2 emitted it: `recorded("OrderCreated")`."""
    logs = json.loads(DATA.read_text())["logs"]

    def event_data(name: str) -> EventData:
        _, told, data = decode(["address", "string", EVENT_DATA], bytes.fromhex(logs[name][2:]))
        assert told == name
        return _lists(data)

    return event_data


@pytest.fixture(scope="session")
def order_of(recorded) -> Callable[[Any], EventData]:
    """The recorded order's data as `account`'s."""

    def order(account: Any) -> EventData:
        data = recorded("OrderCreated")
        data[0][0] = [[k, str(account) if k == "account" else v] for k, v in data[0][0]]
        return data

    return order


@pytest.fixture(scope="session")
def nothing() -> EventData:
    return [[[], []] for _ in range(7)]


@pytest.fixture(scope="session")
def create(gmx, callback) -> Callable[..., bytes]:
    """Creates an order of the sender's with a callback (ours by default), and says its key."""

    def created(sender: Any, receiver: Any = callback) -> bytes:
        (log,) = gmx.createOrder(receiver, sender=sender).decode_logs(gmx.OrderCreated)
        return bytes(log.key)

    return created


@pytest.fixture(scope="session")
def finish(gmx, keeper) -> Callable[..., Any]:
    """The keeper's transaction that brings an order to an outcome, with what the order gives its callback."""

    def finished(key: bytes, outcome: int, order: EventData, event: EventData, **kwargs: Any) -> Any:
        return gmx.finish(key, outcome, order, event, kwargs.pop("gas", 3_000_000), sender=keeper, **kwargs)

    return finished


def _lists(value: Any) -> Any:
    return [_lists(item) for item in value] if isinstance(value, (tuple, list)) else value


class Desk:
    """A stand-alone executor of the trader's with margin at the genuine Perp v2, that places orders at GMX
    and arms a hedge for them in the same batch."""

    def __init__(self, executor: Any, callback: Any, gmx: Any, house: Any, base: str, trader: Any) -> None:
        self.executor, self.callback, self.gmx, self.trader = executor, callback, gmx, trader
        self.house, self.base = house, base

    def plan(self, *calls: list[Any], salt: int = 0, inputs: Any = ()) -> list[Any]:
        nothing: list[Any] = [[], [], [], [], []]
        return [list(calls), nothing, 2**40, salt.to_bytes(32, "big"), list(inputs), []]

    def execute(self, *calls: list[Any], inputs: Any = ()) -> Any:
        return self.executor.execute(self.plan(*calls, inputs=inputs), sender=self.trader)

    def hedge(self, size: int = 10**18, salt: int = 0) -> list[Any]:
        """The plan that sells so much of vETH."""
        order = (self.base, True, True, size, 0, 2**256 - 1, 0, bytes(32))
        return self.plan(call(self.house, "openPosition", order), salt=salt)

    def order(
        self, plan: list[Any], outcome: int = 1, *, approves: bool = True, executor: Any = None
    ) -> bytes:
        """Creates an order and arms the plan for an outcome, in one transaction; its key."""
        at = executor or self.executor
        calls = [
            call(self.gmx, "createOrder", self.callback.address),
            call(self.callback, "armLast", outcome, at.address, plan),
        ]
        if approves:
            calls.append(call(self.executor, "approve", self.executor.hashPlan(plan), self.callback.address))
        (log,) = self.execute(*calls).decode_logs(self.gmx.OrderCreated)
        return bytes(log.key)


def call(contract: ContractInstance, method: str, *args: Any, value: int = 0) -> list[Any]:
    """A call of a plan that undoes the plan when it fails."""
    data = getattr(contract, method).encode_input(*args)
    return [contract.address, value, bytes(data), 0]


@pytest.fixture(scope="session")
def call_of() -> Callable[..., list[Any]]:
    return call


@pytest.fixture
def size_of(world, genuine) -> Callable[[Any], int]:
    """The signed vETH position of an account, by the genuine view."""
    accounts = genuine("AccountBalance", world.perp.contracts["AccountBalance"])
    base = world.perp.markets["vETH"].base_token
    return lambda account: accounts.getTakerPositionSize(account, base)


@pytest.fixture
def desk(world, genuine, deploy, callback, gmx, trader) -> Desk:
    executor = deploy("Executor", trader, sender=trader)
    token = genuine("MintableERC20", world.addresses.tokens["USDC"])
    house = genuine("ClearingHouse", world.perp.contracts["ClearingHouse"])
    vault = genuine("Vault", world.perp.contracts["Vault"])
    made = Desk(executor, callback, gmx, house, world.perp.markets["vETH"].base_token, trader)
    token.approve(executor, 10**10, sender=trader)
    deposit = [call(token, "approve", vault.address, 10**10), call(vault, "deposit", token.address, 10**10)]
    made.execute(*deposit, inputs=[[token.address, 10**10]])
    return made
