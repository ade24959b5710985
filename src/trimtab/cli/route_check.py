"""What `trimtab doctor` finds about routes: the policy, who we are to relays, and whether each is there."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

from trimtab.cli.exposure_view import route_words
from trimtab.cli.findings import Finding, Verdict
from trimtab.cli.output import number
from trimtab.cli.routes import load_identity, open_routes

if TYPE_CHECKING:
    from trimtab.config import Config
    from trimtab.model.ids import Address
    from trimtab.tx.routes.relay import Heard
    from trimtab.tx.routes.relay_route import RelayRoute


async def check_routes(config: Config, account: Address | None) -> AsyncIterator[Finding]:
    """Nothing is sent: relays are asked about what does not exist, signed as everything else."""
    from trimtab.errors import ConfigError

    for finding in _policy(config):
        yield finding
    if not config.routes.private:
        return
    try:
        yield _identity(config, account)
        async with open_routes(config, may_make_key=False) as routes:
            for route in routes:
                async for finding in _probe(route, config.chain.chain_id):
                    yield finding
    except ConfigError as error:
        yield Finding("private routes", Verdict.FAIL, str(error), "mend [routes]")


def _policy(config: Config) -> Iterator[Finding]:
    from trimtab.cli.wiring import executor_options
    from trimtab.model.exposure_rule import ExposureAction

    routes, rule = config.routes, executor_options(config).rule
    if rule is None:
        advice = "to hide orders that a sandwich could earn on, add [[routes.private]]"
        yield Finding(
            "routes", Verdict.OK, f"{route_words(routes.policy)}; no rule for exposed orders", advice
        )
        return
    found = f"{route_words(routes.policy)}; exposed by more than {number(rule.max_exposure, 2)}: "
    found += ", else ".join(rule.prefer)
    if ExposureAction.PRIVATE in rule.prefer and not routes.private:
        yield Finding("routes", Verdict.WARN, found, "private needs a private route: add [[routes.private]]")
        return
    yield Finding("routes", Verdict.OK, found)


def _identity(config: Config, account: Address | None) -> Finding:
    """Whose key signs what relays are asked."""
    address = load_identity(config, may_make_key=False).address
    if address == account:
        advice = "whoever sees a request then learns whose it is: use a key of its own"
        return Finding("relay identity", Verdict.WARN, f"{address}, the account's own key", advice)
    routes = config.routes
    place = f"{config.journal.path}.relay-key, made when first needed"
    if routes.identity_file is not None:
        place = str(routes.identity_file)
    if routes.identity is not None:
        place = "TRIMTAB_RELAY_KEY"
    return Finding("relay identity", Verdict.OK, f"the key of {place}")


async def _probe(route: RelayRoute, chain_id: int) -> AsyncIterator[Finding]:
    started = time.perf_counter()
    answers = await route.probe()
    took = f"{(time.perf_counter() - started) * 1000:.1f} ms"
    asks_chain = route.question[0] == "eth_chainId"
    for endpoint, heard in zip(route.endpoints, answers, strict=True):
        yield _finding(f"route {endpoint}", heard, took, chain_id if asks_chain else None)


def _finding(check: str, heard: Heard, took: str, chain_id: int | None) -> Finding:
    """`chain_id` None: the question was a signed one."""
    from trimtab.chain.rpc_errors import SendClass

    trouble = heard.trouble
    if trouble is not None and trouble.send_class == SendClass.UNAUTHORISED:
        advice = "mend TRIMTAB_RELAY_KEY or routes.identity_file, or ask the relay to let this key in"
        return Finding(check, Verdict.FAIL, f"does not take our signature: {trouble.message}", advice)
    if trouble is not None and heard.is_answer:
        found = f"answers in {took}, to a question about nothing: {trouble.message}"
        return Finding(check, Verdict.OK, found)
    if trouble is not None:
        advice = "mend routes.private.urls, or see its status page"
        return Finding(check, Verdict.FAIL, trouble.message, advice)
    if chain_id is not None and heard.result != hex(chain_id):
        return Finding(check, Verdict.FAIL, f"serves chain {heard.result}, not {chain_id}", "mend its URL")
    what = "takes our signature" if chain_id is None else "is of this chain"
    return Finding(check, Verdict.OK, f"{what}, {took} a request")
