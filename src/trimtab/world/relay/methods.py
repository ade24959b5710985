"""The JSON-RPC methods of a relay: requests in, offers for the builder and answers out."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from trimtab.model.ids import Address
from trimtab.tx.opening import OpenedTx
from trimtab.world.relay import answers, requests
from trimtab.world.relay.builder import Builder
from trimtab.world.relay.conditions import COST_LIMIT, cost_of
from trimtab.world.relay.doors import DEFAULT_BLOCKS, PROTECT, Door, is_passed_on
from trimtab.world.relay.hints import event_of, wants_logs
from trimtab.world.relay.offers import Kind, Offer, Step
from trimtab.world.relay.pool import Pool, Story
from trimtab.world.relay.requests import HashPart, MevBundle, RefusedError, TxPart, joined_hash
from trimtab.world.relay.stream import EventStream

SIGNED = frozenset(
    {
        *("eth_sendBundle", "eth_cancelBundle", "eth_callBundle", "mev_sendBundle", "mev_simBundle"),
        *("eth_sendPrivateTransaction", "eth_sendPrivateRawTransaction", "eth_cancelPrivateTransaction"),
        *("flashbots_getUserStats", "flashbots_getUserStatsV2"),
        *("flashbots_getBundleStats", "flashbots_getBundleStatsV2"),
    }
)
"""What is refused without a signature of the body."""
REJECTED = -32003
TOO_COSTLY = -32005


@dataclass(frozen=True, slots=True)
class Asked:
    """One call of a relay's method: by which door, with which URL parameters, signed by whom."""

    method: str
    params: Sequence[Any]
    door: Door = PROTECT
    signer: Address | None = None
    query: tuple[tuple[str, str], ...] = ()


