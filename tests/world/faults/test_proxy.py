"""The proxy over HTTP: faults of whole messages on the wire, and what the real client makes of them."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import aiohttp
import pytest
from tests.world.faults.conftest import BUSY, SENDER, Wires, request, signed, until

from trimtab.chain.client import Client
from trimtab.chain.options import ClientOptions
from trimtab.errors import (
    ChainError,
    ConfigError,
    ConnectionLostError,
    RateLimitedError,
    RpcTimeoutError,
    TransportError,
)
from trimtab.net import BackoffPolicy
from trimtab.world.faults import FaultPlan, FaultProxy, Rule
from trimtab.world.faults.kinds import (
    CutBody,
    Disconnect,
    Fault,
    GarbageJson,
    HtmlBody,
    LostAnswer,
    NullLie,
    PartialBatch,
    RateLimited,
    RefusedBatch,
    RepeatedReply,
    ServerError,
    ShuffledBatch,
    SlowAnswer,
    StaleNonce,
)
from trimtab.world.node import AnvilNode

pytestmark = pytest.mark.node

QUICK = ClientOptions(timeout=20.0, backoff=BackoffPolicy(base=0.01, cap=0.05))
BROKEN: list[Fault] = [
    RateLimited(),
    ServerError(status=502),
    ServerError(status=504, forwarded=True),
    HtmlBody(),
    HtmlBody(forwarded=True),
    Disconnect(),
    Disconnect(forwarded=True),
    CutBody(),
    GarbageJson(),
    LostAnswer(seconds=0.2),
]


async def test_without_a_plan_everything_passes(wires: Wires) -> None:
    """The answers are the node's, byte for byte, also to what is no JSON-RPC and to an empty batch."""
    for body in (request("eth_chainId"), [request("eth_chainId")], [], {"no": "method"}, 7):
        async with wires.session.post(wires.node.url, json=body) as response:
            assert await wires.post(body) == (response.status, await response.read())
    assert wires.proxy.injected == {}
    assert wires.proxy.tally.requests == {"eth_chainId": 2}


async def test_limits_and_pages(wires: Wires) -> None:
    """429 with and without Retry-After, a gateway's status, an HTML page with status 200."""
    wires.inject(RateLimited(retry_after=2))
    async with wires.session.post(wires.proxy.url, json=request("eth_chainId")) as response:
        assert (response.status, response.headers["Retry-After"]) == (429, "2")
    wires.inject(RateLimited())
    async with wires.session.post(wires.proxy.url, json=request("eth_chainId")) as response:
        assert (response.status, response.headers.get("Retry-After")) == (429, None)
    wires.inject(ServerError(status=504))
    assert (await wires.post(request("eth_chainId")))[0] == 504
    wires.inject(HtmlBody())
    status, body = await wires.post(request("eth_chainId"))
    assert (status, body[:6]) == (200, b"<html>")
    assert wires.proxy.injected == {"rate_limited": 2, "server_error": 1, "html_body": 1}


@pytest.mark.parametrize("fault", BROKEN)
async def test_whether_the_node_saw_it_is_as_the_fault_says(wires: Wires, fault: Fault) -> None:
    """The caller gets no answer from any of them; the transaction is mined, or unknown to the node."""
    wires.inject(fault, methods=("sends",), first=1)
    try:
        _, body = await wires.post(request("eth_sendRawTransaction", signed(0)))
    except aiohttp.ClientError:
        pass
    else:
        with pytest.raises(ValueError):  # no JSON
            json.loads(body)
    assert wires.proxy.injected.total() == 1
    reaches = getattr(fault, "forwarded", not isinstance(fault, RateLimited))
    if reaches:
        assert await wires.sees_mined(1)
    else:
        assert await wires.truth("eth_getTransactionCount", SENDER, "pending") == "0x0"


async def test_an_answer_cut_in_the_middle(wires: Wires) -> None:
    """The headers promise more than comes."""
    wires.inject(CutBody())
    with pytest.raises(aiohttp.ClientPayloadError):
        await wires.post(request("eth_getBlockByNumber", "latest", True))


