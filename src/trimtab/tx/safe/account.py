"""A Safe as the chain has it: what it is, what would happen, and what used its nonces."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.chain.hashing import keccak256
from trimtab.chain.rpc_errors import SendClass, classify_send_error
from trimtab.errors import (
    AbiError,
    CallRevertedError,
    ConfigError,
    InsufficientFundsError,
    ReorgError,
    RpcError,
    SimulationRevertedError,
)
from trimtab.model.ids import Address
from trimtab.tx.safe.outcome import Execution, Ledger, execution_topics, read_executions
from trimtab.tx.safe.safe_tx import VERSIONS, Operation, SafeTx, safe_abi

logger = logging.getLogger(__name__)

MULTI_SENDS = (
    Address("0x9641d764fc13c8b624c04430c7356c1c7c8102e2"),  # 1.4.1
    Address("0x40a2accbd92bca938b02010e17a5b8929b49130d"),  # 1.3.0
    Address("0xa1dabef33b3b82c7814b6d82a79e50f4ac44102b"),  # 1.3.0 on chains that ask for EIP-155
)
MULTI_SEND_CODES = frozenset(
    {
        "ecd5bd14a08c5d2122379900b2f272bdf107a7e92423c10dd5fe3254386c9939",
        "a9865ac2d9c7a1591619b188c4d88167b50df6cc0c5327fcbd1c8c75f7c066ad",
    }
)
"""Keccak of the genuine MultiSendCallOnly's code: it runs in the Safe's place, so no other is let in."""


class SafeAccount:
    """Reads one Safe. `confirmations`: how deep a block must be for what it holds to be told; `reorg_depth`:
    how deep until it is settled, and never looked at again."""

    def __init__(self, client: Client, address: Address, confirmations: int, reorg_depth: int) -> None:
        self.address = address
        self._client = client
        self._depth = confirmations - 1
        self._settled_depth = max(confirmations, reorg_depth) - 1
        self._settled: Ledger | None = None
        self._settled_block = 0
        self._known: Ledger | None = None
        self._turn = asyncio.Lock()

    async def check(self, owner: Address) -> None:
        """Raise `ConfigError` unless it is a Safe of a known version, and `owner` one of its owners."""
        abi = safe_abi()
        reads = [
            abi.function("VERSION").read(self.address),
            abi.function("isOwner").read(self.address, owner),
        ]
        version, is_owner = await self._client.read_many(reads)
        if isinstance(version, CallRevertedError) or version not in VERSIONS:
            said = "none" if isinstance(version, CallRevertedError) else repr(version)
            raise ConfigError(
                f"{self.address} is no Safe that is known here: its version is {said}, known are "
                f"{', '.join(VERSIONS)}"
            )
        if is_owner is not True:
            raise ConfigError(
                f"{owner} is not an owner of the Safe {self.address}: only an owner's proposal counts"
            )

    async def nonce(self, block: int | None = None) -> int:
        """The next one to be executed."""
        read = safe_abi().function("nonce").read(self.address)
        return int(await self._client.call(read, block="latest" if block is None else block))

    async def hash_of(self, tx: SafeTx) -> str:
        """What the Safe itself says that the owners must sign."""
        said = await self._client.call(tx.read_hash(self.address))
        return "0x" + said.hex()

    async def find_multi_send(self, given: Address | None) -> Address:
        """The contract that makes several calls one. Raises `ConfigError` when it is not the genuine one."""
        for address in (given,) if given is not None else MULTI_SENDS:
            if keccak256(await self._client.code(address)).hex() in MULTI_SEND_CODES:
                return address
        where = given or "none of its usual places"
        raise ConfigError(
            f"{where} has not the code of MultiSendCallOnly, which several calls need: name its address on "
            "this chain in `multi_send`, or propose one call at a time"
        )

    async def simulate(self, tx: SafeTx) -> None:
        """Run it as the Safe would. Raises `SimulationRevertedError`, `InsufficientFundsError`."""
        call, overrides = Call(tx.to, tx.data, tx.value), None
        if tx.operation is Operation.DELEGATE_CALL:
            code = await self._client.code(tx.to)
            call, overrides = Call(self.address, tx.data), {self.address: {"code": "0x" + code.hex()}}
        try:
            await self._client.call_raw(call, sender=self.address, overrides=overrides)
        except CallRevertedError as error:
            raise SimulationRevertedError(
                f"the Safe {self.address} could not do this now: {error}; nothing was proposed",
                reason=error.reason,
                data=error.data,
                args_by_name=error.args_by_name,
            ) from error
        except RpcError as error:
            if classify_send_error(error.text, error.code, error.data) is not SendClass.FUNDS:
                raise
            raise InsufficientFundsError(
                f"the Safe {self.address} has not the {tx.value} wei that this sends; nothing was proposed",
                needed=tx.value,
            ) from error

    async def begin(self) -> Ledger:
        """A block that is settled, and the nonce there: what is observed from now on stands on it."""
        block = max(0, await self._client.block_number() - self._settled_depth)
        try:
            nonce = await self.nonce(block)
        except AbiError:
            nonce = 0  # there was no code yet: a Safe begins with nonce 0
        return Ledger(block, nonce)

    def rest_on(self, base: Ledger) -> None:
        """Observe from `base` on, unless an earlier one is in use."""
        if self._settled is None or base.block < self._settled.block:
            self._settled = self._known = base
            self._settled_block = base.block

    def is_settled(self, execution: Execution) -> bool:
        """No reorg will undo it."""
        return execution.block <= self._settled_block

    async def look(self) -> Ledger:
        """Every use of the nonce up to the block that is deep enough, the unsettled ones read anew. Where the
        logs and the nonce do not agree, what was known before: nothing is concluded from a node that does
        not give every log."""
        async with self._turn:
            if self._settled is None:
                self.rest_on(await self.begin())
            assert self._settled is not None
            head = await self._client.block_number()
            try:
                await self._read(self._settled, until=head - self._depth, settled=head - self._settled_depth)
            except ReorgError:
                logger.info("the chain changed while the Safe %s was looked at", self.address)
            assert self._known is not None
            return self._known

    async def _read(self, base: Ledger, *, until: int, settled: int) -> None:
        start = self._settled_block + 1
        if until < start:
            return
        topics: Sequence[Sequence[bytes]] = [execution_topics()]
        logs = await self._client.logs(self.address, topics, start, until)
        found = read_executions(logs, self.address)
        known = base.extended(found, await self.nonce(until))
        if known is None:
            logger.warning("the logs of %s to block %d do not explain its nonce", self.address, until)
            return
        self._known = known
        if settled >= start:
            deep = base.extended([e for e in found if e.block <= settled], await self.nonce(settled))
            if deep is not None:
                self._settled, self._settled_block = deep, settled
