"""What is not allowed is refused, and the refusal says what to add."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from trimtab.chain.call import Call
from trimtab.errors import LimitError
from trimtab.hooks.callback import Outcome, encode_arm_last
from trimtab.hooks.executor import encode_approve, encode_execute
from trimtab.hooks.plans import HookCall, HookPlan
from trimtab.model.ids import Address
from trimtab.model.limits import SELF, AllowedCall, ArgumentRule, Limits
from trimtab.model.trade import Leverage, TradeFacts
from trimtab.tx.envelope import Authorization, DynamicFeeTx, SetCodeTx
from trimtab.tx.permission import Permission
from trimtab.tx.spending import amounts_of
from trimtab.tx.states import Intent, Kind, change

CHAIN = 31_337
ME, TOKEN, VAULT, THIEF = (Address("0x" + digits * 20) for digits in ("aa", "bb", "cc", "dd"))
APPROVE, DEPOSIT = bytes.fromhex("095ea7b3"), bytes.fromhex("47e7ef24")
SPENDER = ArgumentRule(0, one_of=frozenset({VAULT}), name="spender")
LIMITS = Limits(
    calls=(
        AllowedCall(TOKEN, APPROVE, "approve(address,uint256)", (SPENDER,), is_trade=False),
        AllowedCall(VAULT, DEPOSIT, "deposit(address,uint256)"),
    ),
    chains={CHAIN},
)


def plan_of(*calls: Call) -> HookPlan:
    return HookPlan(tuple(map(HookCall, calls)), 2**40)


def words(*values: int | str) -> bytes:
    numbers = (int(v, 16) if isinstance(v, str) else v for v in values)
    return b"".join(number.to_bytes(32, "big") for number in numbers)


def intent(target: Address = VAULT, data: bytes = DEPOSIT + words(TOKEN, 5), **changes: Any) -> Intent:
    made = Intent("k", "d", target, data, 0, 100_000, None, None, "", 0)
    return change(made, **changes)


def check(limits: Limits, wanted: Intent) -> None:
    Permission(limits, CHAIN, ME).check_intent(wanted)


def refusal(limits: Limits, wanted: Intent) -> LimitError:
    with pytest.raises(LimitError) as caught:
        check(limits, wanted)
    return caught.value


def test_what_is_listed_passes() -> None:
    """Target, selector and arguments as the list says."""
    check(LIMITS, intent())
    check(LIMITS, intent(TOKEN, APPROVE + words(VAULT, 2**256 - 1)))


@pytest.mark.parametrize(
    ("wanted", "words_"),
    [
        (intent(THIEF), f"may not call deposit(address,uint256) at {THIEF} on chain {CHAIN}"),
        (intent(VAULT, b"\x01\x02\x03\x04"), f"may not call 0x01020304 at {VAULT}"),
        (intent(VAULT, b"\x01"), f"may not call 0x01 at {VAULT}"),
        (
            intent(TOKEN, bytes.fromhex("a9059cbb") + words(THIEF, 1)),
            "may not call transfer(address,uint256)",
        ),
    ],
)
def test_what_is_not_listed_is_refused_with_what_to_add(wanted: Intent, words_: str) -> None:
    """Another contract, another function, no whole selector: each by name where it is known."""
    error = refusal(LIMITS, wanted)
    assert words_ in str(error)
    assert (error.field, error.target) == ("calls", wanted.target)
    assert error.selector == f"0x{wanted.data[:4].hex()}"


def test_the_refusals_words_can_be_pasted() -> None:
    """Its Python allows the call, and its TOML is TOML."""
    wanted = intent(THIEF)
    text = str(refusal(LIMITS, wanted))
    python = re.search(r"in Python (limits\.allowing\(.*\)), in the", text)
    assert python
    check(eval(python[1], {"limits": LIMITS, "AllowedCall": AllowedCall}), wanted)
    toml = re.search(r"\[\[limits\.calls\]\] (target = \S+) (function = .*)$", text)
    assert toml
    table = tomllib.loads("\n".join(("[[limits.calls]]", toml[1], toml[2])))
    assert table["limits"]["calls"] == [{"target": THIEF, "function": "deposit(address,uint256)"}]


def test_a_stranger_gets_no_approval() -> None:
    """The spender is one of the listed; the message shows who was asked for, and who may be."""
    error = refusal(LIMITS, intent(TOKEN, APPROVE + words(THIEF, 1)))
    assert f"only with spender one of {VAULT}" in str(error)
    assert THIEF[2:] in str(error)


def test_self_is_the_account() -> None:
    """A recipient rule of SELF lets the sender pay itself and nobody else."""
    rule = ArgumentRule(0, one_of=frozenset({SELF}))
    limits = Limits(calls=(AllowedCall(VAULT, DEPOSIT, rules=(rule,)),))
    check(limits, intent(data=DEPOSIT + words(ME)))
    refusal(limits, intent(data=DEPOSIT + words(THIEF)))


def test_two_entries_allow_what_either_does() -> None:
    """An entry more never allows less."""
    second = AllowedCall(TOKEN, APPROVE, rules=(ArgumentRule(1, at_most=10),))
    both = LIMITS.allowing(second)
    check(both, intent(TOKEN, APPROVE + words(THIEF, 10)))
    check(both, intent(TOKEN, APPROVE + words(VAULT, 11)))
    refusal(both, intent(TOKEN, APPROVE + words(THIEF, 11)))


@pytest.mark.parametrize(
    "call", [AllowedCall(VAULT, None), AllowedCall(None, DEPOSIT), AllowedCall(None, None)]
)
def test_wildcards_cover_functions_and_contracts_but_no_transfer(call: AllowedCall) -> None:
    """Any function of one contract, one function anywhere, anything: a call without data is none of them."""
    limits = Limits(calls=(call,))
    check(limits, intent())
    assert refusal(limits, intent(data=b"")).field == "transfers"


def test_plain_value_goes_to_named_recipients_only() -> None:
    """And the refusal names the setting."""
    limits = replace(LIMITS, transfers={THIEF}, max_value_wei=5)
    check(limits, intent(THIEF, b"", value=5))
    error = refusal(limits, intent(VAULT, b"", value=5))
    assert (error.field, error.target) == ("transfers", VAULT)
    assert f'[limits] transfers = ["{VAULT}"]' in str(error)


def test_nothing_given_says_where_to_give_it() -> None:
    """The default refuses everything, and tells of SenderOptions."""
    assert "SenderOptions(limits=...)" in str(refusal(Limits(), intent()))


def test_value_is_capped() -> None:
    """Nothing by default; to the wei; and no more than a transaction may cost."""
    assert refusal(LIMITS, intent(value=1)).cap == 0
    check(replace(LIMITS, max_value_wei=9), intent(value=9))
    assert refusal(replace(LIMITS, max_value_wei=9), intent(value=10)).field == "max_value_wei"
    both = replace(LIMITS, max_value_wei=None, max_cost_wei=9)
    assert refusal(both, intent(value=10)).field == "max_cost_wei"


def test_the_cost_of_a_transaction_is_a_budget() -> None:
    """The tighter of the intent's and the key's."""
    permission = Permission(replace(LIMITS, max_cost_wei=9), CHAIN, ME)
    asked = [intent(budget_wei=budget) for budget in (None, 5, 20)]
    assert [permission.least_budget(one) for one in asked] == [9, 5, 9]
    assert Permission(LIMITS, CHAIN, ME).least_budget(intent()) is None


def test_a_trade_declares_its_notional_where_that_is_limited() -> None:
    """Undeclared is refused, for a day's limit too; a call that trades nothing needs none."""
    limits = replace(LIMITS, max_notional=Decimal(100))
    assert refusal(limits, intent()).field == "max_notional"
    refusal(replace(LIMITS, max_notional_per_day=Decimal(100)), intent())
    check(limits, intent(TOKEN, APPROVE + words(VAULT, 1)))
    check(limits, intent(notional=Decimal(100)))
    error = refusal(limits, intent(notional=Decimal("100.000001")))
    assert (error.value, error.cap) == (Decimal("100.000001"), Decimal(100))
    refusal(limits, intent(TOKEN, APPROVE + words(VAULT, 1), notional=Decimal(101)))


