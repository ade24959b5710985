"""What every signer must keep: one suite, for a key in this process, in a token or in a cloud.

Subclass `SignerConformance` in a test module, give it a `signer` fixture, and name in `secrets` what must
show nowhere (the key's hex, a PIN):

    class TestMySigner(SignerConformance):
        secrets = (PIN,)

        @pytest.fixture
        async def signer(self, ...) -> Signer: ...

The last tests send a transaction and a delegation of the signer's account on a local anvil.
"""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from trimtab.chain.address import is_address_text
from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.errors import SigningError
from trimtab.journal import Journal
from trimtab.model.ids import Address
from trimtab.model.limits import Limits
from trimtab.tx import Sender, SenderOptions, Succeeded, TxIntent
from trimtab.tx.envelope import (
    AccessListTx,
    Authorization,
    DynamicFeeTx,
    LegacyTx,
    SetCodeTx,
    SignedTx,
    TxFields,
)
from trimtab.tx.signers import Signer, check_signed
from trimtab.tx.signers.base import check_signature
from trimtab.tx.signers.digests import authorization_digest, recover, typed_data_digest
from trimtab.world.node import AnvilNode

CHAIN_ID = 31337
ANYTHING = SenderOptions(limits=Limits.unrestricted())
TARGET = Address("0x" + "c0" * 20)
GWEI = 10**9
FUNDS = 10**18
TYPED: dict[str, Any] = {
    "types": {
        "EIP712Domain": [{"name": "name", "type": "string"}, {"name": "chainId", "type": "uint256"}],
        "Order": [{"name": "size", "type": "int256"}, {"name": "note", "type": "string"}],
    },
    "primaryType": "Order",
    "domain": {"name": "Desk", "chainId": CHAIN_ID},
    "message": {"size": -5, "note": "short"},
}


def dynamic(nonce: int, **changes: Any) -> DynamicFeeTx:
    """An ordinary transaction."""
    fields: dict[str, Any] = {"tip": GWEI, "fee_cap": 50 * GWEI, "gas_limit": 100_000, "to": TARGET}
    return DynamicFeeTx(chain_id=CHAIN_ID, nonce=nonce, **fields | changes)


KINDS: tuple[TxFields, ...] = (
    LegacyTx(CHAIN_ID, 0, GWEI, 21_000, TARGET, 1, b"\x01"),
    LegacyTx(CHAIN_ID, 1, GWEI, 90_000, None, 0, b"\x60\x00"),
    AccessListTx(CHAIN_ID, 2, GWEI, 30_000, TARGET, 1, b"", ((TARGET, (b"\x07" * 32,)),)),
    dynamic(3, value=2**200, data=b"\x00" * 300),
    SetCodeTx(CHAIN_ID, 4, 1, 2, 90_000, TARGET, (Authorization(0, TARGET, 1, 1, 5, 6),)),
)


