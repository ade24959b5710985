"""Decides a block: which offers, in which order. Pure: the same pools give the same block.

Bundles stand at the top, by what they pay per gas (tips, and payments to the fee recipient as a trial showed
them); behind them private and public transactions by effective tip, private before public at the same tip.
Whatever was first wins a tie. Who cannot be next at his nonce waits until he can, or is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from trimtab.model.ids import Address
from trimtab.tx.opening import OpenedTx
from trimtab.world.relay.offers import Kind, Offer

_KINDS = tuple(Kind)


@dataclass(frozen=True, slots=True)
class Frame:
    """The block to be filled: its number, unix time, base fee and gas limit, and each sender's next nonce."""

    number: int
    at: int
    base_fee: int
    gas_limit: int
    nonces: Mapping[Address, int]


@dataclass(frozen=True, slots=True)
class Placed:
    """An offer with those of its transactions that are in: all but the ones it allows to be dropped."""

    offer: Offer
    txs: tuple[OpenedTx, ...]


@dataclass(frozen=True, slots=True)
class Gain:
    """What a trial of a bundle alone brought: `income` for the fee recipient in wei, gas used."""

    income: int
    gas_used: int


def tip_of(tx: OpenedTx, base_fee: int) -> int:
    """Wei per gas beyond the base fee; below zero when it cannot be in the block."""
    return min(tx.fee_cap, tx.price_at(base_fee)) - base_fee


def score_of(offer: Offer, base_fee: int, gain: Gain | None = None) -> int:
    """What an offer pays in wei per gas; without a trial, as its gas limits would have it."""
    if gain is not None and gain.gas_used:
        return gain.income // gain.gas_used
    gas = sum(step.tx.fields.gas_limit for step in offer.steps)
    income = sum(step.tx.fields.gas_limit * tip_of(step.tx, base_fee) for step in offer.steps)
    return income // gas if gas else 0


def arrange(
    offers: Iterable[Offer], frame: Frame, gains: Mapping[str, Gain] | None = None
) -> tuple[Placed, ...]:
    """The block's content in its order."""
    known = gains or {}

    def rank(offer: Offer) -> tuple[bool, int, int, int]:
        score = score_of(offer, frame.base_fee, known.get(offer.name))
        return offer.kind is not Kind.BUNDLE, -score, _KINDS.index(offer.kind), offer.turn

    waiting = sorted((o for o in offers if o.is_open(frame.number, frame.at)), key=rank)
    filling = _Filling(frame)
    while (taken := next((o for o in waiting if filling.take(o)), None)) is not None:
        waiting.remove(taken)
    return tuple(filling.placed)


class _Filling:
    """A block while it is filled."""

    def __init__(self, frame: Frame) -> None:
        self.placed: list[Placed] = []
        self._frame = frame
        self._nonces = dict(frame.nonces)
        self._gas_left = frame.gas_limit

    def take(self, offer: Offer) -> bool:
        """Put the offer next; False when it cannot be next."""
        nonces = dict(self._nonces)
        txs = []
        for step in offer.steps:
            tip = tip_of(step.tx, self._frame.base_fee)
            is_next = step.tx.fields.nonce == nonces.get(step.tx.sender, 0)
            if is_next and tip >= int(offer.needs_tip):
                txs.append(step.tx)
                nonces[step.tx.sender] = step.tx.fields.nonce + 1
            elif not step.may_drop:
                return False
        gas = sum(tx.fields.gas_limit for tx in txs)
        if not txs or gas > self._gas_left:
            return False
        self.placed.append(Placed(offer, tuple(txs)))
        self._nonces = nonces
        self._gas_left -= gas
        return True


def first_broken(placed: Sequence[Placed], statuses: Mapping[str, bool]) -> tuple[Offer, str] | None:
    """The first offer whose promise a mined block broke, and how. `statuses`: success by hash of what is in
    the block. A public transaction was promised nothing."""
    for item in placed:
        allowed = {s.tx.tx_hash: s for s in item.offer.steps}
        for tx in item.txs if item.offer.kind is not Kind.PUBLIC else ():
            step, status = allowed[tx.tx_hash], statuses.get(tx.tx_hash)
            if status is None and not step.may_drop:
                return item.offer, f"the chain did not take {tx.tx_hash}"
            if status is False and not step.may_revert:
                return item.offer, f"{tx.tx_hash} reverted"
    return None
