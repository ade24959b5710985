"""Many reads in one request: by code placed with a state override, a deployed Multicall, or a batch.

The placed code is ours and takes packed calldata, a third of Multicall's: 24 bytes per call instead of
160. It is assembled below from its listing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trimtab.chain import wire
from trimtab.chain.abi import Abi
from trimtab.chain.address import address_bytes
from trimtab.chain.call import Call, Read
from trimtab.chain.hashing import keccak256
from trimtab.chain.messages import encode
from trimtab.chain.options import ClientOptions
from trimtab.chain.reverts import call_reverted, revert_data
from trimtab.chain.transports.endpoint import Settled
from trimtab.chain.transports.failover import Failover
from trimtab.errors import AbiError, CallRevertedError, RpcError, TransportError
from trimtab.model.ids import Address

_OPCODES = {
    "ADD": 0x01, "GT": 0x11, "AND": 0x16, "OR": 0x17, "SHL": 0x1B, "SHR": 0x1C, "CALLDATALOAD": 0x35,
    "CALLDATASIZE": 0x36, "CALLDATACOPY": 0x37, "RETURNDATASIZE": 0x3D, "RETURNDATACOPY": 0x3E, "POP": 0x50,
    "MSTORE": 0x52, "JUMP": 0x56, "JUMPI": 0x57, "GAS": 0x5A, "JUMPDEST": 0x5B, "CALL": 0xF1, "RETURN": 0xF3,
}  # fmt: skip

# In:  for each call its target (20 bytes), the size of its data (4 bytes), its data.
# Out: for each call success (1 byte), the size of what it returned (4 bytes), what it returned.
# `i` is the place in calldata, `o` the place in memory; a call's data is laid at `o` and then overwritten
# by its answer. Only opcodes of Constantinople are used, so that old forks run it.
_LISTING = """
    0x00 0x00                                   # i o
loop:
    DUP1 CALLDATASIZE GT @body JUMPI            # i o
    POP 0x00 RETURN                             # memory[0:o]
body:
    DUP1 CALLDATALOAD DUP1 0x60 SHR             # target w i o
    SWAP1 0x40 SHR 0xffffffff AND               # size target i o
    SWAP2 0x18 ADD                              # from target size o
    DUP3 DUP2 DUP6 CALLDATACOPY                 # from target size o
    0x00 0x00 DUP5 DUP7 0x00 DUP7 GAS CALL      # ok from target size o
    0xf8 SHL RETURNDATASIZE 0xd8 SHL OR         # head from target size o
    DUP5 MSTORE SWAP1 POP ADD SWAP1             # o i
    0x05 ADD RETURNDATASIZE 0x00 DUP3 RETURNDATACOPY
    RETURNDATASIZE ADD SWAP1 @loop JUMP         # i o
"""


def assemble(listing: str) -> bytes:
    """EVM code from a listing of opcodes, 0x constants, `label:` and `@label` (one-byte jumps)."""
    words = [word for line in listing.splitlines() for word in line.partition("#")[0].split()]
    code = bytearray()
    labels: dict[str, int] = {}
    jumps: list[tuple[int, str]] = []
    for word in words:
        if word.endswith(":"):
            labels[word[:-1]] = len(code)
            code.append(_OPCODES["JUMPDEST"])
        elif word.startswith("@"):
            jumps.append((len(code) + 1, word[1:]))
            code += b"\x60\x00"
        elif word.startswith("0x"):
            constant = bytes.fromhex(word[2:])
            code += bytes([0x5F + len(constant)]) + constant
        elif word.startswith(("DUP", "SWAP")):
            base, depth = (0x7F, word[3:]) if word.startswith("DUP") else (0x8F, word[4:])
            code.append(base + int(depth))
        else:
            code.append(_OPCODES[word])
    for place, label in jumps:
        code[place] = labels[label]
    return bytes(code)


READER_CODE = assemble(_LISTING)
READER_ADDRESS = Address("0x" + keccak256(b"trimtab reader")[12:].hex())

# Both Multicall2 and Multicall3 have it.
_TRY_AGGREGATE = Abi.parse(
    [
        {
            "type": "function",
            "name": "tryAggregate",
            "stateMutability": "payable",
            "inputs": [
                {"name": "requireSuccess", "type": "bool"},
                {
                    "name": "calls",
                    "type": "tuple[]",
                    "components": [
                        {"name": "target", "type": "address"},
                        {"name": "callData", "type": "bytes"},
                    ],
                },
            ],
            "outputs": [
                {
                    "name": "returnData",
                    "type": "tuple[]",
                    "components": [
                        {"name": "success", "type": "bool"},
                        {"name": "returnData", "type": "bytes"},
                    ],
                }
            ],
        }
    ],
    name="Multicall",
).function("tryAggregate")
_REQUIRE_SUCCESS = False
_TOO_MUCH = ("out of gas", "outofgas", "gas required exceeds", "too large", "timed out")

Answer = tuple[bool, bytes]
"""Whether the call succeeded, and its return or revert data."""


class WayClosedError(Exception):
    """The node does not take this way of aggregating; never leaves the module."""


def pack_calls(calls: Sequence[Call]) -> bytes:
    """Calldata of the placed code."""
    parts: list[bytes] = []
    for call in calls:
        parts += (address_bytes(call.target), len(call.data).to_bytes(4, "big"), call.data)
    return b"".join(parts)


def unpack_answers(data: bytes, count: int) -> list[Answer]:
    """What the placed code returned. Raises `WayClosedError` when it is not that code's answer."""
    answers: list[Answer] = []
    at = 0
    while at + 5 <= len(data) and len(answers) < count:
        end = at + 5 + int.from_bytes(data[at + 1 : at + 5], "big")
        answers.append((data[at] == 1, data[at + 5 : end]))
        at = end
    if len(answers) != count or at != len(data):
        raise WayClosedError(f"{len(data)} bytes for {count} calls")
    return answers


