"""What the tests under `ape test` share: a world with the genuine protocols on ape's own node, our contracts
as they are shipped, people with names, and a gas table.

They run in an environment of their own (.venv-ape), because ape wants older libraries than ours:
`scripts/ape tests/onchain/executor -k deadline`. Everything a test does is undone after it, by ape.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

import ape
import pytest
from ape.api import AccountAPI
from ape.contracts import ContractContainer, ContractInstance
from ethpm_types import ContractType

from trimtab.chain.address import checksum
from trimtab.world.accounts import ACCOUNTS
from trimtab.world.addresses import from_json
from trimtab.world.world import World, WorldOptions

ROOT = Path(__file__).parents[2]
BUILT = (ROOT / "abis" / "trimtab", ROOT / "tests" / "data" / "contracts")  # ours, and the mocks
CLOCK = 2_000_000_000  # gas and prices shall not depend on the day of the run
UPSTREAM = "TRIMTAB_UPSTREAM"  # a file with the addresses of an upstream that ape's node forks
GAS_FILE = Path(__file__).with_name("gas.json")
GAS_SLACK = 0.01

T = TypeVar("T")
Run = Callable[[Coroutine[Any, Any, T]], T]


@pytest.fixture(scope="session", autouse=True)
def _no_printed_traces() -> Iterator[None]:
    """ape prints the call tree of every transaction that reverts: 15 s for a trade at Perp v2."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ape_ethereum.trace.Trace.show", lambda *_, **__: None)
        yield


@pytest.fixture(scope="session")
def run() -> Iterator[Run]:
    """Runs a coroutine of trimtab to its end: `run(world.set_price("ETH", Decimal(1500)))`."""
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture(scope="session", autouse=True)
def world(run: Run, networks: Any) -> Iterator[World]:
    """Perp v2 and Lyra on ape's node, deployed and seeded by our own code; on a fork, the upstream's."""
    stack = AsyncExitStack()
    upstream = os.environ.get(UPSTREAM)
    attach = from_json(json.loads(Path(upstream).read_text())) if upstream else None
    options = WorldOptions(url=networks.provider.http_uri, clock=CLOCK, attach=attach)
    opened = run(stack.enter_async_context(World.open(options)))
    if attach is None:
        run(opened.deploy())
    yield opened
    run(stack.aclose())


@pytest.fixture(scope="session")
def person(accounts: Any) -> Callable[[str], AccountAPI]:
    """A named account of the world, with its key: `person("alice")`."""
    order = list(ACCOUNTS)
    return lambda name: accounts[order.index(name)]


def _actor(role: str, name: str, what: str) -> Any:
    def actor(person: Callable[[str], AccountAPI]) -> AccountAPI:
        return person(name)

    actor.__doc__ = what
    return pytest.fixture(actor, scope="session", name=role)


deployer = _actor("deployer", "deployer", "Administers the protocols; mints Lyra's synths.")
owner = _actor("owner", "alice", "Owns what is guarded; holds every token.")
trader = _actor("trader", "trader", "Trades for itself; holds every token.")
agent = _actor("agent", "delegate", "Has a key with limits, and no tokens.")
guardian = _actor("guardian", "bob", "May stop, and nothing else.")
keeper = _actor("keeper", "keeper", "Runs others' errands.")
liquidator = _actor("liquidator", "liquidator", "Liquidates; holds every token.")
lp = _actor("lp", "lp", "Lends to the pools.")
attacker = _actor("attacker", "searcher", "Wants what is not its own; holds no tokens.")


@pytest.fixture(scope="session")
def contract() -> Callable[[str], ContractContainer]:
    """One of our contracts (or mocks) as it was built into the repository: `contract("Executor")`."""

    def container(name: str) -> ContractContainer:
        for folder in BUILT:
            path = folder / f"{name}.json"
            if path.exists():
                return ContractContainer(contract_type=_contract_type(json.loads(path.read_text())))
        raise LookupError(f"{name} is not built: run python scripts/build_contracts.py")

    return container


@pytest.fixture(scope="session")
def deploy(contract: Callable[[str], ContractContainer]) -> Callable[..., ContractInstance]:
    """Deploys one of ours: `deploy("Guard", owner.address, sender=owner)`."""
    return lambda name, *args, **kwargs: contract(name).deploy(*args, **kwargs)


@pytest.fixture(scope="session")
def genuine(world: World) -> Callable[..., ContractInstance]:
    """A genuine contract with its full ABI, by the name of its artifact and where it is: a key of the
    deployment, or an address. `genuine("ClearingHouse", world.perp.contracts["ClearingHouse"])`."""

    def instance(artifact: str, address: str) -> ContractInstance:
        return ape.Contract(checksum(address), abi=world.artifacts.entries(artifact))

    return instance


class GasBook:
    """The gas of what matters, beside the plain way to do it: kept in gas.json, and watched."""

    def __init__(self, known: dict[str, Any], *, updating: bool) -> None:
        self.recorded: dict[str, Any] = {}
        self._known = known
        self._updating = updating

    def record(self, name: str, used: int, *, plain: tuple[str, int] | None = None, why: str = "") -> None:
        """`gas.record("Executor.execute: a hedge", receipt.gas_used, plain=("two transactions", 9))`.

        `why` says what a dearer way is worth. Fails when a number is more than 1 % from the one in gas.json;
        with --update-gas it is written there instead.
        """
        row: dict[str, Any] = {"gas": used}
        if plain is not None:
            row |= {"plain": plain[0], "plain_gas": plain[1]}
        self.recorded[name] = row | ({"why": why} if why else {})
        if not self._updating:
            self._compare(name, row)

    def _compare(self, name: str, row: dict[str, Any]) -> None:
        known = self._known.get(name)
        if known is None:
            pytest.fail(f"gas.json has no {name!r} ({row}): run this test once with --update-gas")
        for what in ("gas", "plain_gas"):
            now, then = row.get(what, 0), known.get(what, 0)
            if abs(now - then) > GAS_SLACK * then:
                pytest.fail(
                    f"{name}: {what} was {then:,} in gas.json and is {now:,} now; "
                    "if that is meant, run this test with --update-gas and commit gas.json"
                )


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-gas", action="store_true", help="write the gas that is measured to gas.json")
    parser.addoption(
        "--gas-complete", action="store_true", help="fail when gas.json has what no test records"
    )


@pytest.fixture(scope="session")
def gas(request: pytest.FixtureRequest) -> Iterator[GasBook]:
    """The gas table: `gas.record(name, used, plain=(name, used), why=...)`."""
    updating = request.config.getoption("--update-gas")
    book = GasBook(_known_gas(), updating=updating)
    yield book
    if updating:
        rows = _known_gas() | book.recorded
        GAS_FILE.write_text(json.dumps(rows, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        subprocess.run([sys.executable, str(ROOT / "scripts" / "gas_table.py")], check=True)
    elif request.config.getoption("--gas-complete") and (lost := _known_gas().keys() - book.recorded):
        pytest.fail(f"gas.json has what no test records any more: {', '.join(sorted(lost))}")


def _known_gas() -> dict[str, Any]:
    return json.loads(GAS_FILE.read_text(encoding="utf-8")) if GAS_FILE.exists() else {}


def _contract_type(built: dict[str, Any]) -> ContractType:
    return ContractType.model_validate(
        {
            "contractName": built["contract"],
            "abi": built["abi"],
            "deploymentBytecode": {"bytecode": built["bytecode"]},
            "runtimeBytecode": {"bytecode": built["deployedBytecode"]},
        }
    )
