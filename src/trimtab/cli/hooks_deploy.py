"""`trimtab hooks deploy` and `verify`: our contracts at CREATE2 addresses, and whether they are ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import typer

from trimtab.chain.address import parse_address
from trimtab.chain.receipt import Receipt
from trimtab.cli.failures import UNHEALTHY
from trimtab.cli.hooks_plan import configured_contracts, list_probes, plan_contracts, plan_guard
from trimtab.cli.hooks_send import Step, ask, check_flags, estimate, fee_of, send_steps
from trimtab.cli.output import DASH, print_json, print_table
from trimtab.cli.wiring import Session, open_session
from trimtab.config import Config, HookSettings, find_config, load_config, render_table
from trimtab.errors import ConfigError
from trimtab.hooks.deployment import Presence, Standing, check_proxy, encode_deploy, read_standings
from trimtab.model.ids import Address


@dataclass(frozen=True, slots=True)
class Row:
    """One contract of a deployment, for people and programs. `gas` is an estimate until it is sent."""

    contract: str
    name: str
    address: Address
    state: str
    gas: int | None = None
    fee: str | None = None
    tx_hash: str | None = None


async def deploy(
    path: Path | None,
    *,
    agent: str | None,
    guardian: str | None,
    config_out: Path | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Deploy what is missing, tell where all of it is, and how the settings name it."""
    check_flags(yes=yes, dry_run=dry_run, as_json=as_json)
    async with open_session(path) as session:
        standings = await _look(session, agent, guardian)
        missing = [found for found in standings if found.presence is Presence.MISSING]
        hooks = _settings_of(session.config.hooks, standings, session.config)
        source = find_config(path)
        if config_out is not None:
            _check_out(config_out, source, hooks)
        rows = [await _row(session, found) for found in standings]
        if missing and not dry_run:
            _ = session.signer  # says what is missing before anything is shown or asked
            if not yes:
                _print(rows, f"To deploy: {len(missing)} of {len(rows)}.")
                ask()
            receipts = await send_steps(session, [_step(session, found) for found in missing])
            rows = _sent(rows, missing, receipts)
    is_done = not (missing and dry_run)
    if config_out is not None and is_done:
        _draft_out(config_out, source, hooks).replace(config_out)
    if as_json:
        print_json(_document(session, rows, hooks, is_done=is_done))
        return
    _print(rows, _caption(rows, missing, dry_run=dry_run))
    if is_done:
        _tell_settings(session.config.hooks, hooks, config_out)


async def verify(path: Path | None, *, as_json: bool) -> None:
    """Compare the code at every address in [hooks] with ours, byte for byte, its immutables too. Exit code 7
    when one is missing or another's."""
    async with open_session(path) as session:
        hooks = session.config.hooks
        contracts = configured_contracts(session.config)
        standings = await read_standings(session.client, contracts, hooks.salt_bytes, hooks.addresses)
    is_ours = all(found.presence is Presence.OURS for found in standings)
    if as_json:
        print_json({"verified": is_ours, "contracts": [_verdict(found) for found in standings]})
    else:
        _print_verdicts(standings)
    if not is_ours:
        raise typer.Exit(UNHEALTHY)


async def _look(session: Session, agent: str | None, guardian: str | None) -> list[Standing]:
    """How all that is planned stands. Raises `ConfigError` where it cannot be deployed."""
    people = [None if text is None else parse_address(text) for text in (agent, guardian)]
    contracts = plan_contracts(session.config)
    if agent is not None or guardian is not None:
        contracts += plan_guard(session.account(), *people)
    await check_proxy(session.client)
    standings = await read_standings(session.client, contracts, session.config.hooks.salt_bytes)
    for found in standings:
        if found.presence is Presence.FOREIGN:
            raise ConfigError(f"{found.contract.label} at {found.address} is not usable: {found.problem}")
    return standings


def _step(session: Session, found: Standing) -> Step:
    call = encode_deploy(found.contract, session.config.hooks.salt_bytes)
    return Step(f"deploy {found.contract.label}", call)


async def _row(session: Session, found: Standing) -> Row:
    row = Row(found.contract.label, found.contract.name, found.address, "there already")
    if found.presence is Presence.OURS:
        return row
    gas = await estimate(session, session.config.account.address, _step(session, found).call)
    return replace(row, state="to deploy", gas=gas)


def _sent(rows: Sequence[Row], missing: Sequence[Standing], receipts: Sequence[Receipt]) -> list[Row]:
    by_address = {found.address: receipt for found, receipt in zip(missing, receipts, strict=True)}
    return [_done(row, by_address[row.address]) if row.address in by_address else row for row in rows]


def _done(row: Row, receipt: Receipt) -> Row:
    return replace(row, state="deployed", gas=receipt.gas_used, fee=fee_of(receipt), tx_hash=receipt.tx_hash)


