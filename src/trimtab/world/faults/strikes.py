"""Faults of single requests: what the node is asked instead, and what the caller hears."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from trimtab.chain.hashing import keccak256
from trimtab.chain.messages import encode
from trimtab.errors import ChainError
from trimtab.world.faults import kinds
from trimtab.world.faults.calls import Answer, Call, refusal, result
from trimtab.world.faults.draws import Fired
from trimtab.world.faults.tally import Tally
from trimtab.world.faults.upstream import Upstream
from trimtab.world.faults.views import Branch, Lag, Unknown, header_of
from trimtab.world.faults.words import pick_refusal

_SYNC_TIMEOUT = "the transaction was added to the mempool but was not included in time"


class Strikes:
    """Answers a request that is struck. Evictions that are due later run in `tasks`, until `close`."""

    def __init__(self, upstream: Upstream, tally: Tally, tasks: asyncio.TaskGroup) -> None:
        self._upstream = upstream
        self._tally = tally
        self._tasks = tasks
        self._evictions: set[asyncio.Task[None]] = set()
        self._branches: dict[kinds.SideBranch, Branch] = {}

    async def answer(self, call: Call, fired: Fired) -> Answer:
        """The answer to a call under a fault. Raises `ConnectionLostError` when the node is gone."""
        match fired.fault:
            case kinds.StaleNonce(blocks=blocks, lower=lower):
                return await self._stale_nonce(call, fired, blocks, lower)
            case kinds.DroppedSend():
                taken = _taken(call)
                return await self._forward(call) if taken is None else self._struck(call, fired, taken)
            case kinds.EvictedSend(seconds=seconds):
                return await self._evict_later(call, fired, seconds)
            case kinds.RepeatedSend(answer=heard):
                answers = [await self._forward(call), await self._forward(call)]
                return self._struck(call, fired, answers[heard == "second"])
            case kinds.RefusedSend() as fault:
                return await self._refuse(call, fired, fault)
            case kinds.WrongChain(chain_id=chain_id):
                value = hex(chain_id) if call.method == "eth_chainId" else str(chain_id)
                return self._struck(call, fired, result(call, value))
            case kinds.LimitedCall(backoff_seconds=seconds):
                data = None if seconds is None else {"rate": {"backoff_seconds": seconds}}
                return self._struck(call, fired, refusal(call, -32005, "Too Many Requests", data))
            case kinds.LaggingNode(blocks=blocks):
                return await self._lag(call, fired, blocks)
            case kinds.SideBranch() as branch:
                return await self._show_branch(call, fired, branch)
            case kinds.OtherNode(url=url):
                return self._struck(call, fired, (await self._upstream.forward([call], url))[0])
        raise AssertionError(f"{fired.kind} is no fault of a single request")

    async def pushed_head(self, header: dict[str, Any], fired: Fired) -> dict[str, Any] | None:
        """A head that the node pushed, as the other view tells it; None when it tells none."""
        number = int(header["number"], 16)
        told: dict[str, Any] | None = header
        match fired.fault:
            case kinds.SideBranch() as fault:
                branch = self._branch(fault)
                first = branch.first(number)
                told = header if first is None else branch.result(header, first)
            case kinds.LaggingNode(blocks=blocks):
                asked = [hex(max(number - blocks, 0)), False]
                block = await self._upstream.ask("eth_getBlockByNumber", asked) if number >= blocks else None
                told = header_of(block) if isinstance(block, dict) else None
        if told != header:
            self._tally.count(fired.kind, kinds.PUSHED)
        return told

    def close(self) -> None:
        """Give up the evictions that are still to come."""
        for task in self._evictions:
            task.cancel()

    async def _forward(self, call: Call, params: list[Any] | None = None) -> Answer:
        asked = call if params is None else Call(call.method, call.id, msgspec.Raw(encode(params)))
        return (await self._upstream.forward([asked]))[0]

    def _struck(self, call: Call, fired: Fired, answer: Answer) -> Answer:
        self._tally.count(fired.kind, call.method)
        return answer

    async def _stale_nonce(self, call: Call, fired: Fired, blocks: int, lower: int) -> Answer:
        true = await self._forward(call)
        params = _params(call)
        if not true.has_value or not params:
            return true
        if lower:
            told = result(call, hex(max(int(msgspec.json.decode(true.result), 16) - lower, 0)))
        else:
            then = max(await self._upstream.head() - blocks, 0)
            told = await self._forward(call, [params[0], hex(then)])
        return true if bytes(told.result) == bytes(true.result) else self._struck(call, fired, told)

    async def _evict_later(self, call: Call, fired: Fired, seconds: float) -> Answer:
        answer = await self._forward(call)
        tx_hash = msgspec.json.decode(answer.result) if answer.has_value else None
        if isinstance(tx_hash, str):
            task = self._tasks.create_task(self._evict(call, fired, tx_hash, seconds))
            self._evictions.add(task)
            task.add_done_callback(self._evictions.discard)
        return answer

    async def _evict(self, call: Call, fired: Fired, tx_hash: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        try:
            gone = await self._upstream.ask("anvil_dropTransaction", [tx_hash])
        except ChainError:  # the node is gone, and its pool with it
            return
        if gone is not None:
            self._tally.count(fired.kind, call.method)

    async def _refuse(self, call: Call, fired: Fired, fault: kinds.RefusedSend) -> Answer:
        words = pick_refusal(fault.send_class, fault.client, fired.salt)
        if fault.forwarded:
            true = await self._forward(call)
            if not true.has_value:
                return true  # the node's own refusal is no lie
        return self._struck(call, fired, refusal(call, words.code, words.text))

    async def _lag(self, call: Call, fired: Fired, blocks: int) -> Answer:
        lag = Lag(max(await self._upstream.head() - blocks, 0))
        asked = _params(call)
        params = lag.params(call.method, asked)
        if isinstance(params, Unknown):
            unknown = result(call, None) if params.is_null else refusal(call, -32000, "header not found")
            return self._struck(call, fired, unknown)
        answer = await self._forward(call, params)
        true = msgspec.json.decode(answer.result) if answer.has_value else None
        told = lag.result(call.method, true)
        if params == asked and told == true:
            return answer
        return self._struck(call, fired, answer if told == true else result(call, told))

    async def _show_branch(self, call: Call, fired: Fired, fault: kinds.SideBranch) -> Answer:
        branch = self._branch(fault)
        asked = _params(call)
        params = branch.params(call.method, asked)
        answer = await self._forward(call, params)
        first = branch.first(await self._upstream.head())
        if first is None or not answer.has_value:
            return answer
        true = msgspec.json.decode(answer.result)
        told = branch.result(true, first) if branch.is_known(call.method, asked, true, first) else None
        return answer if told == true else self._struck(call, fired, result(call, told))

    def _branch(self, fault: kinds.SideBranch) -> Branch:
        return self._branches.setdefault(fault, Branch(fault.depth, fault.period))


def _params(call: Call) -> list[Any]:
    """The parameters; none when they are no list."""
    params = msgspec.json.decode(call.params)
    return params if isinstance(params, list) else []


def _taken(call: Call) -> Answer | None:
    """What a node says that took a transaction: its hash, or (sync) that it waits no longer. None for what it
    would refuse anyway."""
    params = _params(call)
    try:
        is_raw = bool(params) and isinstance(params[0], str)
        body = bytes.fromhex(params[0].removeprefix("0x")) if is_raw else bytes(call.params)
    except ValueError:
        return None
    tx_hash = "0x" + keccak256(body).hex()
    if call.method.endswith("Sync"):
        return refusal(call, 4, _SYNC_TIMEOUT, tx_hash)
    return result(call, tx_hash)
