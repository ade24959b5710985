"""`trimtab doctor`: is everything there that a trade needs, and if not, what to do."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from trimtab.cli.failures import UNHEALTHY, run
from trimtab.cli.findings import Finding, Verdict
from trimtab.cli.options import ConfigOption, DebugOption, JsonOption
from trimtab.cli.output import number, print_json, print_table

if TYPE_CHECKING:
    from trimtab.chain.client import Client
    from trimtab.cli.wiring import Session
    from trimtab.config import Config
    from trimtab.journal import Journal
    from trimtab.model.ids import Address

MAX_DRIFT_SECONDS = 90
MIN_GAS_ETHER = Decimal("0.01")
TRIAL: dict[str, Any] = {
    "types": {
        "EIP712Domain": [{"name": "name", "type": "string"}],
        "Trial": [{"name": "meaning", "type": "string"}],
    },
    "primaryType": "Trial",
    "domain": {"name": "trimtab doctor"},
    "message": {"meaning": "none: this signature shows that the key works"},
}
"""What a remote key signs to show that it works; no contract knows it."""


def doctor(config: ConfigOption = None, json: JsonOption = False, debug: DebugOption = False) -> None:
    """Check all that a trade needs, and say what to do.

    Settings, node, clock, contracts, key, balances, allowances, hooks, private routes and journal.
    Exit code 7 when one has to be mended.
    """
    run(_doctor(config, json), as_json=json, debug=debug)


async def _doctor(path: Path | None, as_json: bool) -> None:
    findings = [finding async for finding in examine(path)]
    unhealthy = any(finding.verdict is Verdict.FAIL for finding in findings)
    if as_json:
        print_json({"healthy": not unhealthy, "findings": findings})
    else:
        _print(findings)
    if unhealthy:
        raise typer.Exit(UNHEALTHY)


async def examine(path: Path | None) -> AsyncIterator[Finding]:
    """All findings, in the order in which a person would look; later ones need earlier ones to hold."""
    from trimtab.cli.hooks_check import check_hooks
    from trimtab.cli.route_check import check_routes
    from trimtab.cli.wiring import open_session
    from trimtab.config import find_config, load_config
    from trimtab.errors import ConfigError, TrimtabError

    try:
        file = find_config(path)
        config = load_config(file)
    except ConfigError as error:
        yield Finding(
            "settings", Verdict.FAIL, str(error), "mend the settings file; nothing else was looked at"
        )
        return
    yield Finding("settings", Verdict.OK, str(file))
    nodes = [finding async for finding in _nodes(config)]
    for finding in nodes:
        yield finding
    if all(finding.verdict is Verdict.FAIL for finding in nodes):
        return
    try:
        async with open_session(config) as session:
            yield await _clock(session.client)
            async for finding in _contracts(session):
                yield finding
            account, finding = await _key(config)
            yield finding
            if account is not None:
                yield await _gas_money(session.client, account)
                async for finding in _holdings(session, account):
                    yield finding
            async for finding in check_hooks(session, account):
                yield finding
            async for finding in check_routes(config, account):
                yield finding
            for finding in _journal(config, account):
                yield finding
    except TrimtabError as error:
        yield Finding("session", Verdict.FAIL, f"{type(error).__name__}: {error}", "see the message")


async def _nodes(config: Config) -> AsyncIterator[Finding]:
    """Each URL alone: reachable, the right chain, how fast."""
    from trimtab.chain.client import Client
    from trimtab.chain.options import ClientOptions
    from trimtab.config import mask_url
    from trimtab.errors import TrimtabError, WrongChainError

    options = ClientOptions(
        chain_id=config.chain.chain_id, timeout=min(5.0, float(config.chain.timeout)), max_attempts=1
    )
    for url in config.chain.urls:
        name = f"node {mask_url(url)}"
        try:
            async with Client.open(url, options=options) as client:
                started = time.perf_counter()
                head = await client.block_number()
                latency = (time.perf_counter() - started) * 1000
                yield Finding(
                    name, Verdict.OK, f"chain {client.chain_id}, block {head}, {latency:.1f} ms a request"
                )
        except WrongChainError as error:
            yield Finding(
                name,
                Verdict.FAIL,
                f"serves chain {error.actual}",
                f"chain.chain_id says {error.expected}: mend one",
            )
        except TrimtabError as error:
            yield Finding(name, Verdict.FAIL, str(error), "start the node, or mend chain.urls")


async def _clock(client: Client) -> Finding:
    head = await client.block("latest")
    drift = head.at - int(time.time())
    found = f"block {head.number} is {abs(drift)} s {'ahead of' if drift > 0 else 'behind'} this clock"
    if abs(drift) <= MAX_DRIFT_SECONDS:
        return Finding("clock", Verdict.OK, found)
    return Finding(
        "clock", Verdict.WARN, found, "fine in a local world; else the node is not in sync, or set this clock"
    )


async def _contracts(session: Session) -> AsyncIterator[Finding]:
    """Code at every address of every venue, by one batch each."""
    for name, venue in session.venues.items():
        addresses = venue.addresses
        codes = await session.client.batch([("eth_getCode", [a, "latest"]) for a in addresses.values()])
        empty = [
            f"{contract} ({address})"
            for (contract, address), code in zip(addresses.items(), codes, strict=True)
            if not isinstance(code, str) or code in ("", "0x")
        ]
        check = f"{name} contracts"
        if empty:
            advice = f"mend the addresses in [venues.{name}], or the chain they are for"
            yield Finding(check, Verdict.FAIL, f"no code at {', '.join(empty)}", advice)
        else:
            yield Finding(check, Verdict.OK, f"code at all {len(addresses)} addresses")


async def _key(config: Config) -> tuple[Address | None, Finding]:
    """Whose key, where it is, and for a key elsewhere whether it really signs."""
    import asyncio  # help texts do without

    from trimtab.cli.wiring import load_signer
    from trimtab.errors import ConfigError, SigningError

    account = config.account
    if not account.has_key:
        advice = "to send, set TRIMTAB_PRIVATE_KEY or account.keystore"
        if account.address is None:
            return None, Finding("account", Verdict.WARN, "no address and no key", advice)
        return account.address, Finding("account", Verdict.WARN, f"{account.address}, no key", advice)
    try:
        signer = await asyncio.to_thread(load_signer, account)
        if account.kind != "keystore":
            await signer.sign_typed_data(TRIAL)
    except (ConfigError, SigningError) as error:
        advice = "mend [account] or the environment"
        return account.address, Finding("account", Verdict.FAIL, str(error), advice)
    return signer.address, Finding("account", Verdict.OK, f"{signer.address}, signs with {account.key_place}")


async def _gas_money(client: Client, account: Address) -> Finding:
    from trimtab.model.units import from_wad

    ether = from_wad(await client.balance(account))
    if ether >= MIN_GAS_ETHER:
        return Finding("gas money", Verdict.OK, f"{number(ether)} ETH")
    return Finding("gas money", Verdict.FAIL, f"{number(ether, 6)} ETH", f"send ETH to {account}")


async def _holdings(session: Session, account: Address) -> AsyncIterator[Finding]:
    """What the one who trades holds: the configured guard, else the key's own account."""
    guard = session.config.hooks.guard
    async for finding in _money(session, guard or account):
        yield finding if guard is None else replace(finding, found=f"of the guard: {finding.found}")


