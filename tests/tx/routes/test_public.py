"""The public route: every endpoint once, and an outcome for whatever it says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from trimtab.chain.client import Client
from trimtab.chain.messages import Reply
from trimtab.chain.options import ClientOptions
from trimtab.chain.rpc_errors import ErrorRow, SendClass
from trimtab.errors import ConnectionLostError, RpcTimeoutError
from trimtab.model.ids import TxHash
from trimtab.tx.routes import Parcel, PublicRoute, Route
from trimtab.tx.routes.public import result_of
from trimtab.tx.states import Outcome


def parcel(raw: bytes) -> Parcel:
    """One transaction alone."""
    return Parcel((raw,), (TxHash("0x"),))


class Node:
    """A transport that says one thing to a broadcast, and counts."""

    def __init__(self, name: str, answer: str | Exception | None) -> None:
        self.name = name
        self.sent: list[bytes] = []
        self._answer = answer

    async def send(self, method: str, params: bytes, timeout: float) -> Reply:
        if method == "eth_chainId":
            return Reply(result=msgspec.Raw(b'"0x1"'))
        self.sent.append(params)
        if isinstance(self._answer, Exception):
            raise self._answer
        if self._answer is None:
            return Reply(result=msgspec.Raw(b'"0x00"'))
        error = {"code": -32000, "message": self._answer}
        return Reply(error=msgspec.Raw(msgspec.json.encode(error)))

    async def send_batch(self, requests: Sequence[tuple[str, bytes]], timeout: float) -> list[Reply]:
        return [await self.send(method, params, timeout) for method, params in requests]

    async def close(self) -> None:
        pass


async def test_all_endpoints_get_the_bytes_once_and_each_has_its_own_outcome() -> None:
    """Yes, no, unknown text, timeout and lost connection beside each other: no retry, none hides another."""
    nodes = [
        Node("yes", None),
        Node("no", "insufficient funds for gas * price + value"),
        Node("known", "already known"),
        Node("odd", "the moon is full"),
        Node("slow", RpcTimeoutError("no answer in 10 s")),
        Node("gone", ConnectionLostError("reset")),
    ]
    async with Client.open(nodes) as client:
        route = PublicRoute(client)
        assert isinstance(route, Route)
        assert route.endpoints == ("yes", "no", "known", "odd", "slow", "gone")
        results = [only for (only,) in await asyncio.gather(*route.send(parcel(b"\x02\xff")))]
    assert [(r.endpoint, r.outcome, r.send_class) for r in results] == [
        ("yes", Outcome.ACCEPTED, ""),
        ("no", Outcome.REJECTED, SendClass.FUNDS),
        ("known", Outcome.ACCEPTED, SendClass.ALREADY_KNOWN),
        ("odd", Outcome.AMBIGUOUS, SendClass.AMBIGUOUS),
        ("slow", Outcome.AMBIGUOUS, SendClass.AMBIGUOUS),
        ("gone", Outcome.AMBIGUOUS, SendClass.AMBIGUOUS),
    ]
    assert [node.sent for node in nodes] == [[b'["0x02ff"]']] * 6


async def test_two_connections_to_one_host_are_two_endpoints() -> None:
    """Their answers do not overwrite each other."""
    async with Client.open([Node("same", None), Node("same", "nonce too low")]) as client:
        route = PublicRoute(client)
        results = [only for (only,) in await asyncio.gather(*route.send(parcel(b"\x02")))]
    assert [r.endpoint for r in results] == list(route.endpoints) == ["same", "same#1"]


async def test_a_chains_own_words_are_read_as_its_user_says() -> None:
    """`ClientOptions.error_rows` make a refusal of words that no table knows, and of nothing else."""
    rows = (ErrorRow("the moon is full", SendClass.POOL_FULL, ("lunar",)),)
    nodes = [Node("lunar", "The moon is full"), Node("other", "the sun is out")]
    async with Client.open(nodes, ClientOptions(error_rows=rows)) as client:
        results = [only for (only,) in await asyncio.gather(*PublicRoute(client).send(parcel(b"\x02")))]
    assert [(r.outcome, r.send_class) for r in results] == [
        (Outcome.REJECTED, SendClass.POOL_FULL),
        (Outcome.AMBIGUOUS, SendClass.AMBIGUOUS),
    ]


@pytest.mark.parametrize("send_class", list(SendClass))
def test_every_class_has_an_outcome(send_class: SendClass) -> None:
    """Only a definite no is a rejection: what may be mined, or is not understood, never is."""
    outcome = result_of("a", send_class, "").outcome
    unsure = {SendClass.NONCE_LOW, SendClass.NODE_STATE, SendClass.AMBIGUOUS, SendClass.MINED_REVERT}
    sure_yes = {SendClass.ALREADY_KNOWN, SendClass.SYNC_TIMEOUT}
    assert (outcome is Outcome.AMBIGUOUS) == (send_class in unsure)
    assert (outcome is Outcome.ACCEPTED) == (send_class in sure_yes)


@pytest.mark.parametrize("answer", [b"null", b"true", b'{"hash":"0x00"}'])
async def test_a_yes_that_is_no_hash_says_nothing(answer: bytes) -> None:
    """Whoever answers so may not be a node: the bytes may be there or not."""

    class Odd(Node):
        async def send(self, method: str, params: bytes, timeout: float) -> Reply:
            is_send = method == "eth_sendRawTransaction"
            return Reply(result=msgspec.Raw(answer if is_send else b'"0x1"'))

    async with Client.open(Odd("odd", None)) as client:
        (result,) = await PublicRoute(client).send(parcel(b"raw"))[0]
    assert (result.outcome, result.send_class) == (Outcome.AMBIGUOUS, SendClass.AMBIGUOUS)