def test_what_is_judged_depends_on_the_call() -> None:
    """A trade by all of it, a withdrawal by the leverage that it leaves, an approval by none."""
    withdrawal = AllowedCall(VAULT, b"\1\2\3\4", is_trade=False, venue="perp")
    limits = replace(LIMITS.allowing(withdrawal), reduce_only=True, max_leverage=Decimal(2))
    assert refusal(limits, intent(trade=TradeFacts())).field == "reduce_only"
    assert refusal(limits, intent(trade=TradeFacts(is_reducing=True))).field == "max_leverage"
    leaves = TradeFacts(after=Leverage(Decimal(2), Decimal(1)))
    check(limits, intent(data=b"\1\2\3\4", trade=leaves))
    check(limits, intent(trade=replace(leaves, is_reducing=True)))
    assert refusal(limits, intent(data=b"\1\2\3\4")).field == "max_leverage"
    check(limits, intent(TOKEN, APPROVE + words(VAULT, 1)))


@pytest.mark.parametrize(
    ("limits", "paused", "field"),
    [
        (LIMITS, "a person said so", "paused"),
        (replace(LIMITS, expires_at=1_000), None, "expires_at"),
        (replace(LIMITS, chains={1}), None, "chains"),
        (replace(LIMITS, chains=frozenset()), None, "chains"),
    ],
)
def test_closed_doors(limits: Limits, paused: str | None, field: str) -> None:
    """Paused, expired on the very second, another chain: each says so."""
    with pytest.raises(LimitError) as caught:
        Permission(limits, CHAIN, ME).check_open("k", now=1_000, paused=paused)
    assert caught.value.field == field


