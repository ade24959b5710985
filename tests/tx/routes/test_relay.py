"""One request, one answer: only a clear word of the relay itself is a yes or a no."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web
from tests.tx.routes.scripted import Script, Seen, scripted

from trimtab.chain.rpc_errors import ErrorRow, SendClass
from trimtab.errors import SigningError
from trimtab.model.ids import Address
from trimtab.net import BreakerPolicy
from trimtab.testing.route_conformance import Reply
from trimtab.tx.routes.auth import RelayIdentity
from trimtab.tx.routes.base import SendResult
from trimtab.tx.routes.relay import Relay, RelayOptions
from trimtab.tx.states import Outcome

HASH = "0x" + "aa" * 32
OTHER = "0x" + "bb" * 32
YES, NO, UNSURE = Outcome.ACCEPTED, Outcome.REJECTED, Outcome.AMBIGUOUS
C = SendClass


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


async def ask(relay: Relay) -> SendResult:
    """Send something whose yes is `HASH`."""
    return relay.taken(await relay.ask("eth_sendRawTransaction", ["0x02"]), lambda said: said == HASH)


def saying(status: int, body: Any, **headers: str) -> Callable[[Seen], web.StreamResponse]:
    """A server that answers everything so; a text is no JSON."""

    def answer(seen: Seen) -> web.StreamResponse:
        if isinstance(body, str):
            return web.Response(status=status, text=body, headers=headers)
        return web.json_response(body, status=status, headers=headers)

    return answer


async def heard(script: Script, options: RelayOptions | None = None) -> SendResult:
    relay = Relay("one", script.url, None, options)
    try:
        return await ask(relay)
    finally:
        await relay.close()


@pytest.mark.parametrize(
    ("status", "body", "outcome", "send_class"),
    [
        (200, {"result": HASH}, YES, ""),
        (200, {"result": HASH, "error": None}, YES, ""),
        (200, {"error": {"code": -32000, "message": "already known"}}, YES, C.ALREADY_KNOWN),
        (400, {"error": {"code": -32000, "message": "txpool is full"}}, NO, C.POOL_FULL),
        (400, {"error": "unable to decode txs"}, NO, C.PERMANENT),
        (400, {"error": "block param must be a hex int"}, NO, C.PERMANENT),
        (200, {"error": {"message": "oops", "data": {"message": "nonce too high"}}}, NO, C.NONCE_HIGH),
        (403, {"error": "error in signature check 0xEcDC4f8318e2E5d923695308"}, NO, C.UNAUTHORISED),
        (403, {"error": {"code": -32025, "message": "invalid flashbots signature"}}, NO, C.UNAUTHORISED),
        (401, "who are you?", NO, C.UNAUTHORISED),
        (403, "<html>already known, invalid sender</html>", UNSURE, C.AMBIGUOUS),
        (404, "not found", UNSURE, C.AMBIGUOUS),
        (302, "", UNSURE, C.AMBIGUOUS),
        (200, "<html>nonce too low</html>", UNSURE, C.AMBIGUOUS),
        (200, '{"result": "0xaa', UNSURE, C.AMBIGUOUS),
        (200, "", UNSURE, C.AMBIGUOUS),
        (200, [], UNSURE, C.AMBIGUOUS),
        (200, {}, UNSURE, C.AMBIGUOUS),
        (200, {"result": None}, UNSURE, C.AMBIGUOUS),
        (200, {"result": OTHER}, UNSURE, C.AMBIGUOUS),
        (200, {"error": {}}, UNSURE, C.AMBIGUOUS),
        (200, {"error": [1]}, UNSURE, C.AMBIGUOUS),
        (200, {"error": {"message": {"deep": 1}}}, UNSURE, C.AMBIGUOUS),
        (200, {"error": "the moon is full"}, UNSURE, C.AMBIGUOUS),
        (200, '{"error": "a half \\ud800 of it"}', UNSURE, C.AMBIGUOUS),
        (200, "[" * 100_000, UNSURE, C.AMBIGUOUS),
        (200, {"error": {"message": "nonce too low"}}, UNSURE, C.NONCE_LOW),
        (400, {"result": HASH}, UNSURE, C.AMBIGUOUS),
        (500, {"result": HASH}, UNSURE, C.AMBIGUOUS),
        (500, {"error": {"message": "invalid sender"}}, UNSURE, C.AMBIGUOUS),
        (503, "insufficient funds for gas * price + value", UNSURE, C.AMBIGUOUS),
        (429, {"error": "already known"}, UNSURE, C.AMBIGUOUS),
        (200, "x" * 2_000_000, UNSURE, C.AMBIGUOUS),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
async def test_what_an_answer_means(status: int, body: Any, outcome: Outcome, send_class: str) -> None:
    """Trouble, pages, torn and odd JSON say nothing, whatever words stand in them; a refusal of the relay's
    own is one in whichever shape it comes."""
    async with scripted() as script:
        script.answer = saying(status, body)
        result = await heard(script)
    assert (result.outcome, result.send_class) == (outcome, send_class), result
    assert result.message.encode().decode() == result.message, "what a journal does with it"
    assert len(result.message) <= 303
    assert len(script.seen) == 1


async def test_a_relays_own_words_can_be_taught() -> None:
    """`RelayOptions.rows` stand before the table's."""
    rows = (ErrorRow("the moon is full", C.POOL_FULL),)
    async with scripted() as script:
        script.answer = saying(200, {"error": "The moon is full"})
        assert (await heard(script, RelayOptions(rows=rows))).send_class is C.POOL_FULL


