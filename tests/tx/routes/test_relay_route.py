"""What all routes over relays share: names, order, and hex for every block number."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web
from tests.tx.routes.scripted import ACCOUNT, BUNDLE_HASH, BUNDLES, Seen, scripted, yes_to

from trimtab.tx.lanes import Lane
from trimtab.tx.routes.registry import ROUTES
from trimtab.tx.states import Outcome

BLOCKS = {"maxBlockNumber", "blockNumber", "stateBlockNumber", "block", "maxBlock", "parentBlock"}
BLOCKS |= {"blockNumberMin", "blockNumberMax"}


def numbers(found: Any) -> list[tuple[str, Any]]:
    """Every block number in a request, wherever it stands."""
    if isinstance(found, list):
        return [pair for item in found for pair in numbers(item)]
    if not isinstance(found, dict):
        return []
    own = [(key, value) for key, value in found.items() if key in BLOCKS]
    return own + [pair for value in found.values() for pair in numbers(value)]


@pytest.mark.parametrize("kind", sorted(ROUTES))
async def test_web3_flashbots_block_numbers_are_hex_on_the_wire(kind: str) -> None:
    """flashbots/web3-flashbots sends `maxBlockNumber` as a JSON number, and relays refuse it ("block param
    must be a hex int"): here each number of a block is 0x and digits, without leading zeros."""
    async with scripted() as script, ROUTES[kind].open([script.url]) as route:
        lane = min(route.lanes)
        parcel = ACCOUNT.parcel(1, lane, window=7)
        await route.send(parcel)[0]
        simulate = getattr(route, "simulate", None)
        if simulate is not None:
            await simulate(parcel, state_block=100)
    found = [pair for seen in script.seen for pair in numbers(seen.params)]
    assert all(value == hex(int(value, 16)) for _, value in found), found
    assert bool(found) == (kind in ("private_tx", "bundle", "mev_share")), "the others have none of their own"


async def test_all_relays_get_it_at_once_and_each_answers_for_itself() -> None:
    """A silent one holds up nobody; each result names its endpoint."""
    arrived = asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        await arrived.wait()
        return web.Response(status=503)

    async with scripted() as slow, scripted() as quick:
        slow.serve = hang  # type: ignore[method-assign]
        async with ROUTES["bundle"].open([slow.url, quick.url]) as route:
            first, second = route.send(ACCOUNT.parcel(2, Lane.BUNDLE))
            waiting = asyncio.get_running_loop().create_task(first)
            answers = await second
            assert [(one.endpoint, one.outcome) for one in answers] == [
                (route.endpoints[1], Outcome.ACCEPTED)
            ] * 2
            arrived.set()
            assert {one.endpoint for one in await waiting} == {route.endpoints[0]}


async def test_transactions_go_one_after_the_other() -> None:
    """The next is sent when the one before is answered, so that a relay sees rising nonces; one refusal does
    not stop the rest."""
    open_requests, most = 0, 0

    def answer(seen: Seen) -> web.StreamResponse | None:
        nonlocal most
        most = max(most, open_requests)
        if len(script.seen) == 2:
            return web.json_response({"error": {"code": -32000, "message": "nonce too high"}})
        return None

    async with scripted() as script, ROUTES["private_tx"].open([script.url]) as route:
        serve = script.serve

        async def counted(request: web.Request) -> web.StreamResponse:
            nonlocal open_requests
            open_requests += 1
            try:
                return await serve(request)
            finally:
                open_requests -= 1

        script.answer = answer
        script.serve = counted  # type: ignore[method-assign]
        parcel = ACCOUNT.parcel(4, Lane.PRIVATE)
        answers = await route.send(parcel)[0]
    assert [one.outcome.value for one in answers] == ["accepted", "rejected", "accepted", "accepted"]
    assert tuple(script.raws) == parcel.raws
    assert most == 1


@pytest.mark.parametrize(
    ("said", "is_yes"),
    [
        ({"bundleHash": BUNDLE_HASH}, True),
        ({"bundleHash": BUNDLE_HASH, "smart": True}, True),
        (BUNDLE_HASH, True),
        ({"bundleHash": None}, False),
        ({"bundleHash": "0x12"}, False),
        ({}, False),
        (True, False),
        (None, False),
        (200, False),
    ],
)
@pytest.mark.parametrize("kind", ["bundle", "mev_share"])
async def test_a_bundles_yes_names_it(kind: str, said: Any, is_yes: bool) -> None:
    """As Flashbots and builders say it; anything else may mean anything."""
    async with scripted() as script, ROUTES[kind].open([script.url]) as route:
        script.answer = lambda seen: web.json_response({"result": said})
        answers = await route.send(ACCOUNT.parcel(2, Lane.BUNDLE))[0]
    wanted = Outcome.ACCEPTED if is_yes else Outcome.AMBIGUOUS
    assert [one.outcome for one in answers] == [wanted] * 2


@pytest.mark.parametrize("kind", sorted(set(ROUTES) - {"bundle", "mev_share"}))
async def test_a_yes_to_another_transaction_is_none(kind: str) -> None:
    """Whoever answers with another hash may have taken nothing."""
    async with scripted() as script, ROUTES[kind].open([script.url]) as route:
        script.answer = lambda seen: web.json_response({"result": "0x" + "99" * 32})
        (answer,) = await route.send(ACCOUNT.parcel(1, min(route.lanes)))[0]
        assert answer.outcome is Outcome.AMBIGUOUS
        script.answer = lambda seen: web.json_response(
            {"result": str(yes_to(seen.content)).upper().replace("X", "x")}
        )
        (answer,) = await route.send(ACCOUNT.parcel(1, min(route.lanes)))[0]
        assert answer.outcome is Outcome.ACCEPTED, "in capitals it is the same hash"
    assert not any(seen.method in BUNDLES for seen in script.seen)