def test_open_doors() -> None:
    """A second before the expiry, on an allowed chain or on any."""
    for limits in (LIMITS, replace(LIMITS, expires_at=1_001), replace(LIMITS, chains=None)):
        Permission(limits, CHAIN, ME).check_open("k", now=1_000, paused=None)


def fields(**changes: Any) -> DynamicFeeTx:
    wanted = intent()
    return replace(DynamicFeeTx(CHAIN, 0, 1, 2, 100_000, wanted.target, wanted.value, wanted.data), **changes)


@pytest.mark.parametrize(
    "changes", [{"chain_id": 1}, {"to": THIEF}, {"to": None}, {"value": 1}, {"data": b"\x01"}]
)
def test_the_very_fields_are_those_that_were_allowed(changes: dict[str, Any]) -> None:
    """Whatever stands between the check and the signature cannot change chain, target, value or data; a
    cancellation is nothing but one."""
    permission = Permission(LIMITS, CHAIN, ME)
    permission.check_fields(Kind.NORMAL, intent(), fields())
    permission.check_fields(Kind.CANCEL, intent(), fields(to=ME, value=0, data=b""))
    with pytest.raises(LimitError):
        permission.check_fields(Kind.NORMAL, intent(), fields(**changes))
    with pytest.raises(LimitError):
        permission.check_fields(Kind.CANCEL, intent(), fields(**{"to": ME, "data": b"", **changes}))


def test_the_accounts_code_is_given_to_named_delegates_only() -> None:
    """EIP-7702: a delegation is everything that the key may do, so it is listed or refused."""
    plain = fields()
    leave = Authorization(CHAIN, VAULT, 1, 0, 1, 1)
    delegating = SetCodeTx(CHAIN, 0, 1, 2, 100_000, VAULT, (leave,), 0, plain.data)
    with pytest.raises(LimitError) as caught:
        Permission(LIMITS, CHAIN, ME).check_fields(Kind.NORMAL, intent(), delegating)
    assert (caught.value.field, caught.value.target) == ("delegates", VAULT)
    for wanted in (intent(delegate_to=VAULT), intent(authorizations=(leave,))):
        assert refusal(LIMITS, wanted).field == "delegates"
        check(replace(LIMITS, delegates={VAULT}), wanted)
    Permission(replace(LIMITS, delegates={VAULT}), CHAIN, ME).check_fields(Kind.NORMAL, intent(), delegating)
    Permission(Limits.unrestricted(), CHAIN, ME).check_fields(Kind.NORMAL, intent(), delegating)


GUARD = Address("0x" + "ee" * 20)
BATCHES = tuple(AllowedCall(at, encode_execute(ME, plan_of(Call(VAULT, b""))).data[:4]) for at in (ME, GUARD))
WRAPPING = LIMITS.allowing(*BATCHES)
ALLOWED = Call(TOKEN, APPROVE + words(VAULT, 1))
STOLEN = Call(TOKEN, APPROVE + words(THIEF, 1))


def wrapped(at: Address, *calls: Call, **changes: Any) -> Intent:
    return intent(at, encode_execute(at, plan_of(*calls)).data, **changes)