async def test_nobody_there() -> None:
    """Says nothing sure, and not the URL."""
    relay = Relay("one", "http://127.0.0.1:9/k3y-k3y")
    result = await ask(relay)
    await relay.close()
    assert result.outcome is UNSURE
    assert "could not be reached" in result.message
    assert "k3y" not in result.message


async def test_retry_after_is_kept_to() -> None:
    """A relay that asks for 7 seconds is left alone for them, then asked again; a day is a minute."""
    clock = Clock()
    async with scripted() as script:
        relay = Relay("one", script.url, clock=clock)
        for wait, left in (("7", 7), ("86400", 60)):
            script.answer = saying(429, "slow down", **{"Retry-After": wait})
            before = len(script.seen)
            assert (await ask(relay)).outcome is UNSURE
            clock.now += left - 0.5
            silent = await ask(relay)
            assert (silent.outcome, "asked to be left alone" in silent.message) == (UNSURE, True)
            assert len(script.seen) == before + 1
            clock.now += 1
            script.answer = saying(200, {"result": HASH})
            assert (await ask(relay)).outcome is YES
        await relay.close()


async def test_one_that_fails_in_a_row_is_left_alone_for_a_while() -> None:
    """Then one request goes to see, and a good answer opens it again. What was not sent says nothing sure."""
    clock = Clock()
    policy = BreakerPolicy(threshold=2, cooldown=5.0)
    async with scripted() as script:
        relay = Relay("one", script.url, None, RelayOptions(breaker=policy), clock)
        script.reply = Reply.TROUBLE
        results = [await ask(relay) for _ in range(4)]
        assert [one.outcome for one in results] == [UNSURE] * 4
        assert "not sent" in results[3].message
        assert len(script.seen) == 2
        clock.now = 5.1
        script.answer = saying(200, {"result": HASH})
        assert [(await ask(relay)).outcome for _ in range(3)] == [YES] * 3
        assert len(script.seen) == 5
        await relay.close()


async def test_refusals_are_no_failures() -> None:
    """A relay that says no all day is well."""
    async with scripted() as script:
        script.reply = Reply.NO
        relay = Relay("one", script.url, None, RelayOptions(breaker=BreakerPolicy(threshold=2)))
        assert [(await ask(relay)).outcome for _ in range(5)] == [NO] * 5
        assert len(script.seen) == 5
        await relay.close()