async def test_a_withheld_answer_is_cut_in_the_end(wires: Wires) -> None:
    """Nothing comes for as long as was said."""
    wires.inject(LostAnswer(seconds=0.5))
    start = time.monotonic()
    with pytest.raises(aiohttp.ClientError):
        await wires.post(request("eth_chainId"))
    assert time.monotonic() - start >= 0.5


async def test_a_slow_answer_is_a_whole_one(wires: Wires) -> None:
    """It comes so much later, and other requests do not wait for it."""
    wires.inject(SlowAnswer(seconds=0.5), first=1)
    start = time.monotonic()
    slow = asyncio.create_task(wires.ask("eth_chainId"))
    await asyncio.sleep(0.05)
    assert (await wires.ask("eth_chainId"))["result"] == "0x7a69"
    assert not slow.done()
    assert (await slow)["result"] == "0x7a69"
    assert time.monotonic() - start >= 0.5


@pytest.mark.parametrize(
    ("fault", "numbers"),
    [(ShuffledBatch(), None), (PartialBatch(missing=2), 3), (RepeatedReply(), [0, 1, 2, 3, 4, 0])],
)
async def test_batches_come_mixed_up(wires: Wires, fault: Fault, numbers: Any) -> None:
    """In another order, in part, with an answer twice; single requests and batches of one are left alone."""
    wires.inject(fault)
    assert "result" in await wires.ask("eth_chainId")
    assert len(await wires.ask_all([request("eth_chainId")])) == 1
    answers = [a["id"] for a in await wires.ask_all([request("eth_chainId", number=n) for n in range(5)])]
    if numbers is None:
        assert sorted(answers) == list(range(5)) != answers
    elif isinstance(numbers, int):
        assert len(answers) == numbers
    else:
        assert answers == numbers
    assert wires.proxy.injected.total() == 1


@pytest.mark.parametrize("forwarded", [False, True])
async def test_one_error_answers_a_batch(wires: Wires, forwarded: bool) -> None:
    """An object in place of the list, whether the node saw the batch or not."""
    wires.inject(RefusedBatch(forwarded=forwarded))
    sends = [request("eth_sendRawTransaction", signed(n), number=n) for n in range(2)]
    assert (await wires.ask_all(sends))["error"]["code"] == -32600
    if forwarded:
        assert await wires.sees_mined(2)
    else:
        assert await wires.truth("eth_getTransactionCount", SENDER, "pending") == "0x0"


async def test_a_plan_can_be_changed_while_it_runs(wires: Wires) -> None:
    """The new plan counts from its own beginning; none is peace."""
    wires.inject(HtmlBody(), first=1)
    assert (await wires.post(request("eth_chainId")))[1][:1] == b"<"
    assert (await wires.post(request("eth_chainId")))[1][:1] == b"{"
    wires.inject(HtmlBody(), first=1)
    assert (await wires.post(request("eth_chainId")))[1][:1] == b"<"
    wires.proxy.plan = FaultPlan()
    assert (await wires.post(request("eth_chainId")))[1][:1] == b"{"


async def test_the_nodes_own_methods_get_through(wires: Wires) -> None:
    """A drill is steered by anvil's methods: a rule for everything leaves them alone."""
    wires.inject(HtmlBody())
    assert "result" in await wires.ask("anvil_nodeInfo")
    assert "result" in await wires.ask("evm_mine")


async def test_one_seed_and_one_order_give_the_same_faults(anvil: AnvilNode) -> None:
    """Two proxies that were asked the same have struck the same requests; another seed has struck others."""
    plan = FaultPlan((Rule(NullLie(), probability=0.2), Rule(HtmlBody(), probability=0.2)))
    heard: list[list[bytes]] = []
    for seed in (1, 1, 2):
        async with FaultProxy.open(anvil.url, plan, seed=seed) as proxy, aiohttp.ClientSession() as session:
            heard.append([])
            for number in range(60):
                async with session.post(proxy.url, json=request("eth_chainId", number=number)) as response:
                    heard[-1].append(await response.read())
    assert heard[0] == heard[1] != heard[2]


