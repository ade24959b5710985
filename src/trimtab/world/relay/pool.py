"""What one relay holds for its builder, and what became of each transaction that it was given."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from trimtab.model.ids import Address
from trimtab.tx.opening import OpenedTx
from trimtab.world.relay.builder import Built
from trimtab.world.relay.doors import Door
from trimtab.world.relay.offers import Kind, Offer


class State(StrEnum):
    """Of a private transaction, in the words of Protect's status API."""

    PENDING = "PENDING"
    INCLUDED = "INCLUDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    UNKNOWN = "UNKNOWN"


@dataclass(slots=True)
class Story:
    """One private transaction from its arrival on; `at` in unix seconds."""

    tx: OpenedTx
    door: Door
    signer: Address | None
    at: float
    last_block: int
    is_fast: bool = False
    state: State = State.PENDING
    block_hash: str | None = None
    sim_error: str = ""


@dataclass(slots=True)
class BundleStory:
    """One bundle for one block, or for several; unix seconds."""

    hash: str
    first_block: int
    last_block: int
    signer: Address | None
    at: float
    considered_at: float | None = None
    sealed_at: float | None = None


@dataclass(slots=True)
class Pool:
    """A relay's pool. Bundles and private transactions that can no longer be in a block are forgotten."""

    stories: dict[str, Story] = field(default_factory=dict)
    bundles: dict[tuple[str, int], BundleStory] = field(default_factory=dict)
    _held: dict[tuple[str, int], Offer] = field(default_factory=dict)

    def clear(self) -> None:
        """Hold nothing, and know nothing."""
        for known in (self.stories, self.bundles, self._held):
            known.clear()

    def put_private(self, offer: Offer, story: Story) -> None:
        """Hold a private transaction. Given again, it keeps its turn and gets the new last block."""
        self._hold((offer.name, 0), offer)
        self.stories[offer.name] = story

    def put_bundle(self, offer: Offer) -> None:
        """Hold a bundle; others of its signer with the same replacement uuid give way to it."""
        self.cancel_bundles(offer.signer, offer.replacement)
        key = (offer.name, offer.first_block)
        self._hold(key, offer)
        self.bundles[key] = BundleStory(
            offer.name, offer.first_block, offer.last_block or offer.first_block, offer.signer, time.time()
        )

    def cancel_bundles(self, signer: Address | None, replacement: str) -> list[str]:
        """Forget the bundles of a signer's replacement uuid: their hashes."""
        gone = [
            key
            for key, offer in self._held.items()
            if replacement and offer.replacement == replacement and offer.signer == signer
        ]
        return [self._held.pop(key).name for key in gone]

    def cancel_private(self, tx_hash: str, signer: Address | None) -> bool:
        """Forget a private transaction; only for who sent it, and only while it waits."""
        story = self.stories.get(tx_hash)
        if story is None or story.signer != signer or (tx_hash, 0) not in self._held:
            return False
        del self._held[tx_hash, 0]
        story.state = State.CANCELLED
        return True

    def waiting_at(self, sender: Address, nonce: int) -> Story | None:
        """The private transaction that waits at an account's nonce."""
        for name, _ in self._held:
            story = self.stories.get(name)
            if story and story.tx.sender == sender and story.tx.fields.nonce == nonce:
                return story
        return None

    def find(self, name: str) -> Offer | None:
        """What waits under a hash: a private transaction or a bundle."""
        return next((offer for (held, _), offer in self._held.items() if held == name), None)

    def offers(self, number: int) -> Sequence[Offer]:
        """What may still be in the block of this number."""
        self._forget(number)
        for offer in self._held.values():
            story = self.bundles.get((offer.name, offer.first_block))
            if story and offer.first_block <= number and story.considered_at is None:
                story.considered_at = time.time()
        return list(self._held.values())

    def settle(self, built: Built) -> None:
        """Learn what a block has, and what the block that it replaced no longer has."""
        included = set(built.tx_hashes)
        for tx_hash, story in self.stories.items():
            if tx_hash in included:
                story.state, story.block_hash = State.INCLUDED, built.hash
            elif story.block_hash is not None and story.block_hash == built.instead_of:
                is_over = story.last_block <= built.number
                story.state, story.block_hash = State.FAILED if is_over else State.PENDING, None
        self._note_bundles(built.included)
        for offer, reason in built.dropped.items():
            if offer.name in self.stories:
                self.stories[offer.name].sim_error = reason
        if built.instead_of is None:
            self._forget(built.number + 1)

    def _hold(self, key: tuple[str, int], offer: Offer) -> None:
        """What is given again keeps its turn."""
        before = self._held.get(key)
        self._held[key] = offer if before is None else replace(offer, turn=before.turn)

    def _note_bundles(self, included: Iterable[Offer]) -> None:
        for offer in included:
            story = self.bundles.get((offer.name, offer.first_block))
            if story is not None and offer.kind is Kind.BUNDLE:
                story.sealed_at = time.time()

    def _forget(self, number: int) -> None:
        """Let go what no block from this number on may include."""
        for key in [key for key, offer in self._held.items() if offer.is_expired(number)]:
            offer = self._held.pop(key)
            story = self.stories.get(offer.name)
            if story is not None and story.state is State.PENDING:
                story.state = State.FAILED