def _settings_of(old: HookSettings, standings: Sequence[Standing], config: Config) -> HookSettings:
    """The settings that name what was deployed; what they named besides stays."""
    labels = {found.contract.label: found.address for found in standings}
    probes = {probe.label for probe in list_probes(config)}
    named: dict[str, Any] = {label: address for label, address in labels.items() if label not in probes}
    return replace(old, **named, probes={**old.probes, **{p: labels[p] for p in labels if p in probes}})


def _document(
    session: Session, rows: Sequence[Row], hooks: HookSettings, *, is_done: bool
) -> dict[str, object]:
    return {
        "chain_id": session.client.chain_id,
        "salt": hooks.salt,
        "contracts": rows,
        "sent": sum(row.tx_hash is not None for row in rows),
        "is_dry_run": not is_done,
        "hooks": {"salt": hooks.salt, **hooks.addresses, "probes": hooks.probes},
    }


def _print(rows: Sequence[Row], caption: str) -> None:
    shown = [(row.contract, row.name, row.address, row.state, row.gas, row.fee or DASH) for row in rows]
    columns = ("Setting", "Contract", "Address", "State", ">Gas", ">Fee")
    print_table("Hooks", columns, shown, caption)


def _caption(rows: Sequence[Row], missing: Sequence[Standing], *, dry_run: bool) -> str:
    if not missing:
        return "All are there: nothing was sent."
    if dry_run:
        return f"Dry run: nothing was sent. To deploy: {len(missing)} of {len(rows)}."
    return f"{len(missing)} deployed, {len(rows) - len(missing)} were there already."


def _tell_settings(old: HookSettings, new: HookSettings, config_out: Path | None) -> None:
    for name, address in new.addresses.items():
        if (before := old.addresses.get(name, address)) != address:
            typer.echo(f"{name}: {address} takes the place of {before}, which the settings named.")
    if config_out is not None:
        typer.echo(f"Wrote [hooks] to {config_out}.")
    elif new == old:
        typer.echo("The settings name all of them.")
    else:
        typer.echo("For the settings file (or let --config-out write it):\n")
        typer.echo(render_table("hooks", new), nl=False)


def _check_out(target: Path, source: Path, hooks: HookSettings) -> None:
    """Raises `ConfigError` when the file would be lost, as it exists and is not the settings file, or when
    what would be written does not load. Nothing was sent yet: the addresses are known before."""
    if target.exists() and not target.samefile(source):
        raise ConfigError(
            f"{target} exists, so it is not overwritten: name a new file, or the settings file itself",
            key="config_out",
        )
    draft = _draft_out(target, source, hooks)
    try:
        load_config(draft)
    finally:
        draft.unlink()


def _draft_out(target: Path, source: Path, hooks: HookSettings) -> Path:
    """Beside `target`: the settings file with [hooks] in place of the old one, all else as it was written."""
    kept = _without_hooks(source.read_text(encoding="utf-8")).rstrip("\n")
    draft = target.with_name(f"{target.name}.new")
    draft.touch(mode=0o600)
    draft.chmod(source.stat().st_mode)
    draft.write_text(f"{kept}\n\n{render_table('hooks', hooks)}", encoding="utf-8")
    return draft


def _without_hooks(text: str) -> str:
    """The lines of all other tables, with what is said above each."""
    kept: list[str] = []
    waiting: list[str] = []  # comments in our table, which may be the next one's
    is_ours = False
    for line in text.splitlines():
        bare = line.strip()
        if bare.startswith("["):
            is_ours = bare.startswith(("[hooks]", "[hooks."))
        if not is_ours:
            kept += [*waiting, line]
        waiting = [*waiting, line] if is_ours and (not bare or bare.startswith("#")) else []
    return "\n".join(kept)


def _verdict(found: Standing) -> dict[str, object]:
    return {
        "contract": found.contract.label,
        "name": found.contract.name,
        "address": found.address,
        "presence": found.presence,
        "immutables": found.immutables,
        "problem": found.problem or (NOT_THERE if found.presence is Presence.MISSING else None),
    }


NOT_THERE = "no code is there: wrong chain or address? `trimtab hooks deploy` makes it"


def _print_verdicts(standings: Sequence[Standing]) -> None:
    rows = []
    for found in standings:
        verdict = _verdict(found)
        count = len(found.immutables)
        good = f"byte for byte, {count} words of immutables" if count else "byte for byte"
        rows.append(
            (
                found.contract.label,
                found.contract.name,
                found.address,
                found.presence,
                verdict["problem"] or good,
            )
        )
    bad = sum(found.presence is not Presence.OURS for found in standings)
    caption = f"{bad} to mend" if bad else "All are ours."
    print_table("Hooks", ("Setting", "Contract", "Address", "", "Compared"), rows, caption)