async def test_a_node_that_is_down_is_no_injected_fault() -> None:
    """Whoever asks hears 502 and why, without the node's key; nothing is counted as injected."""
    async with (
        FaultProxy.open("http://127.0.0.1:1/v2/secret-key") as proxy,
        aiohttp.ClientSession() as session,
        session.post(proxy.url, json=request("eth_chainId")) as response,
    ):
        assert response.status == 502
        assert "http://127.0.0.1:1/***" in await response.text()
        assert "secret-key" not in repr(proxy)
        assert proxy.injected == {}


async def test_a_browser_sees_what_happened(wires: Wires) -> None:
    """GET tells the counts."""
    wires.inject(HtmlBody())
    await wires.post(request("eth_chainId"))
    async with wires.session.get(wires.proxy.url) as response:
        told = await response.json()
    assert told == {
        "upstream": wires.node.url,
        "injected": {"html_body": 1},
        "requests": {"eth_chainId": 1},
    }


async def test_closing_with_requests_in_flight_is_clean(anvil: AnvilNode) -> None:
    """Whoever waits gets a broken line at once; no task is left, and no warning (they are errors here)."""
    before = asyncio.all_tasks()
    async with aiohttp.ClientSession() as session:
        async with FaultProxy.open(
            anvil.url, FaultPlan((Rule(LostAnswer(seconds=60), every=2), Rule(SlowAnswer(seconds=60))))
        ) as proxy:
            posts = [
                asyncio.create_task(session.post(proxy.url, json=request("eth_chainId"))) for _ in range(20)
            ]
            await until(lambda: proxy.injected.total() == 20)
            start = time.monotonic()
        assert time.monotonic() - start < 10
        ends = await asyncio.gather(*posts, return_exceptions=True)
        assert any(isinstance(end, aiohttp.ClientError) for end in ends)
    assert asyncio.all_tasks() - before <= {asyncio.current_task()}


async def test_of_a_crowd_nobody_is_lost(wires: Wires) -> None:
    """Six hundred requests at once, alone and in batches, some struck: each is answered with its own id, and
    what is not a fault is the truth."""
    wires.proxy.plan = FaultPlan(
        (Rule(NullLie(), methods=("eth_getBalance",), every=3), Rule(ShuffledBatch()))
    )
    singles = [wires.post(request("eth_getBalance", BUSY, "latest", number=n)) for n in range(300)]
    batches = [wires.ask_all([request("eth_chainId", number=m) for m in (n, n + 1)]) for n in range(150)]
    answers = [json.loads(body) for _, body in await asyncio.gather(*singles)]
    assert [answer["id"] for answer in answers] == list(range(300))
    assert sum(answer["result"] is None for answer in answers) == 100 == wires.proxy.injected["null_lie"]
    for number, batch in enumerate(await asyncio.gather(*batches)):
        assert {answer["id"]: answer["result"] for answer in batch} == dict.fromkeys(
            (number, number + 1), "0x7a69"
        )
    assert wires.proxy.tally.requests == {"eth_getBalance": 300, "eth_chainId": 300}


async def test_a_taken_port_is_named(wires: Wires) -> None:
    """The error says which, and what else to do; of one that is no port too."""
    with pytest.raises(ConfigError, match=r"port 65536 cannot be used .*0 takes a free one"):
        async with FaultProxy.open(wires.proxy.url, port=65_536):
            pass
    port = int(wires.proxy.url.rpartition(":")[2])
    with pytest.raises(ConfigError, match=rf"port {port} cannot be used .*0 takes a free one"):
        async with FaultProxy.open(wires.node.url, port=port):
            pass


@pytest.mark.parametrize("url", ["127.0.0.1:8545", "ftp://node", "http://", ""])
async def test_what_is_no_node_is_refused(url: str) -> None:
    """Before anything listens."""
    with pytest.raises(ConfigError, match="is not a node"):
        async with FaultProxy.open(url):
            pass


