"""What the lens costs beside Multicall2 of the views that tell the same."""

from __future__ import annotations

import pytest

from trimtab.venues.perp_v2.contracts import MULTICALL
from trimtab.world.crowd import CrowdOptions, gather_crowd

ROOM = 10**9


@pytest.fixture(scope="module")
def hundred(lens, run):
    """A hundred traders, of whom five make and twenty hold options."""
    found = run(gather_crowd(lens.world, CrowdOptions(traders=100, makers=5, holders=20)))
    run(lens.world.control.set_gas_limit(ROOM))
    run(lens.world.warp(1_000))
    return found


def perp_views(lens, account, reading):
    """(target, calldata) of the views that tell what a reading tells."""
    at, abi = lens.world.perp.contracts, lens.world.artifacts.abi
    asked = [
        ("Vault", "getAccountValue", account),
        ("Vault", "getFreeCollateral", account),
        ("Vault", "getBalance", account),
        ("AccountBalance", "getMarginRequirementForLiquidation", account),
        ("AccountBalance", "getTotalDebtValue", account),
    ]
    for held in reading.holdings:
        where = (account, held.base_token)
        asked += [
            ("AccountBalance", "getTotalPositionSize", *where),
            ("AccountBalance", "getTotalOpenNotional", *where),
            ("Exchange", "getPendingFundingPayment", *where),
            ("PerpPortal", "getLiquidationPrice", *where),
        ]
    return [(at[name], abi(name).function(view).encode(*args)) for name, view, *args in asked]


def option_views(lens, account, reading):
    """The list of positions, and of each its strike and what it must hold."""
    at, abi = lens.world.lyra.markets["sETH"].contracts, lens.world.artifacts.abi
    calls = [(at["OptionToken"], abi("OptionToken").function("getOwnerPositions").encode(account))]
    least = abi("OptionGreekCache").function("getMinCollateral")
    strike = abi("OptionMarket").function("getStrikeAndBoard")
    for held in reading.holdings:
        s = held.series
        calls.append((at["OptionMarket"], strike.encode(s.strike_id)))
        if held.min_collateral:
            data = least.encode(held.option_type, s.strike_price, s.expiry, reading.spot, held.amount)
            calls.append((at["OptionGreekCache"], data))
    return calls


def multicall(lens, calls):
    """Multicall2's own way of asking."""
    call = MULTICALL.function("tryAggregate").at(lens.world.perp.contracts["Multicall2"], True, calls)
    return {"to": call.target, "data": f"0x{call.data.hex()}", "gas": hex(ROOM)}


@pytest.mark.parametrize("count", [1, 10, 100])
def test_accounts_of_perp_v2(lens, hundred, gas, count):
    """One account is dearer by what all share; from there on the lens is far cheaper."""
    accounts = hundred[-count:]
    readings = lens.perps(accounts)
    calls = [c for a, r in zip(accounts, readings, strict=True) for c in perp_views(lens, a, r)]
    used, plain = lens.gas_of(lens.request(accounts, options=[])), lens.gas_of(multicall(lens, calls))
    gas.record(
        f"PositionLens.read: {count} of Perp v2",
        used,
        plain=("Multicall2 of the views", plain),
        why="market prices are told too" if used > plain else "",
    )
    assert count < 100 or used * 3 < plain


@pytest.mark.parametrize("count", [10, 20])
def test_accounts_of_lyra(lens, hundred, gas, count):
    """Every option priced, beside views that price none."""
    accounts = hundred[:count]
    readings = lens.options(accounts)
    calls = [c for a, r in zip(accounts, readings, strict=True) for c in option_views(lens, a, r)]
    used, plain = lens.gas_of(lens.request(accounts, perps=[])), lens.gas_of(multicall(lens, calls))
    gas.record(
        f"PositionLens.read: {count} of Lyra",
        used,
        plain=("Multicall2 of the views, in two rounds and without prices", plain),
        why="prices and Greeks of every series are told too" if used > plain else "",
    )