class GreedySigner:
    """Signs another value than it was asked for, with the signer's own key: what a hijacked device would."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self.address = signer.address

    async def sign_transaction(self, fields: TxFields) -> SignedTx:
        return await self._signer.sign_transaction(replace(fields, value=fields.value + 1))

    async def sign_typed_data(self, message: dict[str, Any]) -> bytes:
        return await self._signer.sign_typed_data(message)

    async def sign_authorization(self, chain_id: int, address: Address, nonce: int) -> Authorization:
        return await self._signer.sign_authorization(chain_id, address, nonce)


class SignerConformance:
    """The suite. Nothing that a signer returns is taken on trust: all of it is recovered to its address."""

    secrets: ClassVar[tuple[str, ...]] = ()

    @pytest.fixture
    async def signer(self) -> Signer:
        """To be overridden."""
        pytest.fail("give the suite a `signer` fixture")

    @pytest.fixture
    async def funded(self, signer: Signer) -> AsyncIterator[Client]:
        """A node on which the signer's account has 1 ether."""
        async with AnvilNode.open() as node, Client.open(node.url) as client:
            await client.request("anvil_setBalance", [signer.address, hex(FUNDS)])
            yield client

    def test_it_plays_its_role(self, signer: Signer) -> None:
        """It has the members of `Signer`, and a lower-case address."""
        assert isinstance(signer, Signer)
        assert is_address_text(signer.address)
        assert signer.address == signer.address.lower()

    @pytest.mark.parametrize("fields", KINDS, ids=lambda fields: type(fields).__name__)
    async def test_each_type_is_signed(self, signer: Signer, fields: TxFields) -> None:
        """The bytes hold what was asked for, hash and sender are right, and s is low."""
        check_signed(await signer.sign_transaction(fields), fields, signer.address)

    async def test_many_signatures_at_once(self, signer: Signer) -> None:
        """Forty at the same time, each its own: both parities, and no r or s of odd length, lead astray."""
        wanted = [dynamic(nonce) for nonce in range(40)]
        signed = await asyncio.gather(*map(signer.sign_transaction, wanted))
        for one, fields in zip(signed, wanted, strict=True):
            check_signed(one, fields, signer.address)

    async def test_another_answer_is_refused(self, signer: Signer) -> None:
        """What it signed for one transaction does not pass for another."""
        signed = await signer.sign_transaction(dynamic(1))
        with pytest.raises(SigningError, match="another transaction"):
            check_signed(signed, dynamic(2), signer.address)

    async def test_typed_data(self, signer: Signer) -> None:
        """An EIP-712 signature of 65 bytes with v 27 or 28 and low s, of its address."""
        signature = await signer.sign_typed_data(TYPED)
        assert signature[64] in (27, 28)
        check_signature(typed_data_digest(TYPED), signature, signer.address)
        other = typed_data_digest(TYPED | {"message": {"size": -6, "note": "short"}})
        assert recover(other, signature) != signer.address

    async def test_typed_data_that_does_not_encode(self, signer: Signer) -> None:
        """Is a `SigningError`, before the key is asked."""
        with pytest.raises(SigningError, match="typed data"):
            await signer.sign_typed_data({"message": {}})

    @pytest.mark.parametrize("chain_id", [0, CHAIN_ID])
    async def test_an_authorization(self, signer: Signer, chain_id: int) -> None:
        """A delegation (EIP-7702) names what was asked for and is signed by its address."""
        given = await signer.sign_authorization(chain_id, TARGET, 7)
        assert (given.chain_id, given.address, given.nonce) == (chain_id, TARGET, 7)
        signature = given.r.to_bytes(32, "big") + given.s.to_bytes(32, "big") + bytes([given.y_parity])
        check_signature(authorization_digest(chain_id, TARGET, 7), signature, signer.address)

    async def test_a_wait_that_is_given_up(self, signer: Signer) -> None:
        """A signature whose caller went away leaves the signer as it was."""
        async with asyncio.TaskGroup() as group:
            waits = [group.create_task(signer.sign_transaction(dynamic(n))) for n in range(4)]
            await asyncio.sleep(0)
            for wait in waits:
                wait.cancel()
        check_signed(await signer.sign_transaction(dynamic(9)), dynamic(9), signer.address)

    def test_it_tells_no_secret(self, signer: Signer) -> None:
        """repr and str show the address and nothing secret; it is neither pickled nor copied."""
        for text in (repr(signer), str(signer)):
            assert signer.address in text
            assert not [secret for secret in self.secrets if secret in text]
        for take in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError):
                take(signer)

    async def test_a_transaction_is_mined(self, signer: Signer, funded: Client, tmp_path: Path) -> None:
        """The sender takes the signer, and the chain takes its signature."""
        with Journal.open(tmp_path / "journal.db") as journal:
            async with Sender.open(funded, signer, journal, ANYTHING) as sender:
                handle = await sender.submit(TxIntent("one", Call(TARGET, b"", 5)))
                outcome = await handle.outcome(timeout=60)
        assert isinstance(outcome, Succeeded)
        assert outcome.receipt.sender == signer.address
        assert await funded.balance(TARGET) == 5

    async def test_a_burst_is_mined(self, signer: Signer, funded: Client, tmp_path: Path) -> None:
        """Twenty intents at once, whichever is signed first: each executed once, nonces without a gap."""
        with Journal.open(tmp_path / "journal.db") as journal:
            async with Sender.open(funded, signer, journal, ANYTHING) as sender:
                intents = [TxIntent(str(n), Call(TARGET, b"", 1), gas_limit=21_000) for n in range(20)]
                handles = await asyncio.gather(*map(sender.submit, intents))
                outcomes = await asyncio.gather(*(handle.outcome(timeout=120) for handle in handles))
        assert all(isinstance(outcome, Succeeded) for outcome in outcomes)
        assert sorted(handle.nonce for handle in handles) == list(range(20))
        assert await funded.balance(TARGET) == 20

    async def test_a_lie_is_never_sent(self, signer: Signer, funded: Client, tmp_path: Path) -> None:
        """What was signed in place of what was asked for does not leave the machine."""
        with Journal.open(tmp_path / "journal.db") as journal:
            async with Sender.open(funded, GreedySigner(signer), journal, ANYTHING) as sender:
                with pytest.raises(SigningError, match="another transaction"):
                    await sender.submit(TxIntent("one", Call(TARGET, b"", 5)))
        assert await funded.nonce(signer.address, "pending") == 0

    async def test_a_delegation_is_mined(self, signer: Signer, funded: Client) -> None:
        """The chain sets the account's code to the one that its authorization names."""
        given = await signer.sign_authorization(CHAIN_ID, TARGET, 1)  # the transaction itself uses nonce 0
        fields = SetCodeTx(CHAIN_ID, 0, GWEI, 50 * GWEI, 100_000, signer.address, (given,))
        signed = await signer.sign_transaction(fields)
        receipt = await funded.request("eth_sendRawTransactionSync", ["0x" + signed.raw.hex()])
        assert receipt["status"] == "0x1"
        assert await funded.code(signer.address) == bytes.fromhex("ef0100" + TARGET[2:])
