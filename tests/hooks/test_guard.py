"""A key's limits on chain: the same value there and back, exactly or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.errors import AbiError, CallRevertedError, IntentError
from trimtab.hooks import guard as g
from trimtab.hooks.deployment import address_of, encode_deploy, guard_contract
from trimtab.hooks.errors import explain_revert
from trimtab.hooks.plans import HookCall, HookPlan, PlanInput
from trimtab.model.ids import ZERO_ADDRESS, Address
from trimtab.model.limits import SELF, AllowedCall, ArgumentRule, Limits
from trimtab.model.units import from_wad
from trimtab.world.accounts import ACCOUNTS
from trimtab.world.node import AnvilNode
from trimtab.world.operator import Operator

GUARD = Address("0x" + "aa" * 20)
HOUSE = Address("0x" + "bb" * 20)
PROBE = Address("0x" + "cc" * 20)
SHOP = Address("0x" + "dd" * 20)
TRADE = AllowedCall(HOUSE, b"\x01\x02\x03\x04", venue="perp_v2")
PAY = AllowedCall(SHOP, b"\x05\x06\x07\x08", is_trade=False)
MAKE = AllowedCall(HOUSE, bytes.fromhex("c35eb28c"), venue="perp_v2")


def encode(limits: Limits, **changes: Any) -> dict[str, Any]:
    chosen: dict[str, Any] = {"account": GUARD, "chain_id": 1, "probes": {"perp_v2": PROBE}} | changes
    return g.encode_limits(limits, **chosen)


def there_and_back(limits: Limits) -> Limits:
    """Through the very bytes of a `setLimits`."""
    data = g.encode_set_limits(GUARD, encode(limits)).data
    (struct,) = g.guard_abi().function("setLimits").decode_input(data)
    return g.decode_limits(struct, account=GUARD, chain_id=1, known=limits.calls).limits


addresses = st.integers(1, 2**160 - 1).map(lambda n: Address(f"0x{n:040x}"))
amounts = st.none() | st.integers(0, 2**256 - 2)
wads = st.none() | st.integers(0, 2**256 - 2).map(lambda n: from_wad(n))
rules = st.builds(
    ArgumentRule,
    st.integers(0, 2**16 - 1),
    st.frozensets(addresses.filter(lambda a: a != GUARD) | st.just(SELF), max_size=3),
    amounts,
)
selectors = st.binary(min_size=4, max_size=4)
calls = st.builds(
    AllowedCall,
    addresses,
    selectors,
    st.just(""),
    st.tuples(rules) | st.just(()),
    st.booleans(),
    st.just("perp_v2"),
)
all_limits = st.builds(
    Limits,
    st.lists(calls, max_size=3, unique_by=lambda c: (c.target, c.selector)).map(tuple),
    st.just({1}),
    st.frozensets(addresses, max_size=3),
    st.just(frozenset()),
    *[amounts] * 5,
    *[wads] * 4,
    st.booleans(),
    amounts,
)


@given(limits=all_limits)
def test_limits_come_back_as_they_went(limits: Limits) -> None:
    """Every number, address and rule survives the way through the contract's own encoding."""
    assert there_and_back(limits) == limits


def test_self_is_the_guard_there_and_self_again_here() -> None:
    """On chain the account is an address like others; its own address and SELF are one."""
    rule = ArgumentRule(1, frozenset({SELF, SHOP}), name="recipient")
    limits = Limits(calls=(replace(PAY, rules=(rule,)),), chains={1})
    struct = encode(limits)
    assert struct["calls"][0][4] == [(1, True, sorted([GUARD, SHOP]), g.UNLIMITED)]
    assert there_and_back(limits) == limits


def test_a_call_gets_the_probe_that_bounds_it() -> None:
    """By its target before its venue's name; what moves no margin has none."""
    struct = encode(Limits(calls=(TRADE, PAY), chains={1}), probes={HOUSE: SHOP, "perp_v2": PROBE})
    assert [call[2] for call in struct["calls"]] == [SHOP, ZERO_ADDRESS]
    assert encode(Limits(calls=(TRADE,), chains={1}))["calls"][0][2] == PROBE


UNFIT: dict[str, tuple[Callable[[], Any], str]] = {
    "any target": (
        lambda: encode(Limits(calls=(replace(PAY, target=None),), chains={1})),
        "allowed for any target, which a guard cannot hold: name each target",
    ),
    "any function": (
        lambda: encode(Limits(calls=(replace(PAY, selector=None),), chains={1})),
        "allowed for any selector, which a guard cannot hold: name each selector",
    ),
    "no probe": (
        lambda: encode(Limits(calls=(TRADE,), chains={1}), probes={}),
        "bounded by what a probe measures, and there is none for it: deploy the probe of perp_v2",
    ),
    "other chain": (
        lambda: encode(Limits(chains={10})),
        "the limits are for chain 10, and the guard is on chain 1: add it to chains",
    ),
    "delegates": (
        lambda: encode(Limits(chains=None, delegates={SHOP})),
        "a guard is no key and takes on no code: use delegates=frozenset()",
    ),
    "any delegate": (lambda: encode(Limits(chains=None, delegates=None)), "delegates is None"),
    "a maker": (
        lambda: encode(Limits(calls=(MAKE,), chains={1}, reduce_only=True)),
        f"addLiquidity at {HOUSE} is beyond what a guard can bound: what a maker trades others bring about",
    ),
    "fees without end": (
        lambda: g.encode_limits(Limits(chains=None), account=GUARD, chain_id=1, probes={}, refunds_fees=True),
        "max_fees_per_day_wei is None: a guard that pays fees back needs a cap on them",
    ),
    "anybody": (
        lambda: encode(Limits(chains=None, transfers=None)),
        "addresses that may get value: name them",
    ),
    "too fine": (
        lambda: encode(Limits(chains=None, max_notional=Decimal("1e-19"))),
        "max_notional 1E-19 has more than 18 decimal places",
    ),
    "too big": (
        lambda: encode(Limits(chains=None, max_notional_per_day=Decimal(10) ** 70)),
        "the contract's numbers end below it: use None for no limit",
    ),
    "too many wei": (lambda: encode(Limits(chains=None, max_cost_wei=2**256)), "use None for no limit"),
    "far word": (
        lambda: encode(Limits(calls=(replace(PAY, rules=(ArgumentRule(2**16, at_most=1),)),), chains=None)),
        "a guard's rules reach to word 65535",
    ),
    "high rule": (
        lambda: encode(Limits(calls=(replace(PAY, rules=(ArgumentRule(1, at_most=2**256),)),), chains=None)),
        "does not fit 256 bits: leave it out",
    ),
    "funds": (
        lambda: g.encode_execute(
            GUARD, HookPlan((HookCall(Call(SHOP, b"")),), 1, inputs=(PlanInput(SHOP, 1),))
        ),
        "a guard's plan has no inputs and outputs",
    ),
}


