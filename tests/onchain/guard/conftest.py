"""A guard with a genuine Perp v2 and Lyra behind it, a venue on paper for states that those cannot be brought
to, and words for limits and plans."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ape.contracts import ContractInstance
from ape.exceptions import ContractLogicError, CustomError

from trimtab.chain.abi import Abi
from trimtab.chain.address import checksum
from trimtab.hooks.guard import guard_abi

WAD = 10**18
UNLIMITED = 2**256 - 1
ZERO = "0x" + "00" * 20
REVERT, CONTINUE, STOP = 0, 1, 2
GUARD = guard_abi()
PAPER = Abi.parse(json.loads((Path(__file__).parents[2] / "data/contracts/PaperVenue.json").read_text()))
NO_CONDITIONS = ((), (), (), (), ())
MARKET = b"PAPER/USD".ljust(32, b"\0")


class Terms:
    """Structs of the contracts as tuples."""

    WAD, UNLIMITED, ZERO, MARKET = WAD, UNLIMITED, ZERO, MARKET
    REVERT, CONTINUE, STOP = REVERT, CONTINUE, STOP

    def rule(self, word: int, one_of: list[Any] | None = None, at_most: int = UNLIMITED) -> tuple[Any, ...]:
        return word, one_of is not None, [str(a) for a in one_of or ()], at_most

    def allow(self, function: Any, *rules: Any, probe: Any = ZERO, is_trade: bool = False) -> tuple[Any, ...]:
        """An entry for a function of an ape contract: `allow(vault.deposit, rule(0, [usdc]))`."""
        handler = function.contract
        return handler.address, selector_of(function), str(probe), is_trade, list(rules)

    def limits(self, *calls: Any, **changes: Any) -> tuple[Any, ...]:
        """No limit but the calls; `changes` by the names of the struct."""
        fields = {
            "transfers": [],
            "maxValue": UNLIMITED,
            "maxValuePerDay": UNLIMITED,
            "maxCost": UNLIMITED,
            "maxFeesPerHour": UNLIMITED,
            "maxFeesPerDay": UNLIMITED,
            "maxNotional": UNLIMITED,
            "maxNotionalPerDay": UNLIMITED,
            "maxLeverage": UNLIMITED,
            "maxSlippage": UNLIMITED,
            "reduceOnly": False,
            "expiresAt": UNLIMITED,
            "refundsFees": False,
        }
        assert changes.keys() <= fields.keys()
        return (list(calls), *(fields | changes).values())

    def call(self, function: Any, *args: Any, value: int = 0, on_failure: int = REVERT) -> tuple[Any, ...]:
        return function.contract.address, value, function.encode_input(*args), on_failure

    def raw(
        self, target: Any, data: bytes = b"", value: int = 0, on_failure: int = REVERT
    ) -> tuple[Any, ...]:
        return str(target), value, data, on_failure

    def plan(
        self, *calls: Any, conditions: Any = NO_CONDITIONS, deadline: int = UNLIMITED
    ) -> tuple[Any, ...]:
        return list(calls), conditions, deadline, b"\0" * 32, [], []


def selector_of(function: Any) -> bytes:
    """Of a function without overloads."""
    (abi,) = function.abis
    return function.contract.provider.network.ecosystem.get_method_selector(abi)


@pytest.fixture(scope="session")
def terms() -> Terms:
    return Terms()


@pytest.fixture(scope="session")
def refused() -> Callable[..., Any]:
    """`with refused("ValueAbove", value=2, max=1)`: the transaction reverts with this custom error, and with
    these values where there are any; a text is a reason: `with refused("CH_NEFCI")`."""

    @contextmanager
    def expected(name: str, **values: Any) -> Iterator[None]:
        with pytest.raises(ContractLogicError) as caught:
            yield
        said, inputs = _told(caught.value)
        assert said == name, caught.value
        assert {key: inputs.get(key) for key in values} == values

    return expected


def _told(error: ContractLogicError) -> tuple[str, dict[str, Any]]:
    """Name and values of a custom error, or a reason. ape knows none by name where a call or a constructor
    reverts."""
    if isinstance(error, CustomError):
        return type(error).__name__, error.inputs
    data = re.search(r"0x[0-9a-f]{8,}", error.revert_message)
    selector = bytes.fromhex(data[0][2:10]) if data else b""
    known = GUARD.error_by_selector(selector) or PAPER.error_by_selector(selector)
    return (known.name, {}) if known else (error.revert_message, {})


@pytest.fixture(scope="session")
def paper(deploy, deployer, terms) -> ContractInstance:
    """A unit is worth 100 by the oracle, and counts for 200 of notional."""
    venue = deploy("PaperVenue", sender=deployer)
    venue.setPrices(terms.MARKET, 200 * WAD, 100 * WAD, sender=deployer)
    return venue


@pytest.fixture(scope="session")
def ambush(deploy, attacker) -> ContractInstance:
    return deploy("Ambush", sender=attacker)


@pytest.fixture(scope="session")
def guard(deploy, owner, agent, guardian) -> ContractInstance:
    """With ten ether of the owner's, and no limits yet."""
    made = deploy("Guard", owner, agent, guardian, sender=owner)
    owner.transfer(made, 10 * WAD)
    return made


@pytest.fixture
def permit(guard, terms, owner) -> Callable[..., None]:
    """New limits: `permit(terms.allow(...), maxValue=5)`."""
    return lambda *calls, **changes: guard.setLimits(terms.limits(*calls, **changes), sender=owner)


@pytest.fixture
def run_plan(guard, terms, agent) -> Callable[..., Any]:
    """The agent's plan of these calls."""
    return lambda *calls, **kwargs: guard.execute(terms.plan(*calls), sender=agent, **kwargs)


