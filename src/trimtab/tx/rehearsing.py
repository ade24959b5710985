"""Run signed bytes in the next block before they leave: by what the node has, the most telling first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from trimtab.chain import wire
from trimtab.chain.chains import chain_info
from trimtab.chain.client import Client
from trimtab.errors import (
    ConnectionLostError,
    InsufficientFundsError,
    RateLimitedError,
    RpcError,
    TransportError,
)
from trimtab.model.ids import Address
from trimtab.tx import rehearsal_answers as answers
from trimtab.tx.answers import is_unsupported, malformed_as_error, read_address, read_quantity
from trimtab.tx.opening import OpenedTx, open_signed
from trimtab.tx.rehearsal import (
    Lineup,
    Method,
    Rehearsal,
    RehearsedTx,
    Target,
    check_openable,
    line_up,
)
from trimtab.tx.routes.relay import Relay
from trimtab.tx.states import Outcome

AskRelay: TypeAlias = Callable[[str, Sequence[Any]], Awaitable[Any]]
"""A method and its parameters to a relay's result. Raises `RpcError` or `TransportError`."""
_FUNDS = ("insufficient funds", "insufficient balance")
_Found: TypeAlias = tuple[list[RehearsedTx], tuple[str, ...]]


class Rehearser:
    """Rehearses signed bytes on one chain, and remembers what its node does not have. `relay` sees the bytes:
    give one that may have them."""

    def __init__(self, client: Client, *, relay: AskRelay | None = None) -> None:
        self._client = client
        self._relay = relay
        self._without = set() if relay is not None else {Method.CALL_BUNDLE}
        self._overrides_blocks = True

    async def rehearse(
        self,
        raws: Sequence[bytes],
        *,
        ahead: Sequence[bytes] = (),
        block: int | str = "latest",
        at: int | None = None,
    ) -> Rehearsal:
        """What these bytes do, in this order, in the block after `block` (a number or a tag).

        `ahead` are signed bytes that come before them and that the node does not know; those that are in the
        chain already do no harm. `at` is the time of the block, else its parent's and the chain's usual
        interval.

        A revert is a result (`check_succeeds` makes an error of it). Raises `IntentError` for bytes that are
        no transaction, `WrongChainError`, `NonceConflictError`, `FeeCapExceededError` and
        `InsufficientFundsError` when no such block could hold them, `RpcError` for an answer that is none of
        its method, `TransportError`.
        """
        opened, before = [open_signed(raw) for raw in raws], [open_signed(raw) for raw in ahead]
        check_openable([*before, *opened] if opened else [], self._client.chain_id)
        senders = tuple(dict.fromkeys(tx.sender for tx in (*before, *opened)))
        target, used = await self._read_target(block, senders, at)
        lineup = line_up(before, opened, used, target)
        for method in Method:
            if method in self._without or (method is Method.CALL_BUNDLE and not lineup.is_valid):
                continue  # a relay would refuse such a bundle
            found = await self._ask(method, lineup, target)
            if found is not None:
                return _rehearsal(method, target, lineup, *found)
        raise RpcError(
            f"the node has none of {', '.join(Method)}, so nothing can be rehearsed: use another node",
            code=-32601,
        )

    async def _ask(self, method: Method, lineup: Lineup, target: Target) -> _Found | None:
        """What it tells; None when it cannot be asked, which is remembered, or when a relay is away."""
        ask = {
            Method.SIMULATE_V1: self._simulate,
            Method.CALL_BUNDLE: self._call_bundle,
            Method.TRACE_CALL: self._trace,
            Method.CALL: self._call,
        }[method]
        try:
            return await ask(lineup, target)
        except RpcError as error:
            if is_unsupported(error):
                self._without.add(method)
                return None
            if any(words in error.text.lower() for words in _FUNDS):
                raise InsufficientFundsError(
                    f"a transaction cannot be paid in block {target.number} ({error.text}): fund the account"
                ) from error
            raise
        except TransportError:
            if method is Method.CALL_BUNDLE:
                return None
            raise

    async def _simulate(self, lineup: Lineup, target: Target) -> _Found:
        txs = (*lineup.ahead, *lineup.txs)
        asked = answers.simulation_of(txs, target, is_valid=lineup.is_valid)
        answer = await self._client.request(Method.SIMULATE_V1, asked)
        return answers.read_simulation(answer, txs, target, self._abis)

    async def _call_bundle(self, lineup: Lineup, target: Target) -> _Found:
        assert self._relay is not None
        txs = (*lineup.ahead, *lineup.txs)
        answer = await self._relay(Method.CALL_BUNDLE, answers.bundle_of(txs, target))
        return answers.read_bundle(answer, txs, target, self._abis), ()

    async def _trace(self, lineup: Lineup, target: Target) -> _Found:
        """One after the other: the state that each leaves is put under the next."""
        items: list[RehearsedTx] = []
        overrides: answers.Overrides = {}
        for tx in (*lineup.ahead, *lineup.txs):
            found = await self._client.batch(answers.traces_of(tx, target, overrides))
            item, overrides = answers.read_traces(
                [_checked(one) for one in found], tx, target, self._abis, overrides
            )
            items.append(item)
        return items, ()

    async def _call(self, lineup: Lineup, target: Target) -> _Found:
        txs = lineup.txs
        found = await self._call_each(txs, target)
        if self._overrides_blocks and all(map(is_unsupported, found)):
            self._overrides_blocks = False
            found = await self._call_each(txs, target)
        for one in found:
            if isinstance(one, RateLimitedError) or is_unsupported(one):
                raise one
        items = [answers.read_call(one, tx, target, self._abis) for one, tx in zip(found, txs, strict=True)]
        unseen = () if self._overrides_blocks else ("eth_call ran in the block before, not in the target",)
        alone = len(lineup.ahead) + len(txs) > 1
        return items, (*unseen, *(("eth_call ran each transaction alone",) if alone else ()))

    async def _call_each(self, txs: Sequence[OpenedTx], target: Target) -> list[Any]:
        return await self._client.batch(
            [answers.call_of(tx, target, with_block=self._overrides_blocks) for tx in txs]
        )

    async def _read_target(
        self, block: int | str, senders: Sequence[Address], at: int | None
    ) -> tuple[Target, dict[Address, int]]:
        """The block that comes after `block`, and the nonces that the senders have used by then."""
        header, fees, after, nonces = await self._read_head(block, senders)
        if header is None:
            raise RpcError(f"the node has no block {block}; it may not be there yet", code=-32001)
        with malformed_as_error():
            number = read_quantity(header["number"])
            if read_quantity(fees["oldestBlock"]) != number:  # a block came in between: stay at the first
                header, fees, after, nonces = await self._read_head(number, senders)
            if read_quantity(fees["oldestBlock"]) != number:
                raise ValueError(f"fees of block {fees['oldestBlock']} instead of {number}")
            target = self._next(header, fees) if after is None else _mined(after)
            target = target if at is None else replace(target, at=at)
            return target, {who: read_quantity(nonce) for who, nonce in zip(senders, nonces, strict=True)}

    async def _read_head(
        self, block: int | str, senders: Sequence[Address]
    ) -> tuple[Any, Any, Any, list[Any]]:
        """The header, the fees of the block after it by the chain's own rule, that block if there is one
        already, and the nonces."""
        ref = wire.block_param(block)
        asked: list[tuple[str, list[Any]]] = [("eth_getBlockByNumber", [ref, False])]
        asked.append(("eth_feeHistory", ["0x1", ref, []]))
        asked += [("eth_getTransactionCount", [who, ref]) for who in senders]
        if isinstance(block, int):
            asked.append(("eth_getBlockByNumber", [hex(block + 1), False]))
        header, fees, *rest = [_checked(one) for one in await self._client.batch(asked)]
        after = rest.pop() if isinstance(block, int) else None
        return header, fees, after, rest

    def _next(self, header: Any, fees: Any) -> Target:
        """The block that is not there yet."""
        interval = max(round(chain_info(self._client.chain_id).block_time), 1)
        return Target(
            parent=read_quantity(header["number"]),
            at=read_quantity(header["timestamp"]) + interval,
            base_fee=read_quantity(fees["baseFeePerGas"][-1]),
            coinbase=read_address(header["miner"]),
        )

    @property
    def _abis(self) -> answers.Abis:
        return self._client.options.error_abis


