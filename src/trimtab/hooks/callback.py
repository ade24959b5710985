"""OrderCallback: arm the plan that a keeper's transaction shall run, read what an order of GMX v2 came to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from trimtab.chain.abi import AbiFunction
from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.chain.receipt import Log
from trimtab.errors import IntentError
from trimtab.hooks.artifacts import load_artifact
from trimtab.hooks.plans import HookPlan
from trimtab.model.ids import ZERO_ADDRESS, Address

NAME = "OrderCallback"


class Outcome(IntEnum):
    """How an order ended, or stands: one that is frozen may still be executed or cancelled."""

    NONE = 0
    EXECUTED = 1
    CANCELLED = 2
    FROZEN = 3


class PlanState(IntEnum):
    """What became of the plan armed for an outcome. One that failed stays armed: its account may run it."""

    NONE = 0
    DONE = 1
    FAILED = 2


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """What the contract knows of one order. `reached_at` is the unix second of the outcome. An order that did
    not come back yet has Outcome.NONE: that it is not told is no word on whether it ended."""

    key: bytes
    account: Address | None
    outcome: Outcome
    plan: PlanState
    reached_at: int


@dataclass(frozen=True, slots=True)
class OrderRecorded:
    """An order came to an outcome. `size_delta_usd` is the order's and `execution_price` the event's, with 30
    decimals as GMX has them, None where the event names no price."""

    key: bytes
    account: Address
    outcome: Outcome
    size_delta_usd: int
    execution_price: int | None


@dataclass(frozen=True, slots=True)
class PlanRun:
    """The armed plan was run within the order's callback, or by its account later. `reason` is the start of
    its revert data; empty when it is done, or had too little gas."""

    key: bytes
    account: Address
    plan_hash: bytes
    is_done: bool
    reason: bytes


@dataclass(frozen=True, slots=True)
class FeeRefunded:
    """GMX gave back this much of an order's execution fee (wei): the account may withdraw it."""

    key: bytes
    account: Address
    amount: int


CallbackEvent: TypeAlias = OrderRecorded | PlanRun | FeeRefunded


def encode_arm(callback: Address, key: bytes, outcome: Outcome, executor: Address, plan: HookPlan) -> Call:
    """Run `plan` at `executor` when the order `key` has this outcome, in place of one armed before. The plan
    must be approved at the executor for the callback too: `executor.encode_approve`. Raises `IntentError`."""
    _check_outcome(outcome)
    return _function("arm").at(callback, _key(key), int(outcome), executor, plan.to_abi())


def encode_arm_last(callback: Address, outcome: Outcome, executor: Address, plan: HookPlan) -> Call:
    """As `encode_arm`, for the order that was created last: in the batch that created it, the batch's own."""
    _check_outcome(outcome)
    return _function("armLast").at(callback, int(outcome), executor, plan.to_abi())


def encode_disarm(callback: Address, key: bytes, outcome: Outcome) -> Call:
    """Forget the plan of an outcome."""
    _check_outcome(outcome)
    return _function("disarm").at(callback, _key(key), int(outcome))


def encode_run_again(callback: Address, key: bytes) -> Call:
    """Run the plan that failed in the callback, by the order's own account."""
    return _function("runAgain").at(callback, _key(key))


def encode_withdraw_fees(callback: Address, to: Address) -> Call:
    """Pay out the execution fees that GMX gave back for the sender's orders."""
    return _function("withdrawFees").at(callback, to)


async def read_record(
    client: Client, callback: Address, key: bytes, *, block: int | str = "latest"
) -> OrderRecord:
    """What is known of one order."""
    raw = await client.call(_function("recordOf").read(callback, _key(key)), block=block)
    account = None if raw.account == ZERO_ADDRESS else Address(raw.account)
    return OrderRecord(key, account, Outcome(raw.outcome), PlanState(raw.plan), raw.reachedAt)


async def read_fees(client: Client, callback: Address, account: Address) -> int:
    """Wei of execution fees that the account may withdraw."""
    return int(await client.call(_function("feesOf").read(callback, account)))


def decode_log(log: Log) -> CallbackEvent | None:
    """A log of the contract as an event; None for logs that say nothing of an order's end."""
    abi = load_artifact(NAME).abi
    event = abi.event_by_topic(log.topics[0]) if log.topics else None
    if event is None:
        return None
    told = event.decode(log)
    if event.name == "OrderRecorded":
        outcome, price = Outcome(told["outcome"]), told["executionPrice"] or None
        return OrderRecorded(told["key"], told["account"], outcome, told["sizeDeltaUsd"], price)
    if event.name in ("PlanDone", "PlanFailed"):
        is_done = event.name == "PlanDone"
        return PlanRun(told["key"], told["account"], told["planHash"], is_done, told.get("reason", b""))
    if event.name == "FeeRefunded":
        return FeeRefunded(told["key"], told["account"], told["amount"])
    return None


def _function(name: str) -> AbiFunction:
    return load_artifact(NAME).abi.function(name)


def _key(key: bytes) -> bytes:
    if type(key) is not bytes or len(key) != 32:
        raise IntentError(f"an order's key is 32 bytes, got {key!r}", field="key", value=key)
    return key


def _check_outcome(outcome: Outcome) -> None:
    if outcome is Outcome.NONE:
        raise IntentError(
            "a plan is armed for an order that was executed, cancelled or frozen, not for none of them",
            field="outcome",
            value=outcome,
        )
