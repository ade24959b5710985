"""How an owner's calls are sent: each once, by a key that may do nothing else meanwhile."""

from __future__ import annotations

import sys
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import typer

from trimtab.chain.call import Call
from trimtab.chain.receipt import Receipt
from trimtab.cli.wiring import Session, open_sender, sender_options
from trimtab.errors import IntentError, OutcomeUnknownError, RevertedError, SimulationRevertedError
from trimtab.hooks.errors import explain_revert
from trimtab.model.ids import Address
from trimtab.model.limits import AllowedCall, Limits
from trimtab.model.units import from_wad
from trimtab.tx import Reverted, RoutePolicy, Sender, SenderOptions, Succeeded, TxIntent


@dataclass(frozen=True, slots=True)
class Step:
    """One call to send, and its name for people. `route` as in `TxIntent`."""

    label: str
    call: Call
    route: RoutePolicy | None = None


def check_flags(*, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Raises `IntentError` when a program asks for what a person would be asked about."""
    if as_json and not (yes or dry_run):
        raise IntentError("--json asks no questions: add --yes to send or --dry-run to look")


def ask() -> None:
    """Ends the command unless a person says yes."""
    if not sys.stdin.isatty() or not typer.confirm("Send this?", default=False, err=True):
        typer.echo("Nothing was sent. Add --yes to send without a question.", err=True)
        raise typer.Exit(5)


async def send_steps(session: Session, steps: Sequence[Step]) -> list[Receipt]:
    """Send them in order, each after the one before is mined. Raises what sending raises, refusals of our
    contracts in words; `RevertedError` or `OutcomeUnknownError` for what did not end well."""
    async with _open_owners_sender(session, steps) as sender:
        return [await _send(sender, step, float(session.config.tx.timeout)) for step in steps]


async def _send(sender: Sender, step: Step, timeout: float) -> Receipt:
    intent = TxIntent(f"hooks/{uuid.uuid4()}", step.call, label=step.label, route=step.route)
    try:
        handle = await sender.submit(intent)
    except SimulationRevertedError as error:
        told = explain_revert(error.data)
        raise SimulationRevertedError(
            f"{step.label} would fail, so it was not sent: {told}", reason=told.name, data=error.data
        ) from error
    outcome = await handle.outcome(timeout=timeout)
    if isinstance(outcome, Succeeded):
        return outcome.receipt
    if isinstance(outcome, Reverted):
        told = explain_revert(outcome.error.data)
        raise RevertedError(
            f"{step.label} reverted: {told}",
            tx_hash=handle.tx_hash,
            nonce=handle.nonce,
            reason=told.name,
            data=outcome.error.data,
        )
    raise OutcomeUnknownError(
        f"{step.label} ended {type(outcome).__name__}: look with `trimtab tx show {handle.key}`, then run "
        "the command again, which sends only what is missing",
        tx_hash=handle.tx_hash,
        nonce=handle.nonce,
    )


@asynccontextmanager
async def _open_owners_sender(session: Session, steps: Sequence[Step]) -> AsyncIterator[Sender]:
    """A sender that may make these calls only, within the settings' caps on fees and cost."""
    async with open_sender(session, options=owners_options(session, steps)) as (sender, _):
        yield sender


def owners_options(session: Session, steps: Sequence[Step]) -> SenderOptions:
    """The settings' options with limits of exactly these calls, each within tx.budget_eth. [limits] are of
    the agent: an owner's command needs no place in them, and no window of theirs may hold up a kill."""
    options = sender_options(session.config, session.venues)
    calls = tuple(
        AllowedCall(step.call.target, step.call.data[:4], step.label, is_trade=False) for step in steps
    )
    chains = frozenset({session.config.chain.chain_id})
    limits = Limits(calls=calls, chains=chains, max_cost_wei=options.limits.max_cost_wei)
    return replace(options, limits=limits, pause_file=None)


async def estimate(session: Session, sender: Address | None, call: Call) -> int:
    """Gas that the call would need now. Raises `RpcError`."""
    fields = {"to": call.target, "data": f"0x{call.data.hex()}"} | ({"from": sender} if sender else {})
    return int(await session.client.request("eth_estimateGas", [fields]), 16)


def fee_of(receipt: Receipt) -> str:
    """What it cost, for people."""
    return f"{from_wad(receipt.fee_wei):.6f} ETH"