async def test_an_error_of_the_body_comes_out_as_itself(anvil: AnvilNode) -> None:
    """Not inside a group of the proxy's own tasks."""
    with pytest.raises(ZeroDivisionError):
        async with FaultProxy.open(anvil.url):
            raise ZeroDivisionError


# What the client makes of it


@pytest.mark.parametrize("fault", BROKEN)
async def test_the_clients_reads_outlive_a_broken_answer(wires: Wires, fault: Fault) -> None:
    """The first two answers are broken: the real client's read moves on, though it is the only node."""
    async with Client.open(wires.proxy.url, QUICK) as client:
        wires.inject(fault, first=2)
        assert await client.balance(BUSY) == 0  # type: ignore[arg-type]
    assert wires.proxy.injected.total() == 2


@pytest.mark.parametrize("fault", BROKEN)
async def test_the_clients_writes_are_sent_once_whatever_happens(wires: Wires, fault: Fault) -> None:
    """A transport's error, and the bytes were sent once over the wire, though another node was free."""
    async with Client.open([wires.proxy.url, wires.node.url], QUICK) as client:
        client.endpoints[1].latency = 10.0  # the proxy is preferred
        wires.inject(fault, methods=("sends",))
        with pytest.raises(TransportError):
            await client.request("eth_sendRawTransaction", [signed(0)])
    assert wires.proxy.tally.requests["eth_sendRawTransaction"] == 1
    assert (await wires.truth("eth_getTransactionCount", SENDER, "pending") == "0x0") == (
        not getattr(fault, "forwarded", not isinstance(fault, RateLimited))
    )


async def test_a_send_does_not_wait_behind_reads_that_hang(wires: Wires) -> None:
    """A hundred reads get no answer, more than there are connections; a send goes out all the same."""
    async with Client.open(wires.proxy.url, ClientOptions(timeout=30.0)) as client:
        wires.inject(LostAnswer(seconds=60), methods=("eth_getBalance",))
        reads = [asyncio.create_task(client.balance(BUSY)) for _ in range(100)]  # type: ignore[arg-type]
        await until(lambda: wires.proxy.injected["lost_answer"] >= 50)
        async with asyncio.timeout(10):
            await client.request("eth_sendRawTransaction", [signed(0)])
        for read in reads:
            read.cancel()
        await asyncio.gather(*reads, return_exceptions=True)
    assert await wires.sees_mined(1)


async def test_the_client_waits_as_long_as_it_was_told(wires: Wires) -> None:
    """Retry-After is honoured before the same node is asked again."""
    async with Client.open(wires.proxy.url, QUICK) as client:
        wires.inject(RateLimited(retry_after=1), first=1)
        start = time.monotonic()
        assert await client.block_number() == 0
        assert time.monotonic() - start >= 1.0


async def test_a_limit_beyond_the_deadline_is_told(wires: Wires) -> None:
    """The client does not wait in vain: the error carries the seconds."""
    async with Client.open(wires.proxy.url, QUICK) as client:
        wires.inject(RateLimited(retry_after=3600))
        with pytest.raises(RateLimitedError) as caught:
            await client.block_number()
        assert caught.value.retry_after == 3600.0


async def test_a_page_is_an_error_of_the_transport(wires: Wires) -> None:
    """HTML with status 200 is no answer, for a read as for a write."""
    options = ClientOptions(max_attempts=1)
    async with Client.open(wires.proxy.url, options) as client:
        wires.inject(HtmlBody())
        with pytest.raises(ConnectionLostError, match="not JSON-RPC"):
            await client.block_number()


async def test_a_withheld_answer_costs_an_attempt_not_the_deadline(wires: Wires) -> None:
    """With a second node the read moves on after `attempt_timeout`."""
    options = ClientOptions(timeout=20.0, attempt_timeout=0.5)
    async with Client.open([wires.proxy.url, wires.node.url], options) as client:
        client.endpoints[1].latency = 10.0
        wires.inject(LostAnswer(seconds=60))
        start = time.monotonic()
        assert await client.block_number() == 0
        assert 0.5 <= time.monotonic() - start < 10