@pytest.mark.parametrize("case", UNFIT)
def test_what_a_guard_cannot_hold_is_refused(case: str) -> None:
    """Nothing is left out, rounded or widened in silence: `IntentError` says what to do instead."""
    build, words = UNFIT[case]
    with pytest.raises(IntentError) as caught:
        build()
    assert words in str(caught.value)


OWNER, AGENT, GUARDIAN = (ACCOUNTS[name].address for name in ("deployer", "trader", "keeper"))


async def deploy_guard(operator: Operator) -> Address:
    contract = guard_contract(OWNER, AGENT, GUARDIAN)
    await operator.transact(OWNER, encode_deploy(contract), gas=8_000_000)
    return address_of(contract)


@pytest.mark.node
async def test_a_guard_tells_what_it_was_told(anvil: AnvilNode) -> None:
    """Limits, people, what is spent and the kill switch, written by our calls and read by our reads."""
    async with Client.open(anvil.url) as client:
        operator = Operator(client)
        guard = await deploy_guard(operator)
        state = await g.read_state(client, guard)
        assert state == g.GuardState(OWNER, AGENT, GUARDIAN, is_killed=False, version=0)
        limits = Limits(
            calls=(PAY,),
            chains={31337},
            transfers={SHOP},
            max_value_wei=5,
            max_fees_per_day_wei=10**17,
            expires_at=2**40,
        )
        struct = g.encode_limits(limits, account=guard, chain_id=31337, probes={}, refunds_fees=True)
        await operator.transact(OWNER, g.encode_set_limits(guard, struct))
        found = await g.read_limits(client, guard)
        assert found == g.GuardLimits(limits, refunds_fees=True, probes={})
        await operator.transact(OWNER, g.encode_set_agent(guard, SHOP))
        await operator.transact(OWNER, g.encode_set_guardian(guard, AGENT))
        await operator.transact(AGENT, g.encode_kill(guard))
        state = await g.read_state(client, guard)
        assert state == g.GuardState(OWNER, SHOP, AGENT, is_killed=True, version=1)
        await operator.transact(OWNER, g.encode_revive(guard))
        assert not (await g.read_state(client, guard)).is_killed


@pytest.mark.node
async def test_the_agents_plan_is_counted_and_bounded(anvil: AnvilNode) -> None:
    """A transfer within the limits is in the window that `read_spent` reads; one wei more is refused with the
    numbers, and the owner may do it all the same."""
    async with Client.open(anvil.url) as client:
        operator = Operator(client)
        guard = await deploy_guard(operator)
        limits = Limits(chains=None, transfers={SHOP}, max_value_wei=5, max_value_per_day_wei=6)
        struct = g.encode_limits(limits, account=guard, chain_id=31337, probes={})
        await operator.transact(OWNER, g.encode_set_limits(guard, struct))
        plan = HookPlan((HookCall(Call(SHOP, b"", 5)),), 2**40)
        await operator.transact(AGENT, g.encode_execute(guard, plan, value=5))
        spent = await g.read_spent(client, guard)
        assert spent.value_per_day_wei == 5
        assert spent.fees_per_day_wei == spent.fees_per_hour_wei > 0
        assert spent.notional_per_day == 0
        more = HookPlan((HookCall(Call(SHOP, b"", 2)),), 2**40)
        with pytest.raises(CallRevertedError) as caught:
            await client.call_raw(g.encode_execute(guard, more, value=2), sender=AGENT)
        told = explain_revert(caught.value.data)
        assert str(told) == (
            "value 0.000000000000000002 ETH and 0.000000000000000005 ETH of the last day are above "
            "0.000000000000000006 ETH a day"
        )
        await operator.transact(OWNER, g.encode_execute_as_owner(guard, more, value=2))
        assert await client.balance(SHOP) == 7


@pytest.mark.node
async def test_an_address_without_a_guard_is_told(anvil: AnvilNode) -> None:
    """No code there is an error and no empty limits."""
    async with Client.open(anvil.url) as client:
        with pytest.raises(AbiError):
            await g.read_limits(client, SHOP)
        with pytest.raises((AbiError, CallRevertedError)):
            await g.read_state(client, SHOP)
