"""What `trimtab doctor` finds about our own contracts: are they there and ours, and how a guard stands."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

from trimtab.cli.findings import Finding, Verdict

if TYPE_CHECKING:
    from trimtab.cli.wiring import Session
    from trimtab.hooks.guard import GuardLimits, GuardState
    from trimtab.model.ids import Address


async def check_hooks(session: Session, account: Address | None) -> AsyncIterator[Finding]:
    """Nothing where the settings name none."""
    from trimtab.cli.hooks_plan import configured_contracts
    from trimtab.errors import ConfigError
    from trimtab.hooks.deployment import Presence, read_standings

    hooks = session.config.hooks
    if not hooks.addresses:
        return
    try:
        contracts = configured_contracts(session.config)
    except ConfigError as error:
        yield Finding("hooks", Verdict.FAIL, str(error), "mend [hooks]")
        return
    standings = await read_standings(session.client, contracts, hooks.salt_bytes, hooks.addresses)
    advice = "mend [hooks], or `trimtab hooks deploy`; `trimtab hooks verify` compares again"
    for found in standings:
        if found.presence is not Presence.OURS:
            problem = found.problem or "no code"
            yield Finding(
                f"hooks {found.contract.label}", Verdict.FAIL, f"{found.address}: {problem}", advice
            )
    ours = {found.contract.label for found in standings if found.presence is Presence.OURS}
    if ours:
        yield Finding("hooks", Verdict.OK, f"ours byte for byte: {', '.join(sorted(ours))}")
    if hooks.guard is not None and "guard" in ours:
        async for finding in _guard(session, hooks.guard, account):
            yield finding


async def _guard(session: Session, guard: Address, account: Address | None) -> AsyncIterator[Finding]:
    from trimtab.hooks.guard import read_limits, read_state

    state = await read_state(session.client, guard)
    held = await read_limits(session.client, guard)
    now = (await session.client.block("latest")).at
    for finding in _standing(state, held, account, now):
        yield finding


def _standing(state: GuardState, held: GuardLimits, account: Address | None, now: int) -> Iterator[Finding]:
    """Whether the agent may act at all, and whose key this is."""
    role = next((name for name in ("agent", "owner", "guardian") if getattr(state, name) == account), None)
    ends = held.limits.expires_at
    if state.version == 0:
        yield Finding(
            "guard", Verdict.WARN, "no limits were set", "its owner runs `trimtab hooks limits set`"
        )
    elif state.is_killed:
        yield Finding("guard", Verdict.WARN, "its agent is stopped", "its owner runs `trimtab hooks revive`")
    elif ends is not None and ends <= now:
        yield Finding(
            "guard", Verdict.WARN, f"its limits ended at {ends}", "its owner sets a later expires_at"
        )
    elif account is not None and role is None:
        found = f"its agent is {state.agent}, its owner {state.owner}: this account is neither"
        yield Finding("guard", Verdict.WARN, found, "use the agent's key to trade, the owner's to administer")
    else:
        yield Finding("guard", Verdict.OK, f"open to its agent; this account is its {role or 'reader'}")