async def test_our_own_limit_is_kept_to() -> None:
    """What gets no turn in its time is not sent."""
    options = RelayOptions(requests_per_second=1, timeout=0.9)
    async with scripted() as script:
        relay = Relay("one", script.url, None, options)
        script.answer = saying(200, {"result": HASH})
        first, second = await asyncio.gather(ask(relay), ask(relay))
        await relay.close()
    assert (first.outcome, second.outcome) == (YES, UNSURE)
    assert "our own limit" in second.message
    assert len(script.seen) == 1


async def test_words_are_shown_without_raw_bytes_and_keys() -> None:
    """Relays quote the transaction and the URL in their errors: neither is passed on, a hash is."""
    raw = "0x02" + "ab" * 200

    def echo(seen: Seen) -> web.StreamResponse:
        words = f"reading {raw} of {HASH} failed at {script.url}{seen.path}?key={seen.query[0][1]}"
        return web.json_response({"error": words})

    async with scripted() as script:
        script.answer = echo
        url = (
            script.url.replace("http://", "http://some-user:hunter2hunter2@") + "/v1/p4th-k3y?key=qu3ry%2Dk3y"
        )
        relay = Relay("one", url)
        result = await ask(relay)
        await relay.close()
    for secret in ("p4th-k3y", "qu3ry-k3y", "hunter2hunter2", "some-user", "abab"):
        assert secret not in str(result).replace("0x02abab", "")
        assert secret not in repr(relay)
    assert HASH in result.message
    with pytest.raises(TypeError):
        pickle.dumps(relay)


async def test_a_key_is_not_shown_in_part_either() -> None:
    """A long page that quotes the URL is cut short after what the URL hides is taken out, not before: else
    the cut would leave most of a key. What moves a terminal's cursor is not passed on."""
    key = "k3y" * 20
    for status in (401, 404, 500):
        async with scripted() as script:
            script.answer = saying(status, "x" * 270 + "\x1b[2J" + key)
            relay = Relay("one", f"{script.url}/{key}")
            said = (await ask(relay)).message
            await relay.close()
        assert "k3y" not in said
        assert said.isprintable()


class Absent:
    """An identity whose device is not there."""

    address = Address("0x" + "07" * 20)

    async def sign_message(self, message: bytes) -> bytes:
        raise SigningError("the token was taken out")


async def test_a_request_that_cannot_be_signed_is_not_sent() -> None:
    """A definite no: nothing left the machine."""
    async with scripted() as script:
        relay = Relay("one", script.url, RelayIdentity(Absent()))
        result = await ask(relay)
        await relay.close()
    assert (result.outcome, result.send_class) == (NO, C.UNAUTHORISED)
    assert "taken out" in result.message
    assert not script.seen


async def test_a_wait_that_is_given_up_counts_as_a_failure() -> None:
    """The sender waits only so long; whoever was silent for that long is not well."""
    async with scripted() as script:
        script.reply = Reply.SILENCE
        relay = Relay("one", script.url, None, RelayOptions(breaker=BreakerPolicy(threshold=1)))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await ask(relay)
        assert "not sent" in (await ask(relay)).message
        await relay.close()
    assert len(script.seen) == 1


async def test_reading_gives_an_answer_or_none() -> None:
    """A status API that is in trouble, cut off, closed, or asks to be left alone says nothing."""
    clock = Clock()
    async with scripted() as script:
        relay = Relay("one", script.url, clock=clock)
        assert await relay.read("/tx/0x1") == {"status": "UNKNOWN", "hash": "0x1"}
        for reply in (Reply.TROUBLE, Reply.CUT):
            script.reply = reply
            assert await relay.read("/tx/0x1") is None
        script.reply = Reply.YES
        asked = 0

        async def limit(request: web.Request) -> web.StreamResponse:
            nonlocal asked
            asked += 1
            return web.Response(status=429, headers={"Retry-After": "5"})

        script.serve, serve = limit, script.serve  # type: ignore[method-assign]
        assert [await relay.read("/tx/0x1") for _ in range(3)] == [None] * 3
        assert asked == 1
        script.serve = serve  # type: ignore[method-assign]
        clock.now = 6
        assert await relay.read("/tx/0x1") is not None
        await relay.close()
        assert await relay.read("/tx/0x1") is None
