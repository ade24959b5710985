"""How exposed an order is, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from trimtab.cli.output import DASH, money, number

if TYPE_CHECKING:
    from trimtab.model.exposure_rule import ExposureVerdict
    from trimtab.tx import RoutePolicy

BOUNDS = {
    "acceptable_price": "the order's limit price",
    "venue_limits": "the venue's own limits of a block",
    "capital": "the attacker's capital",
    "attacker": "nothing: a larger attack earns less",
}


def exposure_facts(verdict: ExposureVerdict | None, route: RoutePolicy | None = None) -> Mapping[str, object]:
    """What a sandwich could earn and what it would cost, and what is done about it: nothing where the command
    line says a private `route`. Empty at a venue that does not tell."""
    if verdict is None:
        return {}
    found = verdict.exposure
    if found is None:
        return {"worst sandwich profit": DASH, "exposure": verdict.reason, "by the rule": verdict.plan}
    facts: dict[str, object] = {"worst sandwich profit": money(found.worst_profit)}
    if found.worst_profit:
        facts |= {
            "your loss in it": money(found.victim_loss),
            "size of the attack": number(found.attacker_size),
            "bounded by": BOUNDS[found.bound.value],
        }
    if route is not None and route.is_private:
        return facts
    most = verdict.max_exposure
    allowed = "none is set" if most is None else f"it allows {number(most, 2)}"
    return {**facts, "by the rule": f"{verdict.plan} ({allowed})"}


def route_facts(route: RoutePolicy | None, verdict: ExposureVerdict | None) -> Mapping[str, object]:
    """The route that the command line or the rule chose, if one did."""
    from trimtab.model.exposure_rule import ExposureAction

    if route is None:
        is_hidden = verdict is not None and verdict.action is ExposureAction.PRIVATE
        return {"route": "private, by the rule"} if is_hidden else {}
    return {"route": route_words(route)}


def route_words(route: RoutePolicy | None) -> str:
    """A route policy in words; None is the journal's word for a public one."""
    if route is None or not route.is_private:
        return "public"
    after = "then in public" if route.then_public else "then dropped"
    return f"private for {route.window} blocks, {after}"
