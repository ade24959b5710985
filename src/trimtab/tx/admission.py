"""What an intent is as the engine takes it, and what can be said against it by its route alone."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.errors import ConfigError, IntentError
from trimtab.model.ids import Address
from trimtab.tx.delegation import is_delegation
from trimtab.tx.intent import TxIntent
from trimtab.tx.lanes import Lane, RoutePolicy, Ways
from trimtab.tx.policy import TxPolicy
from trimtab.tx.records import Submitted


def submitted(intent: TxIntent, now: int, account: Address, route: RoutePolicy | None) -> Submitted:
    """The intent as a record; its gas limit may still be open (0)."""
    return Submitted(
        key=intent.key,
        digest=intent.digest,
        target=Address(intent.call.target.lower()),
        data=intent.call.data,
        value=intent.call.value,
        gas_limit=intent.gas_limit or 0,
        deadline=intent.deadline,
        budget_wei=intent.budget_wei,
        label=intent.label,
        cause=intent.cause,
        notional=intent.notional,
        trade=intent.trade,
        access_list=intent.access_list,
        authorizations=intent.authorizations,
        delegate_to=intent.delegate_to,
        is_delegation=is_delegation(intent, account),
        route=route,
        at=now,
    )


def route_of(intent: TxIntent, default: RoutePolicy, ways: Ways) -> RoutePolicy | None:
    """Its route policy, None for a public one. Raises `ConfigError` when no endpoint serves its lane: a
    private intent does not become public for want of a relay."""
    route = default if intent.route is None else intent.route
    lane = Lane.PRIVATE if route.is_private else Lane.PUBLIC
    if not ways.of(lane):
        raise ConfigError(
            f"{intent.key} is to be sent in {lane}, and the sender has no {lane} route: open it with one, or "
            "give the intent another route policy",
            key="routes",
        )
    if route.then_public and not ways.of(Lane.PUBLIC):
        raise ConfigError(
            f"{intent.key} is to go public after its window, and the sender has no public route", key="routes"
        )
    return route if route.is_private else None


def check_bundle(intents: Sequence[TxIntent], ways: Ways, policy: TxPolicy) -> None:
    """Raises `IntentError`, and `ConfigError` when no route takes bundles."""
    if not intents or len({intent.key for intent in intents}) < len(intents):
        raise IntentError("a bundle needs steps, and each step a key of its own", field="key")
    if len(intents) > policy.window:
        raise IntentError(
            f"a bundle of {len(intents)} steps; the account may have {policy.window} transactions in flight: "
            "make it smaller, or TxPolicy.window wider",
            field="intents",
            value=len(intents),
        )
    if any(intent.delegate_to is not None for intent in intents):
        raise IntentError(
            "a delegation of the account is alone in flight: no bundle takes it", field="delegate_to"
        )
    if not ways.of(Lane.BUNDLE):
        raise ConfigError("no route takes bundles: open the sender with one that does", key="routes")
