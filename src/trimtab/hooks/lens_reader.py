"""Asks PositionLens by the best way that a node takes, in as many requests as it needs.

The lens need not be deployed. Its code travels with the call: as a state override or, where a node takes
none, as a constructor that runs it. One that is on the chain is asked where its code is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trimtab.chain.client import Client
from trimtab.chain.hashing import keccak256
from trimtab.chain.reverts import call_reverted, revert_data
from trimtab.chain.wire import block_param
from trimtab.errors import RpcError
from trimtab.hooks.artifacts import load_artifact
from trimtab.hooks.lens import (
    LENS,
    LensAnswer,
    OptionRequest,
    PerpRequest,
    Unread,
    decode_answer,
    encode_query,
    join_answers,
)
from trimtab.model.ids import Address

LENS_CALL = "LensCall"
CODE_AT = Address("0x" + keccak256(b"trimtab lens")[12:].hex())
_TOO_MUCH = ("out of gas", "outofgas", "gas required exceeds", "too large", "timed out", "timeout")


@dataclass(frozen=True, slots=True)
class LensOptions:
    """`deployed`: a lens on the chain; its code is compared once, and travels where that is not ours, or not
    there at the block. `size`: accounts per request; one takes about
    200,000 gas at Perp v2, and a node stops a call at 50 million or at what it is set to: a request that it
    stops is halved. `gas`: what to ask a node for, None for what it gives."""

    deployed: Address | None = None
    size: int = 200
    gas: int | None = None


class LensReader:
    """Asks the lens in as many requests as the node needs, by the best way that it takes."""

    def __init__(self, client: Client, options: LensOptions | None = None) -> None:
        self.client = client
        self.options = options or LensOptions()
        self._can_override = True
        self._is_ours: bool | None = None

    async def read(
        self,
        accounts: Sequence[Address],
        block: int | str,
        perps: Sequence[PerpRequest] = (),
        options: Sequence[OptionRequest] = (),
    ) -> LensAnswer:
        """All accounts at one block: name it by number where there are more than `size`. Raises `RpcError`,
        and `CallRevertedError` when a request names what is not there."""
        size = self.options.size
        parts = [accounts[i : i + size] for i in range(0, len(accounts), size)] or [accounts]
        return join_answers([await self._part(part, block, perps, options) for part in parts])

    async def _part(
        self,
        accounts: Sequence[Address],
        block: int | str,
        perps: Sequence[PerpRequest],
        options: Sequence[OptionRequest],
    ) -> LensAnswer:
        try:
            answer = decode_answer(await self._ask(encode_query(perps, options, accounts), block))
        except RpcError as error:
            if len(accounts) < 2 or not _is_too_much(error):
                raise
            answer = None
        if answer is not None and (len(accounts) < 2 or not _ran_out(answer)):
            return answer
        half = len(accounts) // 2
        halves = accounts[:half], accounts[half:]
        return join_answers([await self._part(part, block, perps, options) for part in halves])

    async def _ask(self, query: bytes, block: int | str) -> bytes:
        place = self.options.deployed
        if place is not None and await self._read_is_ours(place):
            answer = await self._call({"to": place, "data": f"0x{query.hex()}"}, block)
            if answer:
                return answer  # else it was not there yet at this block
        if self._can_override:
            code = {CODE_AT: {"code": f"0x{load_artifact(LENS).deployed_code.hex()}"}}
            answer = await self._call({"to": CODE_AT, "data": f"0x{query.hex()}"}, block, code)
            if answer:
                return answer
            self._can_override = False  # the node ignored the code
        return await self._create(query, block)

    async def _read_is_ours(self, place: Address) -> bool:
        if self._is_ours is None:
            self._is_ours = await self.client.code(place) == load_artifact(LENS).deployed_code
        return self._is_ours

    async def _call(self, call: dict[str, str], block: int | str, overrides: Any = None) -> bytes:
        params = [self._with_gas(call), block_param(block), *([overrides] if overrides else [])]
        try:
            answer: str = await self.client.request("eth_call", params)
        except RpcError as error:
            data = revert_data(error)
            if data is not None:
                raise call_reverted(LENS, Address(call["to"]), data, [load_artifact(LENS).abi]) from error
            if overrides and not _is_too_much(error):
                return b""
            raise
        return bytes.fromhex(answer[2:])

    async def _create(self, query: bytes, block: int | str) -> bytes:
        artifact = load_artifact(LENS_CALL)
        call = self._with_gas({"data": f"0x{artifact.init_code(query).hex()}"})
        try:
            await self.client.request("eth_call", [call, block_param(block)])
        except RpcError as error:
            data = revert_data(error) or b""
            found = artifact.abi.error_by_selector(data[:4]) if len(data) > 4 else None
            if found is None:
                raise
            is_success, answer = found.decode(data).values()
            if is_success:
                return bytes(answer)
            raise call_reverted(LENS, CODE_AT, bytes(answer), [load_artifact(LENS).abi]) from error
        raise RpcError(
            "the node did not run the lens's constructor; give LensOptions(deployed=...)", code=-32603
        )

    def _with_gas(self, call: dict[str, str]) -> dict[str, str]:
        return call if self.options.gas is None else {**call, "gas": hex(self.options.gas)}


def _is_too_much(error: RpcError) -> bool:
    return any(word in error.text.lower() for word in _TOO_MUCH)


def _ran_out(answer: LensAnswer) -> bool:
    """Whether an account has no reason for not being read: its share of the gas was too small."""
    accounts = [a for perp in answer.perps for a in perp.accounts]
    holders = [a for option in answer.options for a in option.accounts]
    return any(isinstance(a, Unread) and not a.reason for a in (*accounts, *holders))
