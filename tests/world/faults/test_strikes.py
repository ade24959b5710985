"""Faults of single requests, on the wire before a real node."""

from __future__ import annotations

from typing import Any

import pytest
from tests.world.faults.conftest import BUSY, SENDER, Wires, request, signed, until

from trimtab.chain.client import Client
from trimtab.chain.rpc_errors import SendClass, classify_send_error
from trimtab.world.faults import FaultPlan, Rule
from trimtab.world.faults.kinds import (
    DroppedSend,
    EvictedSend,
    LaggingNode,
    LimitedCall,
    LostReceipt,
    NullLie,
    OtherNode,
    RefusedSend,
    RepeatedSend,
    SideBranch,
    StaleNonce,
    WrongChain,
)
from trimtab.world.node import AnvilNode, NodeOptions

pytestmark = pytest.mark.node


async def nonce(wires: Wires) -> int:
    return int((await wires.ask("eth_getTransactionCount", SENDER, "latest"))["result"], 16)


async def test_a_nonce_as_of_blocks_ago(wires: Wires) -> None:
    """Three transfers in three blocks: the nonce of two blocks ago is one, and only a lie counts."""
    for number in range(3):
        await wires.send(number)
    wires.inject(StaleNonce(blocks=2))
    assert await nonce(wires) == 1
    wires.inject(StaleNonce(blocks=5, lower=0))
    assert await nonce(wires) == 0  # before the first block there is the first
    await wires.mine(10)
    assert await nonce(wires) == 3
    assert wires.proxy.injected == {"stale_nonce": 2}


async def test_a_nonce_that_is_lower(wires: Wires) -> None:
    """So many below the true one, never below nothing."""
    await wires.send(0)
    wires.inject(StaleNonce(lower=3))
    assert await nonce(wires) == 0


async def test_a_dropped_send_is_accepted_and_never_arrives(wires: Wires) -> None:
    """The proxy answers with the hash of the bytes; the node has never heard of it."""
    wires.inject(DroppedSend(), first=1)
    raw = signed(0)
    dropped = (await wires.ask("eth_sendRawTransaction", raw))["result"]
    assert await wires.truth("eth_getTransactionByHash", dropped) is None
    assert (await wires.ask("eth_sendRawTransaction", raw))["result"] == dropped
    assert await wires.truth("eth_getTransactionByHash", dropped) is not None
    assert wires.proxy.injected == {"dropped_send": 1}


async def test_what_the_node_would_refuse_is_not_accepted(wires: Wires) -> None:
    """A dropped send says yes to a transaction, not to nonsense; one that waits hears of no receipt."""
    wires.inject(DroppedSend())
    assert "error" in await wires.ask("eth_sendRawTransaction", "0xzz")
    assert "result" in await wires.ask("eth_sendTransaction", {"from": SENDER, "to": BUSY, "value": "0x1"})
    error = (await wires.ask("eth_sendRawTransactionSync", signed(0)))["error"]
    assert classify_send_error(error["message"], error["code"], error["data"]) is SendClass.SYNC_TIMEOUT
    assert wires.proxy.injected == {"dropped_send": 2}
    assert await wires.truth("eth_getTransactionCount", SENDER, "pending") == "0x0"


async def test_an_evicted_send_leaves_the_pool_later(wires: Wires) -> None:
    """It waits in the node's pool, and is gone before anything was mined."""
    await wires.truth("evm_setAutomine", False)
    wires.inject(EvictedSend(seconds=0.3))
    tx_hash = (await wires.ask("eth_sendRawTransaction", signed(0)))["result"]
    assert await wires.truth("eth_getTransactionByHash", tx_hash) is not None
    await until(lambda: wires.proxy.injected["evicted_send"])
    assert await wires.truth("eth_getTransactionByHash", tx_hash) is None


async def test_a_repeated_send_reaches_the_node_twice(wires: Wires) -> None:
    """The caller hears the first answer or the second, which is that the node knows it; it is mined once."""
    wires.inject(RepeatedSend(answer="first"))
    assert "result" in await wires.ask("eth_sendRawTransaction", signed(0))
    wires.inject(RepeatedSend(answer="second"))
    heard = (await wires.ask("eth_sendRawTransaction", signed(1)))["error"]["message"]
    assert classify_send_error(heard) in (SendClass.ALREADY_KNOWN, SendClass.NONCE_LOW)
    assert await wires.sees_mined(2)


@pytest.mark.parametrize("send_class", ["nonce_low", "pool_full", "replacement_underpriced", "ambiguous"])
async def test_a_refusal_in_a_clients_words(wires: Wires, send_class: str) -> None:
    """The words are of the class that was asked for, and nothing reached the node."""
    wires.inject(RefusedSend(send_class=send_class))
    error = (await wires.ask("eth_sendRawTransaction", signed(0)))["error"]
    assert classify_send_error(error["message"], error["code"]) == send_class
    assert await wires.truth("eth_getTransactionCount", SENDER, "pending") == "0x0"


async def test_a_refusal_that_lies(wires: Wires) -> None:
    """With `forwarded` the node has the transaction that the caller hears refused."""
    wires.inject(RefusedSend(send_class="nonce_low", client="besu", forwarded=True))
    assert (await wires.ask("eth_sendRawTransaction", signed(0)))["error"]["message"] == "Nonce too low"
    assert await wires.sees_mined(1)


async def test_another_chain(wires: Wires) -> None:
    """Both methods name the other chain."""
    wires.inject(WrongChain(chain_id=10))
    assert (await wires.ask("eth_chainId"))["result"] == "0xa"
    assert (await wires.ask("net_version"))["result"] == "10"


