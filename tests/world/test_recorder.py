"""The recorder: what goes through is kept, and goes through unchanged."""

from __future__ import annotations

import asyncio
import base64

import pytest

from trimtab.chain.client import Client
from trimtab.errors import ConnectionLostError, RpcError, TransportError
from trimtab.tx.envelope import DynamicFeeTx
from trimtab.tx.signers import LocalSigner
from trimtab.world.accounts import ACCOUNTS
from trimtab.world.node import CHAIN_ID, AnvilNode
from trimtab.world.recorder import Recorder, Request

ALICE, BOB = ACCOUNTS["maker"], ACCOUNTS["lp"]


async def signed(nonce: int) -> bytes:
    fields = DynamicFeeTx(CHAIN_ID, nonce, 1, 10**10, 21_000, BOB.address, 1)
    return (await LocalSigner.from_key(ALICE.key).sign_transaction(fields)).raw


@pytest.mark.node
async def test_bytes_that_went_through_are_known_and_others_are_not(anvil: AnvilNode) -> None:
    """Sent alone, in a batch or in upper case, it was seen; what was never sent was not, and the node's
    answers and errors come back as they are. Who watches is told of each request."""
    told: list[Request] = []
    async with Recorder.open(anvil.url, told.append) as recorder, Client.open(recorder.url) as client:
        first, second, third, never = [await signed(nonce) for nonce in range(4)]
        assert len(await client.request("eth_sendRawTransaction", ["0x" + first.hex()])) == 66
        await client.batch([("eth_sendRawTransaction", ["0x" + second.hex()]), ("eth_chainId", [])])
        await client.request("eth_sendRawTransaction", ["0x" + third.hex().upper()])
        async with asyncio.timeout(30):
            while await client.nonce(ALICE.address) < 3:  # noqa: ASYNC110  mined a moment after the answer
                await asyncio.sleep(0.02)
        assert [recorder.has_seen(raw) for raw in (first, second, third, never)] == [True, True, True, False]
        with pytest.raises(RpcError):
            await client.request("no_such_method")
        assert told == recorder.requests
        assert [request.at for request in told] == sorted(request.at for request in told)


async def test_bytes_are_known_in_any_dress() -> None:
    """In base64 and as they are, too; other bytes are not."""
    raw = await signed(0)
    assert Request(0.0, b'{"tx":"' + base64.b64encode(raw) + b'"}').holds(raw)
    assert Request(0.0, b"--" + raw).holds(raw)
    assert not Request(0.0, b"--" + raw[:-1]).holds(raw)


async def test_a_node_that_is_gone_is_told_as_such() -> None:
    """Nobody listens behind it: the client hears of a server's error, not of an answer."""
    async with Recorder.open("http://127.0.0.1:9") as recorder:
        with pytest.raises((TransportError, ConnectionLostError)):
            async with Client.open(recorder.url):
                pass
