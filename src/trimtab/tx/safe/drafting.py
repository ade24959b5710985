"""From an intent to a signed proposal that nobody has seen yet: permit, nonce, simulation, signature."""

from __future__ import annotations

import asyncio

from trimtab.chain.client import Client
from trimtab.errors import IntentError, SigningError
from trimtab.model.ids import Address
from trimtab.tx.safe.account import SafeAccount
from trimtab.tx.safe.book import Book, Entry
from trimtab.tx.safe.intent import SafeIntent
from trimtab.tx.safe.options import SafeOptions
from trimtab.tx.safe.permit import check_permit
from trimtab.tx.safe.safe_tx import SafeTx, SafeTxHash, plan_calls
from trimtab.tx.safe.service import SafeService
from trimtab.tx.signers.base import Signer, check_signature


class Drafter:
    """Makes entries; writes and posts nothing."""

    def __init__(
        self,
        client: Client,
        signer: Signer,
        account: SafeAccount,
        service: SafeService,
        options: SafeOptions,
    ) -> None:
        self._client = client
        self._signer = signer
        self._account = account
        self._service = service
        self._options = options

    async def draft(self, intent: SafeIntent, book: Book) -> Entry:
        """The intent as the Safe's owners will see it, signed. Raises what `SafeProposer.propose` says."""
        await self._check_permit(intent)
        base = await self._account.begin()  # first, so that the nonce is none that was used before it
        tx = await self._plan(intent, book, base.nonce)
        name = await self._checked_hash(tx)
        if self._options.simulate:
            await self._account.simulate(tx)
        return Entry(
            key=intent.key,
            digest=intent.digest,
            label=intent.label,
            tx=tx,
            safe_tx_hash=name,
            sender=self._signer.address,
            signature=await self._sign(tx, name),
            block=base.block,
            safe_nonce=base.nonce,
        )

    async def _check_permit(self, intent: SafeIntent) -> None:
        options, file = self._options, self._options.pause_file
        paused = f"the file {file} is there" if file is not None and file.exists() else None
        check_permit(
            options.limits,
            intent,
            chain_id=self._client.chain_id,
            safe=self._account.address,
            now=(await self._client.block()).at,
            paused=paused,
        )

    async def _plan(self, intent: SafeIntent, book: Book, least: int) -> SafeTx:
        multi_send = self._account.address
        if len(intent.calls) > 1:
            multi_send = await self._account.find_multi_send(self._options.multi_send)
        to, value, data, operation = plan_calls(intent.calls, multi_send)
        nonce = await self._nonce(intent, book, least)
        return SafeTx(Address(to.lower()), value, data, nonce, operation, intent.safe_tx_gas)

    async def _nonce(self, intent: SafeIntent, book: Book, least: int) -> int:
        safe = self._account.address
        chain_nonce = max(least, await self._account.nonce())
        if intent.nonce is None:
            return book.next_nonce(chain_nonce, await self._service.queued_nonces(safe, chain_nonce))
        if intent.nonce < chain_nonce:
            raise IntentError(
                f"the Safe {safe} has used nonce {intent.nonce}: its next is {chain_nonce}",
                field="nonce",
                value=intent.nonce,
            )
        return intent.nonce

    async def _checked_hash(self, tx: SafeTx) -> SafeTxHash:
        """Ours, if the Safe itself computes the same. Raises `SigningError`."""
        safe = self._account.address
        ours, its = tx.hash(self._client.chain_id, safe), await self._account.hash_of(tx)
        if ours != its:
            raise SigningError(f"the Safe {safe} would have {its} signed, not {ours}: nothing was signed")
        return ours

    async def _sign(self, tx: SafeTx, name: SafeTxHash) -> bytes:
        typed = tx.typed_data(self._client.chain_id, self._account.address)
        wait = self._options.sign_timeout
        try:
            async with asyncio.timeout(wait):
                signature = await self._signer.sign_typed_data(typed)
        except TimeoutError:
            raise SigningError(f"the signer did not answer in {wait} s; nothing was proposed") from None
        check_signature(bytes.fromhex(name[2:]), signature, self._signer.address)
        return signature