class Aggregator:
    """Reads many at once, by the best way that the node takes; the way is found once and remembered."""

    def __init__(self, failover: Failover, options: ClientOptions, deployed: Address | None) -> None:
        self._failover = failover
        self._options = options
        self._deployed = options.multicall or deployed
        self._ways = ["override", "deployed", "batch"] if self._deployed else ["override", "batch"]
        self._is_found = False

    @property
    def way(self) -> str:
        """ "override", "deployed" or "batch": what is tried first."""
        return self._ways[0]

    def use(self, way: str) -> None:
        """Take this way from now on: where a node's own answer misleads, and in measurements."""
        self._ways = [way]

    async def read_many(self, reads: Sequence[Read[Any]], block: int | str) -> list[Any]:
        """The values in order; a read that reverted is a `CallRevertedError` in its place."""
        size = self._options.multicall_size
        if block == "latest" and (len(reads) > size or (reads and self.way == "batch")):
            # Several requests: pin the block, or they would see different ones.
            block = wire.decode_int(await self._failover.send("eth_blockNumber", b"[]"))
        results: list[Any] = []
        for start in range(0, len(reads), size):
            part = reads[start : start + size]
            answers = await self._ask([read.call for read in part], block)
            results += [self._settle(read, answer) for read, answer in zip(part, answers, strict=True)]
        return results

    def _settle(self, read: Read[Any], answer: Answer) -> Any:
        success, data = answer
        if not success:
            return call_reverted(read.name, read.call.target, data, self._options.error_abis)
        try:
            return read.decode(data)
        except AbiError:
            if data:
                raise
        # Solidity itself reverts a call of an address without code: so does this read, alone.
        message = f"{read.name} at {read.call.target} returned no data; is there a contract at that address?"
        return CallRevertedError(message, reason="no contract")

    async def _ask(self, calls: Sequence[Call], block: int | str) -> list[Answer]:
        """The answers by the first way that works. Only a way that never worked is given up for good: one
        of several nodes may lack it, or the node may lack the block."""
        for index, way in enumerate(self._ways):
            if way == "batch" or any(call.value for call in calls):
                answers = await self._by_batch(calls, block)
            else:
                try:
                    answers = await self._by_contract(way, calls, block)
                except (WayClosedError, RpcError):
                    continue
                answers = await self._confirm(calls, block, answers)
            if not self._is_found:
                self._ways, self._is_found = self._ways[index:], True
            return answers
        raise WayClosedError(f"the node takes none of {', '.join(self._ways)}")

    async def _by_contract(self, way: str, calls: Sequence[Call], block: int | str) -> list[Answer]:
        try:
            return await (self._by_override if way == "override" else self._by_deployed)(calls, block)
        except RpcError as error:
            if not _is_too_much(error) or len(calls) == 1:
                raise
        half = len(calls) // 2
        first = await self._by_contract(way, calls[:half], block)
        return first + await self._by_contract(way, calls[half:], block)

    async def _by_override(self, calls: Sequence[Call], block: int | str) -> list[Answer]:
        override = {READER_ADDRESS: {"code": f"0x{READER_CODE.hex()}"}}
        data = await self._eth_call(READER_ADDRESS, pack_calls(calls), block, override)
        return unpack_answers(data, len(calls))

    async def _by_deployed(self, calls: Sequence[Call], block: int | str) -> list[Answer]:
        assert self._deployed is not None
        pairs = [(call.target, call.data) for call in calls]
        data = await self._eth_call(self._deployed, _TRY_AGGREGATE.encode(_REQUIRE_SUCCESS, pairs), block)
        try:
            return [(success, returned) for success, returned in _TRY_AGGREGATE.decode(data)]
        except AbiError as error:
            raise WayClosedError(str(error)) from error

    async def _eth_call(self, target: Address, data: bytes, block: int | str, override: Any = None) -> bytes:
        params: list[Any] = [{"to": target, "data": f"0x{data.hex()}"}, wire.block_param(block)]
        if override is not None:
            params.append(override)
        return wire.decode_bytes(await self._failover.send("eth_call", encode(params)))

    async def _confirm(self, calls: Sequence[Call], block: int | str, answers: list[Answer]) -> list[Answer]:
        """Ask failures without data again, alone: a neighbour may have burnt their gas."""
        doubtful = [i for i, (success, data) in enumerate(answers) if not success and not data]
        if doubtful and len(calls) > 1:
            again = await self._by_batch([calls[i] for i in doubtful], block)
            for index, answer in zip(doubtful, again, strict=True):
                answers[index] = answer
        return answers

    async def _by_batch(self, calls: Sequence[Call], block: int | str) -> list[Answer]:
        requests = [("eth_call", encode(_call_params(call, block))) for call in calls]
        answers: list[Answer] = []
        for start in range(0, len(calls), self._options.batch_size):
            part = requests[start : start + self._options.batch_size]
            answers += [_answer_of(result) for result in await self._failover.send_batch(part)]
        return answers


def _call_params(call: Call, block: int | str) -> list[Any]:
    return [wire.call_object(call.target, call.data, call.value, None, None), wire.block_param(block)]


def _answer_of(result: Settled) -> Answer:
    if isinstance(result, TransportError):
        raise result
    if isinstance(result, RpcError):
        data = revert_data(result)
        if data is None and not _is_too_much(result):
            raise result
        return False, data or b""
    return True, wire.decode_bytes(result)


def _is_too_much(error: RpcError) -> bool:
    words = error.text.lower()
    return any(w in words for w in _TOO_MUCH)
