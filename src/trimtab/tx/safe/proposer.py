"""Proposes to one Safe, each intent exactly once: durable before it is posted, and never a second time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self

from trimtab.chain.chains import chain_info
from trimtab.chain.client import Client
from trimtab.errors import (
    ChainError,
    IntentError,
    NonceConflictError,
    OutcomeUnknownError,
    RouteRefusedError,
    TransportError,
)
from trimtab.journal import Journal
from trimtab.model.ids import Address
from trimtab.tx.safe.account import SafeAccount
from trimtab.tx.safe.book import Book, Entry, Standing, ended, posted, refused, stream_of
from trimtab.tx.safe.drafting import Drafter
from trimtab.tx.safe.intent import SafeIntent
from trimtab.tx.safe.options import SafeOptions
from trimtab.tx.safe.outcome import Executed, Failed, Ledger, Proposed, Replaced, SafeOutcome
from trimtab.tx.safe.safe_tx import SafeTxHash
from trimtab.tx.safe.service import SafeService
from trimtab.tx.signers.base import Signer
from trimtab.tx.states import Outcome

logger = logging.getLogger(__name__)

_ORIGIN_LENGTH = 200
_LONGEST_WAIT_SECONDS = 30.0
"""However long a service asks to be left alone: then the caller is told."""


class Proposal:
    """Given by `SafeProposer.propose`. It holds no state of its own."""

    def __init__(self, key: str, proposer: SafeProposer) -> None:
        self.key = key
        self._proposer = proposer

    def __repr__(self) -> str:
        return f"<Proposal {self.key} {self.safe_tx_hash} nonce={self.nonce}>"

    @property
    def nonce(self) -> int:
        """The Safe's, not the account's."""
        return self._proposer.entry(self.key).nonce

    @property
    def safe_tx_hash(self) -> SafeTxHash:
        """What the owners see and sign."""
        return self._proposer.entry(self.key).safe_tx_hash

    async def state(self) -> Proposed | SafeOutcome:
        """Where it stands on chain, by one look. Raises `ChainError`."""
        return await self._proposer.look(self.key)

    async def outcome(self, *, timeout: float | None = None) -> SafeOutcome:
        """Wait until its nonce is used, `confirmations` deep. Raises `OutcomeUnknownError` after `timeout`
        seconds: owners may still execute it, so wait again, and never propose it under another key."""
        try:
            async with asyncio.timeout(timeout):
                while True:
                    ended = await self._look()
                    if ended is not None:
                        return ended
                    await asyncio.sleep(self._proposer.options.poll_interval)
        except TimeoutError:
            raise OutcomeUnknownError(
                f"{self.key} was not executed in {timeout} s: its owners can still sign and execute "
                f"{self.safe_tx_hash}; wait again, or propose something else with nonce {self.nonce}",
                tx_hash=self.safe_tx_hash,
                nonce=self.nonce,
            ) from None

    async def _look(self) -> SafeOutcome | None:
        try:
            state = await self.state()
        except ChainError as error:
            logger.warning("%s could not be looked at: %s", self.key, error)
            return None
        return None if isinstance(state, Proposed) else state


class SafeProposer:
    """The proposals of one owner to one Safe, each made once. Made by `SafeProposer.open`."""

    def __init__(
        self,
        client: Client,
        signer: Signer,
        journal: Journal,
        account: SafeAccount,
        service: SafeService,
        options: SafeOptions,
    ) -> None:
        self.options = options
        self.safe = account.address
        self._client = client
        self._journal = journal
        self._stream = stream_of(client.chain_id, account.address)
        self._account = account
        self._service = service
        self._book = Book(record.decode() for record in journal.replay(self._stream))
        self._drafter = Drafter(client, signer, account, service, options)
        self._turn = asyncio.Lock()
        for entry in self._book.entries.values():
            if entry.end is None:
                account.rest_on(Ledger(entry.block, entry.safe_nonce))

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        client: Client,
        signer: Signer,
        journal: Journal,
        safe: Address,
        service: SafeService,
        options: SafeOptions | None = None,
    ) -> AsyncIterator[Self]:
        """Lock the Safe's stream, replay it, and settle what an earlier life left open: proposals that the
        service does not have are posted again as identical bytes. Raises `ConfigError` when the Safe, the
        owner or the journal will not do, and `TransportError`."""
        chosen = options or SafeOptions()
        depth = chain_info(client.chain_id).reorg_depth
        account = SafeAccount(client, Address(safe.lower()), chosen.confirmations, depth)
        await account.check(signer.address)
        with journal.acquire(stream_of(client.chain_id, account.address)):
            proposer = cls(client, signer, journal, account, service, chosen)
            await proposer._recover()
            yield proposer

    @property
    def live(self) -> tuple[Proposal, ...]:
        """What may yet be executed, in the order of nonces."""
        return tuple(Proposal(entry.key, self) for entry in self._book.live())

    def entry(self, key: str) -> Entry:
        """What the journal has of a key. Raises `IntentError`."""
        if key not in self._book.entries:
            raise IntentError(f"nothing was proposed under the key {key!r}", field="key", value=key)
        return self._book.entries[key]

    def proposal(self, key: str) -> Proposal:
        """A proposal of now or of an earlier life. Raises `IntentError`."""
        self.entry(key)
        return Proposal(key, self)

    async def propose(self, intent: SafeIntent) -> Proposal:
        """Choose the nonce, simulate, sign, write and post. The same key with the same content gives the same
        proposal, also after a restart, and posts it again only where the service does not have it.

        Raises `LimitError` (the owner's key may not), `NonceConflictError` (the key of the intent means
        something else, or its nonce was given away after a refusal), `SimulationRevertedError`,
        `InsufficientFundsError`, `SigningError`, `RouteRefusedError` (the service said no: the same bytes are
        tried again under the same key), `OutcomeUnknownError` (no answer: ask again with the same key),
        `ConfigError` (no MultiSend), `TransportError`.
        """
        async with self._turn:
            entry = self._book.entries.get(intent.key)
            if entry is not None and entry.digest != intent.digest:
                raise NonceConflictError(
                    f"the key {intent.key!r} already means another proposal ({entry.safe_tx_hash}, nonce "
                    f"{entry.nonce}): give each proposal a key of its own",
                    nonce=entry.nonce,
                    key=intent.key,
                )
            if entry is None:
                drafted = await self._drafter.draft(intent, self._book)
                self._account.rest_on(Ledger(drafted.block, drafted.safe_nonce))
                entry = self._write(drafted.record())
                await self._post(entry)
            else:
                await self._settle(entry)
        return Proposal(intent.key, self)

    async def look(self, key: str) -> Proposed | SafeOutcome:
        """Where a proposal stands, by the Safe's own logs and nonce. Raises `ChainError`, `IntentError`."""
        entry = self.entry(key)
        end = entry.end
        if end is None:
            end = (await self._account.look()).user_of(entry.nonce)
            if end is None:
                return Proposed(entry.safe_tx_hash, entry.nonce)
            if self._account.is_settled(end) and self.entry(key).end is None:
                self._write(ended(key, end))
        if end.safe_tx_hash != entry.safe_tx_hash:
            return Replaced(entry.nonce, end.safe_tx_hash, end.tx_hash)
        receipt = await self._client.receipt(end.tx_hash)
        if receipt is None:
            raise TransportError(f"the node has no receipt of {end.tx_hash}, which executed {key}: ask again")
        return Executed(receipt) if end.succeeded else Failed(receipt)

    async def _recover(self) -> None:
        for entry in self._book.live():
            try:
                await self._settle(entry)
            except (ChainError, OutcomeUnknownError, RouteRefusedError) as error:
                logger.warning("%s is still open: %s", entry.key, error)

    # Bringing it to the service

    async def _settle(self, entry: Entry) -> None:
        """See to it that the service has a proposal that it may have got before."""
        if entry.standing is Standing.POSTED or not isinstance(await self.look(entry.key), Proposed):
            return
        try:
            is_known = await self._service.knows(entry.safe_tx_hash)
        except TransportError as error:
            raise self._unknown(entry, str(error)) from error
        if is_known:
            self._write(posted(entry.key))
            return
        rival = self._book.rival_of(entry)
        if entry.standing is Standing.REFUSED and rival is not None:
            raise NonceConflictError(
                f"{entry.key} was refused, and its nonce {entry.nonce} was given to {rival.key}: propose it "
                "under a new key",
                nonce=entry.nonce,
                key=entry.key,
            )
        await self._post(entry)

    async def _post(self, entry: Entry) -> None:
        """Post the same bytes until the service has them or refuses them; ask it where it did not answer."""
        message, wait_seconds = "", 0.0
        for _ in range(self.options.attempts):
            await asyncio.sleep(wait_seconds)
            answer = await self._service.propose(
                self.safe,
                entry.tx,
                entry.safe_tx_hash,
                sender=entry.sender,
                signature=entry.signature,
                origin=self._origin(entry),
            )
            message = answer.message or message
            wait_seconds = max(self.options.pause, min(answer.retry_after or 0, _LONGEST_WAIT_SECONDS))
            if answer.outcome is Outcome.ACCEPTED or await self._finds(entry):
                self._write(posted(entry.key))
                return
            if answer.outcome is Outcome.REJECTED:
                await self._refuse(entry, answer.message)
                return
        raise self._unknown(entry, message)

    def _unknown(self, entry: Entry, message: str) -> OutcomeUnknownError:
        return OutcomeUnknownError(
            f"{self._service.name} does not say whether it has {entry.key} ({message}): propose it again "
            "with the same key, never with another",
            tx_hash=entry.safe_tx_hash,
            nonce=entry.nonce,
        )

    async def _finds(self, entry: Entry) -> bool:
        try:
            return await self._service.knows(entry.safe_tx_hash)
        except TransportError:
            return False

    async def _refuse(self, entry: Entry, message: str) -> None:
        """A definite no; but a proposal that is refused because it was executed has its end on chain."""
        if not isinstance(await self.look(entry.key), Proposed):
            return
        self._write(refused(entry.key, message))
        raise RouteRefusedError(
            f"{self._service.name} refused {entry.key} ({message}); it has seen the signature, so the key "
            f"keeps nonce {entry.nonce}",
            tx_hash=entry.safe_tx_hash,
            nonce=entry.nonce,
        )

    def _origin(self, entry: Entry) -> str:
        origin = f"{self.options.origin}: {entry.label}" if entry.label else self.options.origin
        return origin[:_ORIGIN_LENGTH]

    def _write(self, record: Mapping[str, Any]) -> Entry:
        """Durable first, then known."""
        self._journal.append(self._stream, record)
        return self._book.apply(record)
