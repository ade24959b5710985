"""Relays over the model chain, and routes to them in virtual time: they refuse, are silent, lie, and keep
what they have."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.tx.model_chain import ModelChain, ModelTx
from tests.tx.model_node import HALF_TRIP, Fault, Trouble, decode_raw

from trimtab.chain.rpc_errors import SendClass
from trimtab.model.ids import Address
from trimtab.tx.lanes import Lane
from trimtab.tx.routes.base import Parcel, Sending, SendResult
from trimtab.tx.routes.public import result_of
from trimtab.tx.states import Outcome

if TYPE_CHECKING:
    from tests.tx.shell_world import Life


@dataclass(frozen=True)
class Offer:
    """What came in one parcel. A bundle is for its target alone."""

    txs: tuple[ModelTx, ...]
    target: int
    last_block: int
    is_bundle: bool

    def fits(self, block: int) -> bool:
        return block == self.target if self.is_bundle else block <= self.last_block


class ModelRelay:
    """One private endpoint's server. `kept` is what it would include, by name; `hoard` all that it ever had.
    `lies`: what it refuses it keeps."""

    def __init__(self, name: str, chain: ModelChain, account: Address, lanes: frozenset[Lane]) -> None:
        self.name = name
        self.chain = chain
        self.account = account
        self.lanes = lanes
        self.lies = False
        self.kept: dict[str, Offer] = {}
        self.hoard: list[Offer] = []
        self.troubles: deque[Trouble] = deque()
        self.received: Callable[[ModelRelay, Parcel], None] = lambda *_: None

    def heal(self) -> None:
        self.lies = False
        self.troubles.clear()

    def take(self, parcel: Parcel) -> SendClass | None:
        """An honest answer; None is a yes."""
        self.received(self, parcel)
        txs = tuple(decode_raw(raw, self.account) for raw in parcel.raws)
        offer = Offer(txs, parcel.target, parcel.last_block, parcel.lane is Lane.BUNDLE)
        self.hoard.append(offer)
        if txs[0].nonce < self.chain.nonce():
            return SendClass.NONCE_LOW
        self.kept[parcel.name] = offer
        return None

    def forget(self, parcel: Parcel) -> None:
        self.kept.pop(parcel.name, None)

    def offers(self, block: int) -> list[Offer]:
        return [offer for offer in self.kept.values() if offer.fits(block)]


class RelayRoute:
    """One process's way to one relay. What was under way when it died may still arrive."""

    def __init__(self, relay: ModelRelay, life: Life) -> None:
        self.name = relay.name
        self.lanes = relay.lanes
        self.endpoints = (relay.name,)
        self._relay = relay
        self._life = life

    def send(self, parcel: Parcel) -> Sequence[Sending]:
        if parcel.lane not in self.lanes:
            raise ValueError(f"the route {self.name} takes no {parcel.lane} parcels")
        return [self._send(parcel)]

    async def withdraw(self, parcel: Parcel) -> None:
        await asyncio.sleep(HALF_TRIP)
        self._relay.forget(parcel)

    async def _send(self, parcel: Parcel) -> Sequence[SendResult]:
        relay = self._relay
        trouble = relay.troubles.popleft() if relay.troubles else None
        fault = trouble.fault if trouble else None
        self._life.spark("request")
        await asyncio.sleep(HALF_TRIP)
        if self._life.heir is not None or fault is Fault.REFUSED:
            return self._unknown(parcel)
        if fault in (Fault.LOST, Fault.LATE):
            if fault is Fault.LATE:
                self._life.loop.call_later(31.0, relay.take, parcel)
            await asyncio.sleep(100.0)
        if fault is Fault.SLOW:
            await asyncio.sleep(20.0)
        if trouble is not None and fault is Fault.REJECT:
            if relay.lies:
                relay.take(parcel)
            return [result_of(self.name, trouble.refusal, "no")] * len(parcel.raws)
        said = relay.take(parcel)
        self._life.spark("delivered")
        if fault is Fault.SILENT:
            await asyncio.sleep(100.0)
        await asyncio.sleep(HALF_TRIP)
        if fault in (Fault.CUT, Fault.ERROR, Fault.HTML):
            return self._unknown(parcel)
        if said is None:
            return [SendResult(self.name, Outcome.ACCEPTED, "")] * len(parcel.raws)
        return [result_of(self.name, said, "no")] * len(parcel.raws)

    def _unknown(self, parcel: Parcel) -> Sequence[SendResult]:
        silent = SendResult(self.name, Outcome.AMBIGUOUS, SendClass.AMBIGUOUS, "502 Bad Gateway")
        return [silent] * len(parcel.raws)