async def test_one_call_of_a_batch_is_limited(wires: Wires) -> None:
    """The others are answered, in their order."""
    wires.inject(LimitedCall(backoff_seconds=0.5), methods=("eth_getBalance",))
    first, second, third = await wires.ask_all(
        [
            request("eth_chainId", number=1),
            request("eth_getBalance", BUSY, "latest", number=2),
            request("eth_blockNumber", number=3),
        ]
    )
    assert (first["id"], first["result"]) == (1, "0x7a69")
    assert second["error"]["data"] == {"rate": {"backoff_seconds": 0.5}}
    assert (third["id"], third["result"]) == (3, "0x0")


async def test_receipts_are_lost_only_where_there_are_some(wires: Wires) -> None:
    """Null for a mined transaction counts; null for an unknown one is the truth."""
    tx_hash = await wires.send(0)
    wires.inject(LostReceipt(), first=1)
    assert (await wires.ask("eth_getTransactionReceipt", "0x" + "00" * 32))["result"] is None
    assert wires.proxy.injected == {}
    assert (await wires.ask("eth_getTransactionReceipt", tx_hash))["result"] is None
    assert (await wires.ask("eth_getTransactionReceipt", tx_hash))["result"]["transactionHash"] == tx_hash
    assert wires.proxy.injected == {"lost_receipt": 1}


async def test_null_lies_also_inside_batches(wires: Wires) -> None:
    """Every second value of a batch is null, and each keeps its id."""
    wires.inject(NullLie(), every=2)
    answers = await wires.ask_all([request("eth_chainId", number=n) for n in range(4)])
    assert [(a["id"], a["result"]) for a in answers] == [(0, "0x7a69"), (1, None), (2, "0x7a69"), (3, None)]


async def test_a_lagging_node_is_coherent(wires: Wires) -> None:
    """Number, block, nonce, balance, receipt and logs all end at the same older block."""
    hashes = [await wires.send(number) for number in range(4)]
    wires.inject(LaggingNode(blocks=2))
    old = await wires.truth("eth_getBlockByNumber", "0x2", False)
    assert (await wires.ask("eth_blockNumber"))["result"] == "0x2"
    assert (await wires.ask("eth_getBlockByNumber", "latest", False))["result"] == old
    assert (await wires.ask("eth_getBlockByNumber", "0x3", False))["result"] is None
    assert await nonce(wires) == 2
    assert (await wires.ask("eth_getBalance", BUSY, "latest"))["result"] == "0x2"
    assert (await wires.ask("eth_getBalance", BUSY, "0x4"))["error"]["message"] == "header not found"
    told = [(await wires.ask("eth_getTransactionReceipt", h))["result"] is not None for h in hashes]
    assert told == [True, True, False, False]
    assert (await wires.ask("eth_getTransactionByHash", hashes[3]))["result"]["blockNumber"] is None
    newest = (await wires.truth("eth_getBlockByNumber", "latest", False))["hash"]
    assert (await wires.ask("eth_getBlockByHash", newest, False))["result"] is None
    assert "result" in await wires.ask("eth_sendRawTransaction", signed(4))


async def test_a_side_branch_and_the_way_back(wires: Wires) -> None:
    """Two blocks have other names that link to each other, in receipts too; then the chain is the others'."""
    await wires.mine(4)
    tx_hash = await wires.send(0)  # in block 5, the first after the 4th
    wires.inject(SideBranch(depth=2, period=4))
    true = await wires.truth("eth_getBlockByNumber", "0x5", False)
    told = (await wires.ask("eth_getBlockByNumber", "0x5", False))["result"]
    assert told["hash"] != true["hash"]
    assert told["parentHash"] == true["parentHash"]
    receipt = (await wires.ask("eth_getTransactionReceipt", tx_hash))["result"]
    assert receipt["blockHash"] == told["hash"]
    assert (await wires.ask("eth_getBlockByHash", told["hash"], False))["result"] == told
    assert (await wires.ask("eth_getBlockByHash", true["hash"], False))["result"] is None
    await wires.mine()
    child = (await wires.ask("eth_getBlockByNumber", "latest", False))["result"]
    assert child["parentHash"] == told["hash"]
    await wires.mine()
    assert (await wires.ask("eth_getBlockByNumber", "0x5", False))["result"] == true


async def test_two_nodes_that_disagree(wires: Wires) -> None:
    """Reads come from the other node, sends go to the right one."""
    async with AnvilNode.open(NodeOptions(chain_id=31337)) as other:
        await wires.mine(3)
        wires.inject(OtherNode(url=other.url))
        assert (await wires.ask("eth_blockNumber"))["result"] == "0x0"
        await wires.ask("eth_sendRawTransaction", signed(0))
    assert await wires.sees_mined(1)


async def test_the_order_of_a_batch_stays(wires: Wires) -> None:
    """A struck send between clean ones: the others reach the node before and after it."""
    wires.proxy.plan = FaultPlan((Rule(RepeatedSend(), skip=1, first=1),))
    sends = [request("eth_sendRawTransaction", signed(n), number=n) for n in range(3)]
    answers: list[dict[str, Any]] = await wires.ask_all(sends)
    assert [a["id"] for a in answers] == [0, 1, 2]
    assert all("result" in a for a in answers)
    assert await wires.sees_mined(3)


async def test_a_client_of_a_lagging_and_a_good_node_reads_on(wires: Wires) -> None:
    """A block that one node does not have yet is no error of the chain: "header not found" asks the other."""
    await wires.mine(3)
    wires.inject(LaggingNode(blocks=2))
    async with Client.open([wires.proxy.url, wires.node.url]) as client:
        client.endpoints[1].latency = 10.0  # the lagging one is asked first
        assert await client.balance(BUSY, 3) == 0  # type: ignore[arg-type]
    assert wires.proxy.injected["lagging_node"] == 1