async def _money(session: Session, account: Address) -> AsyncIterator[Finding]:
    """Margin posted, tokens that could be, and allowances given."""
    from trimtab.cli.wallet import read_wallet

    for perp in session.perp_venues():
        margin = await perp.read_margin(account)
        posted = ", ".join(f"{number(c.amount)} {c.currency}" for c in margin.collateral if c.amount)
        health = margin.health
        verdict = Verdict.OK if health is None or health > Decimal("1.2") else Verdict.WARN
        found = f"equity {number(margin.equity, 2)}, health {number(health, 2)}, posted {posted or 'nothing'}"
        advice = "" if verdict is Verdict.OK else "post more or reduce: below 1 is liquidatable"
        yield Finding(f"{perp.name} margin", verdict, found, advice)
        wallet = {c.currency: await read_wallet(session.client, c.token, account) for c in margin.collateral}
        held = ", ".join(f"{number(amount)} {currency}" for currency, amount in wallet.items())
        yield Finding(f"{perp.name} wallet", Verdict.OK, f"{held} to post")
        for balance in margin.collateral:
            plan = await perp.encode_deposit(account, balance.currency, Decimal(1))
            yield _allowance(f"{perp.name} {balance.currency} allowance", plan.labels[:-1])
    for options in session.option_venues():
        for market in await options.read_option_markets():
            plan = await options.encode_approvals(account, market.name)
            yield _allowance(f"{options.name} {market.name} allowance", plan.labels)


def _allowance(check: str, missing: Sequence[str]) -> Finding:
    if not missing:
        return Finding(check, Verdict.OK, "given")
    return Finding(
        check,
        Verdict.WARN,
        f"not given: {', '.join(missing)}",
        "`trimtab trade` gives it before the first use",
    )


def _journal(config: Config, account: Address | None) -> Iterator[Finding]:
    """The file opens, and nobody else is writing for this account."""
    from trimtab.errors import TrimtabError
    from trimtab.journal import Journal
    from trimtab.tx.records import stream_name

    path = config.journal.path
    if not path.exists():
        yield Finding("journal", Verdict.OK, f"{path} will be created")
        return
    try:
        with Journal.open(path) as journal:
            if account is not None:
                journal.acquire(stream_name(config.chain.chain_id, account)).release()
            yield Finding("journal", Verdict.OK, f"{path}, streams: {len(journal.streams())}, not locked")
            if account is not None:
                yield from _standing(journal, stream_name(config.chain.chain_id, account))
    except TrimtabError as error:
        yield Finding(
            "journal", Verdict.FAIL, str(error), "stop the other process, or use another journal.path"
        )


def _standing(journal: Journal, stream: str) -> Iterator[Finding]:
    """Whether the account may send at all: neither halted nor paused."""
    from trimtab.tx.ledger import Ledger

    state = Ledger(journal, stream).state
    if state.halted is not None:
        advice = "find out who else uses the key, then `trimtab tx resume`"
        yield Finding("sending", Verdict.FAIL, f"halted: {state.halted}", advice)
    if state.paused is not None:
        yield Finding("sending", Verdict.WARN, f"paused: {state.paused}", "`trimtab tx unpause` goes on")


def _print(findings: Sequence[Finding]) -> None:
    from rich.text import Text

    colours = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "red"}
    rows = [(f.check, Text(f.verdict, colours[f.verdict]), f.found, f.advice) for f in findings]
    failed = sum(f.verdict is Verdict.FAIL for f in findings)
    caption = "healthy" if not failed else f"{failed} to mend, top first"
    print_table("Doctor", ("Check", "", "Found", "What to do"), rows, caption)