def test_a_plan_may_do_what_its_calls_may() -> None:
    """The plan's own entry allows the wrapper alone; without one even allowed calls are refused in it."""
    check(WRAPPING, wrapped(ME, ALLOWED, Call(VAULT, DEPOSIT + words(TOKEN, 5))))
    assert "may not call" in str(refusal(LIMITS, wrapped(ME, ALLOWED)))


@pytest.mark.parametrize(
    "wanted",
    [
        wrapped(ME, ALLOWED, STOLEN),
        wrapped(ME, Call(THIEF, DEPOSIT)),
        wrapped(ME, ALLOWED, encode_execute(ME, plan_of(ALLOWED, STOLEN))),
        wrapped(GUARD, encode_execute(ME, plan_of(STOLEN))),
        wrapped(ME, Call(THIEF, b"", 0)),
        intent(ME, wrapped(ME, ALLOWED).data + bytes(32)),
        wrapped(ME, encode_approve(ME, bytes(32), THIEF)),
        intent(ME, encode_approve(ME, bytes(32), THIEF).data),
        wrapped(ME, encode_arm_last(GUARD, Outcome.EXECUTED, ME, plan_of(STOLEN))),
    ],
)
def test_a_plan_hides_no_call(wanted: Intent) -> None:
    """What is not allowed is not allowed inside of a plan, at any depth, nor in bytes that only a contract
    reads; though the key may call any function of its own address."""
    for limits in (WRAPPING, WRAPPING.allowing(AllowedCall(ME, None), AllowedCall(GUARD, None))):
        assert refusal(limits, wanted).field in ("calls", "transfers")


def test_a_refusal_says_which_call_of_the_plan() -> None:
    """Counted from 1, with what to add, as for a call of its own."""
    error = refusal(WRAPPING, wrapped(ME, ALLOWED, Call(THIEF, DEPOSIT)))
    assert str(error).startswith(
        "k, call 2 inside of its plan: this key may not call deposit(address,uint256)"
    )
    assert error.target == THIEF


def test_self_inside_of_a_plan_is_the_account_that_makes_the_call() -> None:
    """A guard's calls are the guard's, not its agent's."""
    rule = ArgumentRule(0, one_of=frozenset({SELF}), name="to")
    limits = replace(LIMITS, calls=(AllowedCall(VAULT, DEPOSIT, rules=(rule,)), *BATCHES))
    check(limits, wrapped(GUARD, Call(VAULT, DEPOSIT + words(GUARD))))
    refusal(limits, wrapped(GUARD, Call(VAULT, DEPOSIT + words(ME))))


def test_value_inside_of_a_plan_counts() -> None:
    """Together with that of the other calls, for value and for what a transaction may cost."""
    pay = Call(VAULT, DEPOSIT + words(TOKEN, 5), 6)
    limits = replace(WRAPPING, max_value_wei=12)
    check(limits, wrapped(ME, pay, pay))
    assert refusal(limits, wrapped(ME, pay, pay, pay)).value == 18
    costly = Permission(replace(limits, max_cost_wei=20), CHAIN, ME)
    assert costly.least_budget(wrapped(ME, pay, pay)) == 8
    spent = amounts_of(wrapped(ME, pay, pay), fee=3)
    assert (spent.fee, spent.value) == (3, 12)


def test_a_plan_that_trades_declares_its_notional() -> None:
    """What is inside says whether it trades, whatever the wrapper's entry says."""
    limits = replace(WRAPPING, max_notional=Decimal(100))
    assert refusal(limits, wrapped(ME, Call(VAULT, DEPOSIT + words(TOKEN, 5)))).field == "max_notional"
    check(limits, wrapped(ME, ALLOWED))


def test_a_delegation_may_carry_nothing() -> None:
    """A transfer of nothing to oneself, with code that the key may take on; nothing without the code, and no
    wei with it."""
    limits = replace(LIMITS, delegates={VAULT})
    check(limits, intent(ME, b"", delegate_to=VAULT))
    assert refusal(limits, intent(ME, b"")).field == "transfers"
    assert refusal(limits, intent(ME, b"", delegate_to=VAULT, value=1)).field == "transfers"
    assert refusal(limits, intent(THIEF, b"", delegate_to=VAULT)).field == "transfers"
