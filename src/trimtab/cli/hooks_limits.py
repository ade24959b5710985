"""`trimtab hooks limits`, `kill` and `revive`: the owner's hand on a guard's agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from trimtab.chain.address import parse_address
from trimtab.chain.call import Call
from trimtab.chain.client import BlockRef
from trimtab.chain.receipt import Receipt
from trimtab.cli.hooks_plan import name_addresses, probe_targets
from trimtab.cli.hooks_send import Step, ask, check_flags, estimate, fee_of, send_steps
from trimtab.cli.hooks_view import (
    change_rows,
    describe,
    limit_rows,
    list_unbounded,
    loss_caption,
    print_calls,
)
from trimtab.cli.output import print_facts, print_json, print_table
from trimtab.cli.wiring import Session, executor_options, open_session
from trimtab.errors import AbiError, CallRevertedError, ConfigError, IntentError
from trimtab.hooks import guard as guards
from trimtab.hooks.guard import GuardLimits, GuardState, Spent
from trimtab.model.ids import ZERO_ADDRESS, Address
from trimtab.model.limits import AllowedCall, Limits
from trimtab.tx import RoutePolicy


@dataclass(frozen=True, slots=True)
class Look:
    """A guard as it stands: who, what is allowed, what is spent."""

    guard: Address
    state: GuardState
    held: GuardLimits
    spent: Spent
    names: Mapping[Address, str]


@dataclass(frozen=True, slots=True)
class Change:
    """What the settings would make of a guard's limits: the call, what differs, and its gas."""

    call: Call
    limits: Limits
    rows: Sequence[tuple[str, str, str]]
    gas: int


async def show(path: Path | None, given: str | None, *, as_json: bool) -> None:
    """The guard's people, its limits with what is spent of each, and the calls that it allows."""
    async with open_session(path) as session:
        look = await _look(session, given)
    if as_json:
        print_json(_document(look))
        return
    print_facts(f"Guard {look.guard}", _people(look.state))
    if look.state.version == 0:
        typer.echo("No limits were set yet, so the agent may do nothing: `trimtab hooks limits set`.")
        return
    columns = ("Limit", ">At most", ">Spent", ">Left")
    rows = limit_rows(look.held, look.spent)
    print_table("Limits", columns, rows, loss_caption(look.held.limits))
    print_calls(look.held, look.names)


