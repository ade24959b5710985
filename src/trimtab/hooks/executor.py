"""The executor's calls and answers: a plan for an EOA's own code, a Safe, or an executor with an owner."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trimtab.chain.abi import Abi
from trimtab.chain.call import Call, Read
from trimtab.chain.receipt import Log
from trimtab.hooks.artifacts import load_artifact
from trimtab.hooks.plans import HookPlan
from trimtab.model.ids import Address


@dataclass(frozen=True, slots=True)
class CallResult:
    """How one call of a plan ended. `data` is what it returned, or its revert data."""

    is_success: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class PlanExecuted:
    """A plan was done for `account`, within its conditions, by `caller`."""

    account: Address
    plan_hash: bytes
    caller: Address


@dataclass(frozen=True, slots=True)
class CallFailed:
    """Call number `call` of a plan failed, and the plan went on as its rule said. `reason`: revert data."""

    account: Address
    plan_hash: bytes
    call: int
    reason: bytes


ExecutorEvent = PlanExecuted | CallFailed


def executor_abi() -> Abi:
    return load_artifact("Executor").abi


def encode_execute(at: Address, plan: HookPlan, *, value: int = 0) -> Call:
    """The plan as `at` itself: an EOA that took on the executor's code calls its own address, the owner of a
    stand-alone executor calls that. `value` in wei comes along; an EOA has its own and sends none."""
    return executor_abi().function("execute").at(at, plan.to_abi(), value=value)


def encode_execute_from(executor: Address, safe: Address, plan: HookPlan) -> Call:
    """The plan as `safe`, which has `executor` as a module; the Safe itself must make this call."""
    return executor_abi().function("executeFrom").at(executor, safe, plan.to_abi())


def encode_run(executor: Address, account: Address, plan: HookPlan) -> Call:
    """The plan as `account`, which approved it for the caller."""
    return executor_abi().function("run").at(executor, account, plan.to_abi())


def encode_approve(executor: Address, plan_hash: bytes, runner: Address) -> Call:
    """Let `runner` run the plan of this hash once, for the account that makes this call."""
    return executor_abi().function("approve").at(executor, plan_hash, runner)


def encode_revoke(executor: Address, plan_hash: bytes, runner: Address) -> Call:
    """Take an approval back."""
    return executor_abi().function("revoke").at(executor, plan_hash, runner)


def read_is_approved(executor: Address, account: Address, plan_hash: bytes, runner: Address) -> Read[bool]:
    """Whether `runner` may still run it: the read, for a client."""
    return executor_abi().function("isApproved").read(executor, account, plan_hash, runner)


def decode_results(data: bytes) -> tuple[CallResult, ...]:
    """What a plan's calls returned, out of the return data of `execute`, `executeFrom` or `run`: of a
    simulation, say. Raises `AbiError`."""
    found = executor_abi().function("execute").decode(data)
    return tuple(CallResult(result.isSuccess, result.data) for result in found)


def decode_events(logs: Iterable[Log], executor: Address) -> list[ExecutorEvent]:
    """What `executor` (or the account with its code) told in these logs, in their order."""
    found: list[ExecutorEvent] = []
    executed, failed = (executor_abi().event(name) for name in ("PlanExecuted", "CallFailed"))
    for log in logs:
        if log.address != executor or not log.topics:
            continue
        if log.topics[0] == executed.topic0:
            told = executed.decode(log)
            found.append(PlanExecuted(told["account"], told["planHash"], told["caller"]))
        elif log.topics[0] == failed.topic0:
            told = failed.decode(log)
            found.append(CallFailed(told["account"], told["planHash"], told["call"], told["reason"]))
    return found
