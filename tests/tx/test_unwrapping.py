"""A plan is what its calls are: nothing hides in it, at any depth, and what is told of it is all of it."""

from __future__ import annotations

import pytest

from trimtab.chain.abi import encode_values
from trimtab.chain.call import Call
from trimtab.hooks.callback import Outcome, encode_arm, encode_arm_last
from trimtab.hooks.executor import encode_approve, encode_execute, encode_execute_from, encode_run
from trimtab.hooks.guard import encode_execute_as_owner
from trimtab.hooks.plans import PLAN_TYPE, HookCall, HookPlan, PlanInput, hash_plan
from trimtab.model.ids import Address
from trimtab.tx.unwrapping import MAX_DEPTH, NOBODY, WRAPPERS, unwrap, value_of

ME, SHOP, SAFE, GUARD = (Address("0x" + digits * 20) for digits in ("aa", "bb", "cc", "dd"))
BUY = Call(SHOP, b"\x01\x02\x03\x04\x05", 7)


def plan(*calls: Call) -> HookPlan:
    return HookPlan(tuple(map(HookCall, calls)), 2**40)


def actors(call: Call) -> list[tuple[Address, Address, int]]:
    return [(one.actor, one.target, one.value) for one in unwrap(ME, call.target, call.value, call.data)]


@pytest.mark.parametrize(
    ("call", "actor"),
    [
        (encode_execute(ME, plan(BUY)), ME),
        (encode_execute(GUARD, plan(BUY)), GUARD),
        (encode_execute_as_owner(GUARD, plan(BUY)), GUARD),
        (encode_execute_from(SHOP, SAFE, plan(BUY)), SAFE),
        (encode_run(SHOP, SAFE, plan(BUY)), SAFE),
        (encode_arm(SHOP, bytes(32), Outcome.EXECUTED, SAFE, plan(BUY)), ME),
        (encode_arm_last(SHOP, Outcome.FROZEN, SAFE, plan(BUY)), ME),
    ],
)
def test_the_calls_inside_are_made_as_the_right_account(call: Call, actor: Address) -> None:
    """Every way into our contracts is known, and whose calls come out of it: a plan that is armed will be
    run for the account that arms it."""
    assert call.data[:4] in WRAPPERS
    assert actors(call)[1:] == [(actor, SHOP, 7)]


def test_what_is_no_plan_is_itself() -> None:
    """Any other call, and a transfer."""
    assert actors(BUY) == [(ME, SHOP, 7)]
    assert actors(Call(SHOP, b"", 3)) == [(ME, SHOP, 3)]


def test_plans_inside_of_plans_are_opened_too() -> None:
    """To the last call, each by its own actor; deeper than anybody means is refused."""
    nested = encode_execute(ME, plan(BUY, encode_execute(GUARD, plan(BUY, BUY))))
    assert actors(nested) == [(ME, ME, 0), (ME, SHOP, 7), (ME, GUARD, 0), *[(GUARD, SHOP, 7)] * 2]
    for _ in range(MAX_DEPTH):
        nested = encode_execute(ME, plan(nested))
    with pytest.raises(ValueError, match="plans more than 3 deep"):
        actors(nested)


def test_what_is_spent_is_what_the_calls_spend() -> None:
    """What goes to oneself is not spent; a sender that is not known spends whatever it sends."""
    call = encode_execute(ME, plan(BUY, BUY), value=100)
    assert value_of(ME, call.target, call.value, call.data) == 14
    assert value_of(NOBODY, call.target, call.value, call.data) == 114
    assert value_of(ME, SHOP, 5, call.data[:4]) == 5  # nobody can read it: it is refused elsewhere


@pytest.mark.parametrize("change", [lambda d: d[:-1], lambda d: d + b"\0", lambda d: d[:4], lambda d: d[:90]])
def test_only_the_canonical_encoding_is_read(change: object) -> None:
    """Contracts read other encodings too, with other calls in them: what we would not write is refused."""
    data = encode_execute(ME, plan(BUY)).data
    with pytest.raises(ValueError, match="not encoded in the canonical way"):
        unwrap(ME, ME, 0, change(data))  # type: ignore[operator]


def test_a_second_list_of_calls_cannot_hide() -> None:
    """Offsets that point elsewhere than they do in our encoding: a decoder would read the other list."""
    selector = encode_execute(ME, plan(BUY)).data[:4]
    honest = encode_values([PLAN_TYPE], [plan(BUY).to_abi()])
    other = encode_values([PLAN_TYPE], [plan(Call(SAFE, b"\xff" * 4)).to_abi()])
    forged = (32 + len(honest)).to_bytes(32, "big") + honest[32:] + other[32:] + bytes(32)
    with pytest.raises(ValueError, match="canonical"):
        unwrap(ME, ME, 0, selector + forged)


def test_funds_that_no_call_moves_are_refused() -> None:
    """A stand-alone executor's inputs and outputs move tokens beside the calls."""
    call = Call(SHOP, b"\x01" * 4)
    for extra in (
        HookPlan((HookCall(call),), 9, inputs=(PlanInput(SHOP, 1),)),
        HookPlan((HookCall(call),), 9, outputs=(SHOP,)),
    ):
        with pytest.raises(ValueError, match="inputs or gives outputs"):
            unwrap(ME, ME, 0, encode_execute(ME, extra).data)


def test_a_plan_that_is_approved_must_be_there_to_be_read() -> None:
    """By its hash alone a runner could be let do anything. Armed beside it, once for each approval, it is
    judged."""
    later = plan(BUY)
    approval = encode_approve(ME, hash_plan(later), SHOP)
    arming = encode_arm_last(SHOP, Outcome.EXECUTED, ME, later)
    assert actors(encode_execute(ME, plan(arming, approval)))[1:] == [
        (ME, SHOP, 0),
        (ME, SHOP, 7),
        (ME, ME, 0),
    ]
    other = encode_arm_last(SHOP, Outcome.EXECUTED, ME, plan(BUY, BUY))
    for calls in ((approval,), (other, approval), (arming, approval, approval)):
        with pytest.raises(ValueError, match="nobody can read it"):
            actors(encode_execute(ME, plan(*calls)))
    with pytest.raises(ValueError, match="nobody can read it"):
        actors(approval)