async def change(path: Path | None, given: str | None, *, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Put the settings' limits in place of the guard's. What is spent in its windows stays spent."""
    check_flags(yes=yes, dry_run=dry_run, as_json=as_json)
    async with open_session(path) as session:
        look = await _look(session, given)
        wanted = await _compare(session, look)
        is_sent = bool(wanted.rows) and not dry_run
        if is_sent:
            _check_sender(session, look.state, ("owner",))
        if not as_json:
            _print_change(wanted)
        if is_sent and not yes:
            ask()
        steps = [Step("set the guard's limits", wanted.call)] if is_sent else []
        receipts = await send_steps(session, steps) if steps else []
    if as_json:
        print_json({**_change_document(wanted, receipts), "is_dry_run": dry_run})
    elif receipts:
        typer.echo(f"The limits are set: {_told(receipts)}.")
    elif dry_run:
        typer.echo("Dry run: nothing was sent.")


async def kill(path: Path | None, given: str | None, *, yes: bool, as_json: bool) -> None:
    """Stop the agent, by the public way whatever the usual one is: a relay may take its time."""
    async with open_session(path) as session:
        guard, state = await _find(session, given)
        step = Step("stop the guard's agent", guards.encode_kill(guard), RoutePolicy.public())
        await _switch(session, state, step, ("owner", "guardian"), to=True, yes=yes, as_json=as_json)


async def revive(path: Path | None, given: str | None, *, yes: bool, as_json: bool) -> None:
    """Let the agent go on."""
    async with open_session(path) as session:
        guard, state = await _find(session, given)
        step = Step("let the guard's agent go on", guards.encode_revive(guard))
        await _switch(session, state, step, ("owner",), to=False, yes=yes, as_json=as_json)


async def _switch(
    session: Session, state: GuardState, step: Step, who: Sequence[str], *, to: bool, yes: bool, as_json: bool
) -> None:
    """Kill or revive, unless it is so already."""
    check_flags(yes=yes, dry_run=False, as_json=as_json)
    receipts: list[Receipt] = []
    if state.is_killed is not to:
        _check_sender(session, state, who)
        if not yes:
            print_facts(f"Guard {step.call.target}", _people(state), f"This would {step.label}.")
            ask()
        receipts = await send_steps(session, [step])
    if as_json:
        sent = [receipt.tx_hash for receipt in receipts]
        print_json({"guard": step.call.target, "is_killed": to, "sent": sent})
        return
    typer.echo(f"The agent {state.agent} is {'stopped' if to else 'free to act'}: {_told(receipts)}.")
    if receipts and to:
        typer.echo("What is open stays open. `trimtab hooks revive` lets the agent go on.")


def _told(receipts: Sequence[Receipt]) -> str:
    return f"{receipts[0].tx_hash}, for {fee_of(receipts[0])}" if receipts else "it was so before"


async def _find(
    session: Session, given: str | None, block: BlockRef = "latest"
) -> tuple[Address, GuardState]:
    """The guard that is meant, and its people. Raises `ConfigError` where there is none."""
    guard = session.config.hooks.guard if given is None else parse_address(given)
    if guard is None:
        raise ConfigError(
            "no guard: give --guard, or set hooks.guard; `trimtab hooks deploy --agent 0x...` makes one",
            key="hooks.guard",
        )
    try:
        return guard, await guards.read_state(session.client, guard, block=block)
    except (AbiError, CallRevertedError) as error:
        raise ConfigError(f"there is no guard at {guard}: {error}", key="hooks.guard") from error


async def _look(session: Session, given: str | None) -> Look:
    """Everything of the guard at one block. Raises as `_find`."""
    block = await session.client.block_number()
    guard, state = await _find(session, given, block)
    held = await guards.read_limits(session.client, guard, known=_known(session), block=block)
    spent = await guards.read_spent(session.client, guard, block=block)
    return Look(guard, state, held, spent, name_addresses(session.config, session.venues))


async def _compare(session: Session, look: Look) -> Change:
    """Raises as `_encode`."""
    call = _encode(session, look.guard)
    wanted = guards.decode_set_limits(
        call.data, account=look.guard, chain_id=session.client.chain_id, known=_known(session)
    )
    rows = change_rows(look.held if look.state.version else None, wanted, look.names)
    gas = await estimate(session, look.state.owner, call) if rows else 0
    return Change(call, wanted.limits, rows, gas)


def _known(session: Session) -> list[AllowedCall]:
    """Calls whose names we know."""
    known = [call for venue in session.venues.values() for call in venue.allowed_calls]
    return known + [item.call for item in session.config.limits.calls]


def _encode(session: Session, guard: Address) -> Call:
    """The settings' limits as a call. Raises `IntentError` for what a guard cannot hold, `ConfigError` for a
    probe of no venue."""
    chain_id, budget = session.client.chain_id, executor_options(session.config).budget_wei
    struct = guards.encode_limits(
        session.config.limits.make(chain_id, session.venues, max_cost_wei=budget),
        account=guard,
        chain_id=chain_id,
        probes=probe_targets(session.config),
        refunds_fees=session.config.hooks.refunds_fees,
    )
    return guards.encode_set_limits(guard, struct)


def _check_sender(session: Session, state: GuardState, roles: Sequence[str]) -> None:
    """Raises `IntentError` unless the configured key is of one of these roles."""
    allowed = {role: getattr(state, role) for role in roles}
    if session.signer.address not in allowed.values():
        named = " or ".join(
            f"{role} {address}" for role, address in allowed.items() if address != ZERO_ADDRESS
        )
        raise IntentError(
            f"only the guard's {named} may do this, and the configured key is of {session.signer.address}: "
            "use the settings of that key, with --guard",
            field="account",
            value=session.signer.address,
        )


def _print_change(wanted: Change) -> None:
    if not wanted.rows:
        typer.echo("The guard has these limits already: nothing to send.")
        return
    caption = f"{loss_caption(wanted.limits)} About {wanted.gas:,} gas."
    print_table("Limits", ("Limit", "Old", "New"), wanted.rows, caption)


def _change_document(wanted: Change, receipts: Sequence[Receipt]) -> dict[str, object]:
    return {
        "guard": wanted.call.target,
        "changes": [{"limit": name, "old": old, "new": new} for name, old, new in wanted.rows],
        "unbounded": list_unbounded(wanted.limits),
        "call": wanted.call,
        "gas": wanted.gas,
        "sent": [receipt.tx_hash for receipt in receipts],
    }


def _people(state: GuardState) -> dict[str, object]:
    facts: dict[str, object] = {
        "owner": state.owner,
        "agent": state.agent,
        "guardian": "nobody" if state.guardian == ZERO_ADDRESS else state.guardian,
        "agent is stopped": state.is_killed,
        "times limits were set": state.version,
    }
    if state.pending_owner is not None:
        facts["next owner, not accepted yet"] = state.pending_owner
    return facts


def _document(look: Look) -> dict[str, object]:
    return {
        "guard": look.guard,
        "state": look.state,
        "limits": describe(look.held),
        "spent": look.spent,
    }