async def rehearse(
    client: Client,
    raws: Sequence[bytes],
    *,
    ahead: Sequence[bytes] = (),
    block: int | str = "latest",
    relay: AskRelay | None = None,
    at: int | None = None,
) -> Rehearsal:
    """One rehearsal, without a memory: see `Rehearser.rehearse`."""
    return await Rehearser(client, relay=relay).rehearse(raws, ahead=ahead, block=block, at=at)


def ask_of(relay: Relay) -> AskRelay:
    """How a rehearsal asks this relay. What it does not answer is as if it were away."""

    async def ask(method: str, params: Sequence[Any]) -> Any:
        heard = await relay.ask(method, params)
        if heard.trouble is None:
            return heard.result
        words = f"{relay.name}: {heard.trouble.message}"
        if heard.trouble.outcome is Outcome.REJECTED:
            raise RpcError(words, code=-32000, method=method)
        raise ConnectionLostError(words)

    return ask


def _rehearsal(
    method: Method, target: Target, lineup: Lineup, items: list[RehearsedTx], unseen: tuple[str, ...]
) -> Rehearsal:
    first = len(items) - len(lineup.txs)
    gaps = map(_gap, lineup.missing)
    late = (f"nonce {nonce} pays too little for this block" for nonce in lineup.waiting)
    return Rehearsal(method, target, tuple(items[first:]), tuple(items[:first]), (*gaps, *late, *unseen))


def _gap(missing: range) -> str:
    first, last = missing.start, missing.stop - 1  # a nonce may be too large for what len() counts
    return f"nonce {first} is missing" if first == last else f"nonces {first} to {last} are missing"


def _mined(header: Any) -> Target:
    """A block that is there already, as it was."""
    return Target(
        parent=read_quantity(header["number"]) - 1,
        at=read_quantity(header["timestamp"]),
        base_fee=read_quantity(header.get("baseFeePerGas") or 0),
        coinbase=read_address(header["miner"]),
    )


def _checked(answer: Any) -> Any:
    if isinstance(answer, Exception):
        raise answer
    return answer
