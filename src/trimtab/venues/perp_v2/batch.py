"""Many reads and simulations of one block in a single request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from trimtab.chain.call import Call, Read
from trimtab.chain.client import Client, decode_read
from trimtab.chain.receipt import Block
from trimtab.chain.reverts import call_reverted, revert_data
from trimtab.chain.wire import WireBlock, block_of, call_object
from trimtab.errors import CallRevertedError, RpcError
from trimtab.model.ids import Address
from trimtab.venues.perp_v2.addresses import PerpV2Deployment
from trimtab.venues.perp_v2.contracts import MULTICALL

BlockRef = int | str
_AGGREGATE = MULTICALL.function("aggregate")
_TRY_AGGREGATE = MULTICALL.function("tryAggregate")


@dataclass(frozen=True, slots=True)
class Simulation:
    """A call as `sender` would make it, without effect, and how to read its answer."""

    sender: Address
    read: Read[Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """One look at a block: its header, the answers to the reads and to the simulations, and words of storage.
    A revert stays in its place as a `CallRevertedError`. `ref` names the same block for a read that
    follows."""

    ref: BlockRef
    head: Block
    answers: list[Any]
    simulated: list[Any]
    words: list[int] = field(default_factory=list)


async def read_batch(
    client: Client,
    deployment: PerpV2Deployment,
    reads: Sequence[Read[Any]],
    block: BlockRef,
    simulations: Sequence[Simulation] = (),
    slots: Sequence[tuple[Address, int]] = (),
) -> Batch:
    """All of it in one request. The reads go through the venue's Multicall2, which also tells the block that
    it ran in, so that a header of another one is read again. A node that has no pending block is asked for
    the latest. Raises `RpcError` for a block that is not there."""
    multicall = deployment.contracts["Multicall2"]
    own_block = _AGGREGATE.at(multicall, [])
    calls = [(call.target, call.data) for call in (own_block, *(read.call for read in reads))]
    aggregate = _TRY_AGGREGATE.at(multicall, False, calls)  # noqa: FBT003
    tag = hex(block) if isinstance(block, int) else block
    header, outputs, *others = await client.batch(
        [
            ("eth_getBlockByNumber", [tag, False]),
            ("eth_call", [_transaction(aggregate), tag]),
            *(("eth_call", [_transaction(s.read.call, s.sender), tag]) for s in simulations),
            *(("eth_getStorageAt", [address, hex(slot), tag]) for address, slot in slots),
        ]
    )
    if block == "pending" and (header is None or isinstance(header, RpcError)):
        return await read_batch(client, deployment, reads, "latest", simulations, slots)
    head = _block(header)
    whole = Read(aggregate, _TRY_AGGREGATE.decode, "Multicall2")
    (_, number_data), *answers = decode_read(whole, _bytes(outputs, whole.name, multicall))
    number = _AGGREGATE.decode(number_data)[0]
    if head.number != number and block != "pending":
        head = await client.block(number)
    return Batch(
        ref="pending" if block == "pending" else head.number,
        head=head,
        answers=[_answer(read, ok, data) for read, (ok, data) in zip(reads, answers, strict=True)],
        simulated=[_simulated(s.read, result) for s, result in zip(simulations, others, strict=False)],
        words=[_word(result) for result in others[len(simulations) :]],
    )


def _transaction(call: Call, sender: Address | None = None) -> dict[str, str]:
    return call_object(call.target, call.data, call.value, sender, None)


def _block(header: Any) -> Block:
    if isinstance(header, Exception):
        raise header
    if header is None:
        raise RpcError("the node does not have that block", code=-32001)
    return block_of(msgspec.convert(header, WireBlock))


def _bytes(result: Any, name: str, target: Address) -> bytes:
    if isinstance(result, RpcError):
        data = revert_data(result)
        if data is not None:
            raise call_reverted(name, target, data, text=result.text) from result
    if isinstance(result, Exception):
        raise result
    return bytes.fromhex(result[2:])


def _word(result: Any) -> int:
    if isinstance(result, Exception):
        raise result
    return int(result, 16)


def _answer(read: Read[Any], ok: bool, data: bytes) -> Any:  # noqa: FBT001
    return decode_read(read, data) if ok else call_reverted(read.name, read.call.target, data)


def _simulated(read: Read[Any], result: Any) -> Any:
    try:
        return decode_read(read, _bytes(result, read.name, read.call.target))
    except CallRevertedError as error:
        return error