class Methods:
    """What one relay can be asked. `pool` is where it puts what it takes."""

    def __init__(
        self, name: str, builder: Builder, pool: Pool, stream: EventStream, *, passes_on: bool = False
    ) -> None:
        self._passes_on = passes_on
        self._name = name
        self._builder = builder
        self._pool = pool
        self._stream = stream
        self._paid: dict[Address, tuple[int, int]] = {}
        self._table: dict[str, Callable[[Asked], Awaitable[Any]]] = {
            "eth_sendPrivateTransaction": self._send_private,
            "eth_sendPrivateRawTransaction": self._send_private_raw,
            "eth_cancelPrivateTransaction": self._cancel_private,
            "eth_sendRawTransaction": self._send_raw,
            "eth_sendRawTransactionConditional": self._send_conditional,
            "eth_sendBundle": self._send_bundle,
            "eth_cancelBundle": self._cancel_bundle,
            "eth_callBundle": self._call_bundle,
            "mev_sendBundle": self._send_mev_bundle,
            "mev_simBundle": self._sim_mev_bundle,
            "flashbots_getUserStats": self._user_stats,
            "flashbots_getUserStatsV2": self._user_stats,
            "flashbots_getBundleStats": self._bundle_stats,
            "flashbots_getBundleStatsV2": self._bundle_stats,
        }

    def __contains__(self, method: str) -> bool:
        return method in self._table

    def with_pool(self, pool: Pool) -> Methods:
        """The same, taking into another pool."""
        return Methods(self._name, self._builder, pool, self._stream, passes_on=self._passes_on)

    async def answer(self, asked: Asked) -> Any:
        """The result. Raises `RefusedError`."""
        return await self._table[asked.method](asked)

    async def _send_private(self, asked: Asked) -> str:
        request = requests.read_private(asked.params)
        hints = asked.door.hints if request.hints is None else request.hints
        return await self._take(asked, request.tx, request.last_block, hints, is_fast=request.is_fast)

    async def _send_private_raw(self, asked: Asked) -> str:
        preferences = requests.read_object(asked.params, 1) if len(asked.params) > 1 else {}
        given = {"tx": asked.params[0] if asked.params else None, "preferences": preferences}
        return await self._send_private(replace(asked, params=[given]))

    async def _send_raw(self, asked: Asked) -> str:
        tx = requests.read_tx(asked.params[0] if asked.params else None)
        door, url = asked.door, requests.read_url(asked.query)
        is_soft = door is PROTECT or url.has_soft_cancel
        if door.has_soft_cancel and is_soft and _is_cancellation(tx):
            waiting = self._pool.waiting_at(tx.sender, tx.fields.nonce)
            if waiting is not None and self._pool.cancel_private(waiting.tx.tx_hash, waiting.signer):
                return tx.tx_hash
        if door is PROTECT and (url.is_open or (self._passes_on and is_passed_on(tx))):
            refused = await self._builder.publish(tx)
            if refused is not None:
                raise RefusedError(refused)
            if not url.is_open:
                return tx.tx_hash
        if door is PROTECT and url.can_revert:
            asked = replace(asked, door=replace(door, may_revert=True))
        last = (await self._builder.head()).number + (url.blocks or DEFAULT_BLOCKS)
        return await self._take(asked, tx, last, door.hints if url.hints is None else url.hints)

    async def _take(
        self, asked: Asked, tx: OpenedTx, last: int | None, hints: Iterable[str], *, is_fast: bool = False
    ) -> str:
        """Hold a private transaction until its last block."""
        head = (await self._builder.head()).number
        last_block = head + DEFAULT_BLOCKS if last is None else last
        if last_block <= head:
            raise RefusedError(f"maxBlockNumber {last_block} has passed: the head is {head}")
        await self._check_nonce(tx)
        offer = Offer(
            name=tx.tx_hash,
            kind=Kind.PRIVATE,
            steps=(Step(tx, may_revert=asked.door.may_revert),),
            turn=next(self._builder.turns),
            last_block=last_block,
            needs_tip=asked.door.needs_tip,
            signer=asked.signer,
            relay=self._name,
        )
        story = Story(tx, asked.door, asked.signer, time.time(), last_block, is_fast)
        self._pool.put_private(offer, story)
        await self._tell(offer, hints)
        return tx.tx_hash

    async def _check_nonce(self, tx: OpenedTx) -> None:
        state = await self._builder.nonce(tx.sender)
        if tx.fields.nonce < state:
            raise RefusedError(f"nonce too low: address {tx.sender}, tx: {tx.fields.nonce} state: {state}")

    async def _cancel_private(self, asked: Asked) -> bool:
        tx_hash = str(requests.read_object(asked.params).get("txHash", "")).lower()
        return self._pool.cancel_private(tx_hash, asked.signer)

    async def _send_conditional(self, asked: Asked) -> str:
        """A sequencer's: the conditions hold now and are looked at again for the block."""
        if not asked.door.is_sequencer:
            raise RefusedError(
                "the method eth_sendRawTransactionConditional does not exist", requests.NO_METHOD
            )
        tx = requests.read_tx(asked.params[0] if asked.params else None)
        options = requests.read_object(asked.params, 1) if len(asked.params) > 1 else {}
        known = options.get("knownAccounts") or {}
        if (cost := cost_of(known)) > COST_LIMIT:
            raise RefusedError(f"conditional cost, {cost}, exceeded {COST_LIMIT}", TOO_COSTLY)
        names = ("blockNumberMin", "blockNumberMax", "timestampMin", "timestampMax")
        least, most, begin, end = (
            None if options.get(name) is None else requests.read_quantity(options[name], name)
            for name in names
        )
        await self._check_nonce(tx)
        offer = Offer(
            name=tx.tx_hash,
            kind=Kind.PRIVATE,
            steps=(Step(tx, may_revert=True),),
            turn=next(self._builder.turns),
            first_block=least or 0,
            last_block=most,
            min_time=begin or 0,
            max_time=end,
            known_accounts=known,
            relay=self._name,
        )
        if refused := await self._builder.read_refusal(offer):
            raise RefusedError(refused, REJECTED)
        last = (await self._builder.head()).number + DEFAULT_BLOCKS if most is None else most
        story = Story(tx, asked.door, None, time.time(), last)
        self._pool.put_private(replace(offer, last_block=last), story)
        return tx.tx_hash

    async def _send_bundle(self, asked: Asked) -> dict[str, str]:
        request = requests.read_bundle(asked.params)
        if not request.txs:
            self._pool.cancel_bundles(asked.signer, request.replacement)
            return {"bundleHash": joined_hash([])}
        await self._check_block(request.block)
        steps = tuple(
            Step(tx, may_revert=tx.tx_hash in request.reverting, may_drop=tx.tx_hash in request.dropping)
            for tx in request.txs
        )
        offer = Offer(
            name=joined_hash([tx.tx_hash for tx in request.txs]),
            kind=Kind.BUNDLE,
            steps=steps,
            turn=next(self._builder.turns),
            first_block=request.block,
            last_block=request.block,
            min_time=request.min_time,
            max_time=request.max_time,
            signer=asked.signer,
            replacement=request.replacement,
            relay=self._name,
        )
        self._pool.put_bundle(offer)
        return {"bundleHash": offer.name} | ({"smart": "true"} if request.builders else {})

    async def _check_block(self, last: int) -> None:
        head = (await self._builder.head()).number
        if last <= head:
            raise RefusedError(f"block {last} has passed: the head is {head}")

    async def _cancel_bundle(self, asked: Asked) -> list[str]:
        replacement = str(requests.read_object(asked.params).get("replacementUuid") or "")
        if not replacement:
            raise RefusedError("replacementUuid is missing", requests.INVALID_PARAMS)
        return self._pool.cancel_bundles(asked.signer, replacement)

    async def _call_bundle(self, asked: Asked) -> dict[str, Any]:
        given = requests.read_object(asked.params)
        txs = [requests.read_tx(raw) for raw in given.get("txs") or ()]
        if not txs:
            raise RefusedError("missing bundle txs", requests.INVALID_PARAMS)
        state = given.get("stateBlockNumber", "latest")
        block = None if state in ("latest", "pending") else requests.read_quantity(state, "stateBlockNumber")
        at = given.get("timestamp")
        simulation = await self._builder.simulate(
            txs, block=block, at=None if not at else requests.read_quantity(at, "timestamp")
        )
        self._count(asked.signer, simulation.coinbase_diff, simulation.gas_used)
        return answers.call_bundle_answer(simulation)

    async def _send_mev_bundle(self, asked: Asked) -> dict[str, str]:
        bundle = requests.read_mev_bundle(requests.read_object(asked.params))
        first, last, steps = self._flatten(bundle)
        await self._check_block(last)
        if last < first:
            raise RefusedError("invalid inclusion")
        offer = Offer(
            name=bundle.hash,
            kind=Kind.BUNDLE,
            steps=tuple(steps),
            turn=next(self._builder.turns),
            first_block=first,
            last_block=last,
            signer=asked.signer,
            relay=self._name,
        )
        self._pool.put_bundle(offer)
        await self._tell(offer, bundle.hints or ())
        return {"bundleHash": offer.name}

    def _flatten(self, bundle: MevBundle) -> tuple[int, int, list[Step]]:
        """The blocks that all parts allow, and the transactions in order; a hash is what waits under it."""
        first, last, steps = bundle.first_block, bundle.last_block, list[Step]()
        for part in bundle.parts:
            if isinstance(part, TxPart):
                steps.append(Step(part.tx, may_revert=part.can_revert))
                continue
            if isinstance(part, HashPart):
                found = self._pool.find(self._stream.names.get(part.hash, part.hash))
                if found is None:
                    raise RefusedError("backrun not found")
                inner = (found.first_block, found.last_block or last, list(found.steps))
            else:
                inner = self._flatten(part)
            first, last = max(first, inner[0]), min(last, inner[1])
            steps += inner[2]
        return first, last, steps

    async def _sim_mev_bundle(self, asked: Asked) -> dict[str, Any]:
        bundle = requests.read_mev_bundle(requests.read_object(asked.params))
        options = asked.params[1] if len(asked.params) > 1 else {}
        _, _, steps = self._flatten(bundle)
        parent, at = options.get("parentBlock"), options.get("timestamp")
        simulation = await self._builder.simulate(
            [step.tx for step in steps],
            block=None if parent in (None, "latest") else requests.read_quantity(parent, "parentBlock"),
            at=None if not at else requests.read_quantity(at, "timestamp"),
        )
        self._count(asked.signer, simulation.coinbase_diff, simulation.gas_used)
        may_revert = frozenset(step.tx.tx_hash for step in steps if step.may_revert)
        return answers.sim_bundle_answer(simulation, may_revert)

    def _count(self, signer: Address | None, paid: int, gas: int) -> None:
        if signer is not None:
            before = self._paid.get(signer, (0, 0))
            self._paid[signer] = (before[0] + paid, before[1] + gas)

    async def _user_stats(self, asked: Asked) -> dict[str, Any]:
        counted = self._paid.get(asked.signer, (0, 0)) if asked.signer else (0, 0)
        shape = answers.user_stats if asked.method.endswith("V2") else answers.user_stats_v1
        return shape(*counted)

    async def _bundle_stats(self, asked: Asked) -> dict[str, Any]:
        given = requests.read_object(asked.params)
        key = (str(given.get("bundleHash")), requests.read_quantity(given.get("blockNumber"), "blockNumber"))
        shape = answers.bundle_stats if asked.method.endswith("V2") else answers.bundle_stats_v1
        return shape(self._pool.bundles.get(key))

    async def _tell(self, offer: Offer, hints: Iterable[str]) -> None:
        """An event of what was taken. Its logs are found out only when somebody listens."""
        allowed = tuple(hints)
        if not allowed:
            return
        txs = [step.tx for step in offer.steps]
        logs: list[Mapping[str, Any]] = []
        if wants_logs(allowed) and self._stream.has_listeners:
            results = (await self._builder.simulate(txs)).results
            logs = [log for result in results for log in result.logs]
        event = event_of(offer.name, txs, allowed, logs)
        if event is not None:
            head = await self._builder.head()
            self._stream.add(offer.name, event, head.number, head.at)


def _is_cancellation(tx: OpenedTx) -> bool:
    return tx.fields.to == tx.sender and not tx.fields.data
