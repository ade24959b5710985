"""Keeps the driver informed: follows heads, looks at the chain while something is in flight."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing

from trimtab.chain.chains import chain_info
from trimtab.chain.client import Client
from trimtab.chain.heads import ReorgNotice
from trimtab.chain.receipt import Block
from trimtab.errors import ConfigError, HaltError, ReorgError, RpcError, TransportError
from trimtab.model.ids import Address, BlockHash
from trimtab.runtime.clock import wait_for_event
from trimtab.tx import events as e
from trimtab.tx.driver import Driver
from trimtab.tx.observe import Look, Sighting, mined_of, observe
from trimtab.tx.options import SenderOptions
from trimtab.tx.states import State
from trimtab.tx.voting import read_pending_nonce

logger = logging.getLogger(__name__)

FIRST_LOOK = 0.02
"""Seconds after a broadcast: a local node mines at once."""
IDLE_LOOK = 30.0
"""Seconds between looks with nothing in flight: the balance, and whether another uses the key."""
SLOWEST_LOOK = 4.0
FULL_LOOK_EVERY = 16


class Watcher:
    """Two loops for the sender's task group: `follow_heads` and `look`."""

    def __init__(self, client: Client, account: Address, driver: Driver, options: SenderOptions) -> None:
        self._client = client
        self._account = account
        self._driver = driver
        self._options = options
        self._block_seconds = 0.0
        self._last_head: Block | None = None
        self._delay = FIRST_LOOK
        self._looks = 0
        self._undone = 0

    async def recover(self) -> None:
        """T16, before anything new. Raises `TransportError` when the node cannot be asked, `ConfigError` when
        the journal tells of another chain than the node's."""
        genesis = await self._read_genesis()
        nonce = await read_pending_nonce(self._client, self._account)
        seen = await self._see(full=True)
        if seen is None:
            raise RpcError("the node does not say what its latest block is; is it syncing?", code=-32000)
        driver = self._driver
        _check_same_chain(driver.state, genesis, max(nonce, seen.account_nonce or 0))
        await self._check_landmark()
        if driver.state.intents and nonce > driver.state.most_used:
            logger.warning(
                "%s has used nonce %d, and the journal next uses %d: the key was used elsewhere, or the "
                "journal is an old copy that knows nothing of what was sent since",
                self._account,
                nonce - 1,
                driver.state.nonces.next,
            )
        driver.feed(e.Recovered(nonce, seen.head.number, driver.clock.now(), driver.ways, genesis))
        self._feed(seen)

    async def _read_genesis(self) -> BlockHash | None:
        try:
            block = await self._client.find_block(0)
        except RpcError:  # a node that prunes, or starts from a checkpoint
            return None
        return block.hash if block is not None else None

    async def _check_landmark(self) -> None:
        """The block of our latest final transaction is still the chain's: forks of one chain share its
        beginning, and a local chain of fixed time begins anew with the same block."""
        ended = [slot for slot in self._driver.state.finished.values() if slot.mined is not None]
        last = max(ended, key=lambda slot: slot.nonce, default=None)
        if last is None or last.mined is None:
            return
        try:
            block = await self._client.find_block(last.mined.block)
        except RpcError:  # a node that prunes
            return
        if block is not None and block.hash != last.mined.block_hash:
            raise ConfigError(
                f"the journal has nonce {last.nonce} as final in block {last.mined.block} "
                f"{last.mined.block_hash}, the node's is {block.hash}: it tells of another chain, or of "
                "another fork of one. Give this chain a journal of its own",
                key="journal.path",
            )

    async def _check_undone(self, seen: Sighting) -> None:
        """Raise `HaltError` when the chain, look after look, has not used a nonce that is final here, and no
        longer has its block: nothing that is sent above it could ever be mined."""
        state = self._driver.state
        last = state.finished[next(reversed(state.finished))] if state.finished else None
        is_waiting = last is not None and seen.account_nonce is not None and seen.account_nonce <= last.nonce
        self._undone = self._undone + 1 if is_waiting and seen.head.number >= state.head else 0
        if last is None or last.mined is None or self._undone < self._options.policy.clean_passes:
            return
        block = await self._client.find_block(last.mined.block)
        if block is not None and block.hash == last.mined.block_hash:
            return  # an old count of nonces
        raise HaltError(
            f"nonce {last.nonce} is final in block {last.mined.block} {last.mined.block_hash}, and the chain "
            f"no longer has either (its head is {seen.head.number}): it was set back or started anew. Give "
            "this chain a journal of its own"
        )

    async def follow_heads(self) -> None:
        """Each head moves the base fee and the chain's clock, and asks for a look."""
        while True:
            try:
                async with aclosing(self._client.heads()) as heads:
                    async for head in heads:
                        self._take_head(head)
            except (TransportError, RpcError, ReorgError) as error:
                logger.warning("following heads was interrupted, trying again: %s", error)
                await asyncio.sleep(1.0)

    async def look(self) -> None:
        """Look when asked, and now and then unasked."""
        while True:
            is_asked = await wait_for_event(self._driver.look_now, self._patience())
            self._delay = FIRST_LOOK if is_asked else min(self._delay * 2, self._slowest())
            if is_asked and not self._driver.state.slots:
                continue
            try:
                seen = await self._see(full=self._looks % FULL_LOOK_EVERY == 0)
                if seen is not None:
                    await self._check_undone(seen)
            except (TransportError, RpcError) as error:
                logger.warning("looking at the chain failed, trying again: %s", error)
                seen = None
            except HaltError as error:
                self._driver.stop(error)
                raise
            self._looks += 1
            if seen is None:
                self._driver.feed(e.Ticked(self._driver.clock.now(), self._driver.ways))
            else:
                self._feed(seen)

    def _take_head(self, head: Block | ReorgNotice) -> None:
        if isinstance(head, ReorgNotice):
            self._looks = 0  # the next look checks every block that holds one of ours
            return
        if self._last_head is not None:
            self._block_seconds = max(head.at - self._last_head.at, 0)
        self._last_head = head
        self._driver.market.take_head(head.number, head.base_fee)
        self._driver.clock.take_head(head.at)
        if head.number > self._driver.state.head:
            self._driver.feed(e.HeadSeen(head.number, self._driver.clock.now()))
        if self._driver.state.slots:
            self._driver.look_now.set()

    async def _see(self, *, full: bool) -> Sighting | None:
        driver, policy = self._driver, self._options.policy
        seen = await observe(
            self._client,
            self._account,
            driver.state,
            Look(
                full=full,
                safe_depth=policy.safe_depth,
                finality_depth=policy.finality_depth,
                reorg_depth=chain_info(self._client.chain_id).reorg_depth,
                quorum=policy.quorum,
                questions=driver.market.questions(self._account),
            ),
        )
        if seen is None:
            return None
        driver.market.take_head(seen.head.number, seen.head.base_fee)
        driver.market.take_answers(seen.answers)
        driver.clock.take_head(seen.head.at)
        if seen.balance is not None and seen.head.number >= driver.state.head:
            driver.balance = seen.balance
        driver.receipts.update(seen.receipts)
        return seen

    def _feed(self, seen: Sighting) -> None:
        driver, before = self._driver, self._driver.state.head
        driver.feed(
            e.Observed(
                head=seen.head.number,
                at=driver.clock.now(),
                safe=seen.safe,
                finalized=seen.finalized,
                account_nonce=seen.account_nonce,
                final_nonce=seen.final_nonce,
                mined=mined_of(seen.receipts.values()),
                absent=frozenset(seen.absent),
                canonical=seen.canonical,
                market=driver.market.terms().fees,
                base_fee=driver.market.base_fee,
                ways=driver.ways,
                readers=len(self._client.endpoints),
                witnesses=seen.votes.witnesses,
                dissent=seen.votes.dissent,
                assent=seen.votes.assent,
                is_delegated=seen.is_delegated,
            )
        )
        if driver.state.head < before:
            logger.warning("the chain went back from block %d to %d", before, driver.state.head)
            driver.market.set_back(driver.state.head)
        watched = {attempt.tx_hash for slot in driver.state.slots.values() for attempt in slot.attempts}
        driver.trials.forget(watched)
        driver.receipts = {key: kept for key, kept in driver.receipts.items() if key in watched}

    def _patience(self) -> float:
        slots = self._driver.state.slots.values()
        if any(slot.mined is None for slot in slots):
            return self._delay
        return SLOWEST_LOOK if slots else IDLE_LOOK  # a stream of heads that stalls holds up no finality

    def _slowest(self) -> float:
        """A fraction of the chain's block time: more would only repeat the same answer."""
        return min(max(self._options.poll_interval, self._block_seconds / 4), SLOWEST_LOOK)


def _check_same_chain(state: State, genesis: BlockHash | None, account_nonce: int) -> None:
    """Signed bytes of one chain must not be broadcast again on another with the same id."""
    if genesis is not None and state.genesis not in (None, genesis):
        raise ConfigError(
            f"the journal tells of a chain that began with block {state.genesis}, the node's began with "
            f"{genesis}: a local chain was started anew. Give it a journal of its own",
            key="journal.path",
        )
    settled = max(state.finished, default=-1) + 1
    if account_nonce < settled:
        raise ConfigError(
            f"the journal knows every nonce below {settled} as used, the node's chain has used "
            f"{account_nonce}: the node lags far behind, or its chain was reset. Use a synced node, or "
            "another journal",
            key="journal.path",
        )