async def test_alone_a_withheld_answer_is_a_timeout(wires: Wires) -> None:
    """With nowhere else to go the deadline is the end."""
    async with Client.open(wires.proxy.url, ClientOptions(timeout=0.5)) as client:
        wires.inject(LostAnswer(seconds=60))
        with pytest.raises(RpcTimeoutError):
            await client.block_number()


@pytest.mark.parametrize("fault", [ShuffledBatch(), RepeatedReply()])
async def test_batches_mixed_up_are_put_in_order(wires: Wires, fault: Fault) -> None:
    """The client's answers stand in the order of its requests."""
    await wires.send(0)
    async with Client.open(wires.proxy.url, QUICK) as client:
        wires.inject(fault)
        asked = [("eth_chainId", []), ("eth_blockNumber", []), ("eth_getBalance", [BUSY, "latest"])]
        assert await client.batch(asked) == ["0x7a69", "0x1", "0x1"]
    assert wires.proxy.injected.total() == 1


async def test_a_batch_in_part_is_asked_again(wires: Wires) -> None:
    """Reads are; a batch with a write in it is an error that says how many were answered."""
    async with Client.open(wires.proxy.url, QUICK) as client:
        wires.inject(PartialBatch(), first=1)
        assert await client.batch([("eth_chainId", []), ("eth_blockNumber", [])]) == ["0x7a69", "0x0"]
        wires.inject(PartialBatch(), first=1)
        with pytest.raises(ConnectionLostError, match="answered 1 of 2 requests"):
            await client.batch([("eth_chainId", []), ("eth_sendRawTransaction", [signed(0)])])
    assert await wires.sees_mined(1)


async def test_under_a_storm_reads_get_through(anvil: AnvilNode) -> None:
    """With three nodes behind three storms every read of a block is answered, and rightly."""
    async with (
        FaultProxy.open(anvil.url, FaultPlan.storm(), seed=1) as one,
        FaultProxy.open(anvil.url, FaultPlan.storm(), seed=2) as two,
        FaultProxy.open(anvil.url, FaultPlan.storm(), seed=3) as three,
    ):
        options = ClientOptions(chain_id=31337, timeout=30.0, attempt_timeout=1.0, backoff=QUICK.backoff)
        async with Client.open([p.url for p in (one, two, three)], options) as client:
            reads = [client.balance(BUSY) for _ in range(150)]  # type: ignore[arg-type]
            assert await asyncio.gather(*reads) == [0] * 150
    assert len(one.injected + two.injected + three.injected) >= 5


async def test_faults_never_surface_as_anything_but_chain_errors(anvil: AnvilNode) -> None:
    """Whatever a storm does to one node, the client's error is of its tree: callers match on it."""
    plan = FaultPlan(tuple(Rule(rule.fault, probability=0.2) for rule in FaultPlan.storm().rules))
    options = ClientOptions(chain_id=31337, timeout=0.3, backoff=QUICK.backoff)
    async with FaultProxy.open(anvil.url, seed=4) as proxy, Client.open(proxy.url, options) as client:
        proxy.plan = plan
        reads: list[Any] = [
            *(client.balance(BUSY) for _ in range(40)),  # type: ignore[arg-type]
            *(client.block() for _ in range(40)),
            *(client.nonce(BUSY) for _ in range(40)),  # type: ignore[arg-type]
            *(client.batch([("eth_chainId", []), ("eth_gasPrice", [])]) for _ in range(40)),
            *(client.receipt("0x" + "12" * 32) for _ in range(40)),
        ]
        ends = await asyncio.gather(*reads, return_exceptions=True)
    failures = [end for end in ends if isinstance(end, BaseException)]
    assert failures
    assert [repr(f) for f in failures if not isinstance(f, ChainError)] == []


async def test_a_stale_nonce_reaches_the_caller(wires: Wires) -> None:
    """A read cannot know that a value is old: what uses it must (and the sender does)."""
    await wires.send(0)
    async with Client.open(wires.proxy.url, QUICK) as client:
        wires.inject(StaleNonce(lower=1))
        assert await client.nonce(SENDER) == 0