@pytest.fixture
def run_as_owner(guard, terms, owner) -> Callable[..., Any]:
    return lambda *calls, **kwargs: guard.executeAsOwner(terms.plan(*calls), sender=owner, **kwargs)


@pytest.fixture
def trade(paper, terms) -> Callable[..., Any]:
    """A trade on paper: `trade(size, paid)`, both in whole units."""
    return lambda size, paid, **kwargs: terms.call(
        paper.trade, terms.MARKET, int(size * WAD), int(paid * WAD), **kwargs
    )


@pytest.fixture
def trades_on_paper(paper, terms) -> tuple[Any, ...]:
    """The entry that allows them."""
    return terms.allow(paper.trade, probe=paper, is_trade=True)


@dataclass(frozen=True)
class Perp:
    """The genuine Perp v2 as the guard uses it."""

    house: ContractInstance
    vault: ContractInstance
    usdc: ContractInstance
    base: str
    accounts: ContractInstance
    probe: ContractInstance
    terms: Terms

    def order(self, size: float, bound: int = 0) -> tuple[Any, ...]:
        """Exact in base: a purchase where `size` is above 0."""
        amount = int(abs(size) * WAD)
        return self.base, size < 0, size < 0, amount, bound, UNLIMITED, 0, b"\0" * 32

    def trade(self, size: float, **kwargs: Any) -> tuple[Any, ...]:
        return self.terms.call(self.house.openPosition, self.order(size), **kwargs)

    def close(self, **kwargs: Any) -> tuple[Any, ...]:
        order = (self.base, 0, 0, UNLIMITED, b"\0" * 32)
        return self.terms.call(self.house.closePosition, order, **kwargs)

    def entries(self) -> list[Any]:
        """What a hedger needs: margin in and out of the account's own, and trades."""
        allow, rule = self.terms.allow, self.terms.rule
        return [
            allow(self.usdc.approve, rule(0, [self.vault.address])),
            allow(self.vault.deposit, rule(0, [self.usdc.address]), probe=self.probe),
            allow(self.vault.withdraw, rule(0, [self.usdc.address]), probe=self.probe),
            allow(self.house.openPosition, rule(0, [self.base]), probe=self.probe, is_trade=True),
            allow(self.house.closePosition, rule(0, [self.base]), probe=self.probe, is_trade=True),
        ]


@pytest.fixture(scope="session")
def perp(world, genuine, deploy, deployer, terms) -> Perp:
    found = world.perp.contracts
    house = genuine("ClearingHouse", found["ClearingHouse"])
    return Perp(
        house,
        genuine("Vault", found["Vault"]),
        genuine("MintableERC20", world.addresses.tokens["USDC"]),
        world.perp.markets["vETH"].base_token,
        genuine("AccountBalance", found["AccountBalance"]),
        deploy("PerpV2Probe", house, sender=deployer),
        terms,
    )


@pytest.fixture
def margin(perp, guard, owner, run_as_owner, terms) -> int:
    """The guard's margin at Perp v2: 10,000 USDC, and as much in its own balance."""
    amount = 10_000 * 10**6
    perp.usdc.transfer(guard, 2 * amount, sender=owner)
    run_as_owner(
        terms.call(perp.usdc.approve, perp.vault, amount),
        terms.call(perp.vault.deposit, perp.usdc, amount),
    )
    return amount


@pytest.fixture
def size(perp, guard) -> Callable[[], int]:
    """The guard's position at Perp v2."""
    return lambda: perp.accounts.getTakerPositionSize(guard, perp.base)


@dataclass(frozen=True)
class Lyra:
    """The genuine Lyra's ETH options as the guard uses them."""

    market: ContractInstance
    token: ContractInstance
    quote: ContractInstance
    probe: ContractInstance
    terms: Terms
    strike: int = 3

    def approve(self) -> tuple[Any, ...]:
        return self.terms.call(self.quote.approve, self.market, UNLIMITED)

    def buy_call(self, amount: float, strike: int | None = None, **kwargs: Any) -> tuple[Any, ...]:
        order = (strike or self.strike, 0, 1, 0, int(amount * WAD), 0, 0, UNLIMITED)
        return self.terms.call(self.market.openPosition, order, **kwargs)

    def sell_call(self, amount: float, collateral: float, **kwargs: Any) -> tuple[Any, ...]:
        order = (self.strike, 0, 1, 3, int(amount * WAD), int(collateral * WAD), 0, UNLIMITED)
        return self.terms.call(self.market.openPosition, order, **kwargs)

    def entries(self) -> list[Any]:
        allow, rule = self.terms.allow, self.terms.rule
        return [
            allow(self.quote.approve, rule(0, [self.market.address])),
            allow(self.market.openPosition, probe=self.probe, is_trade=True),
            allow(self.market.closePosition, probe=self.probe, is_trade=True),
        ]


@pytest.fixture(scope="session")
def lyra(world, genuine, deploy, deployer, terms) -> Lyra:
    shared, found = world.lyra.contracts, world.lyra.markets["sETH"]
    market = genuine("OptionMarket", found.contracts["OptionMarket"])
    viewer, prices = shared["OptionMarketViewer"], shared["BlackScholes"]
    return Lyra(
        market,
        genuine("OptionToken", found.contracts["OptionToken"]),
        genuine("TestERC20Fail", found.quote_asset),
        deploy("LyraProbe", checksum(viewer), market, checksum(prices), sender=deployer),
        terms,
    )


@pytest.fixture
def premium(lyra, guard, owner) -> int:
    """The guard's sUSD, for premiums and collateral."""
    amount = 20_000 * WAD
    lyra.quote.transfer(guard, amount, sender=owner)
    return amount
