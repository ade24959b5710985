"""The suite of signers finds what is wrong: broken signers do not pass it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from coincurve import PrivateKey

from trimtab.errors import SigningError
from trimtab.model.ids import Address
from trimtab.testing.signer_conformance import KINDS, GreedySigner, SignerConformance, dynamic
from trimtab.tx.envelope import Authorization, SignedTx, TxFields
from trimtab.tx.signers import LocalSigner, Signer
from trimtab.tx.signers.digests import ORDER

SUITE = SignerConformance()
KEY = b"\x07" * 32


class Broken(LocalSigner):
    """A signer that has one fault, in a class below."""

    def __init__(self) -> None:
        super().__init__(PrivateKey(KEY))


class HighS(Broken):
    """Returns the other of the two signatures."""

    async def sign_typed_data(self, message: dict[str, Any]) -> bytes:
        signature = await super().sign_typed_data(message)
        mirrored = ORDER - int.from_bytes(signature[32:64], "big")
        return signature[:32] + mirrored.to_bytes(32, "big") + bytes([55 - signature[64]])


class OtherChain(Broken):
    """Delegates on every chain when it was asked for one."""

    async def sign_authorization(self, chain_id: int, address: Address, nonce: int) -> Authorization:
        return replace(await super().sign_authorization(0, address, nonce), chain_id=chain_id)


class WrongHash(Broken):
    """Says another hash than that of its bytes."""

    async def sign_transaction(self, fields: TxFields) -> SignedTx:
        signed = await super().sign_transaction(fields)
        return replace(signed, tx_hash=(await super().sign_transaction(dynamic(99))).tx_hash)


class OneAtATime(Broken):
    """Mixes up answers when it is asked again before the first is out."""

    last: TxFields

    async def sign_transaction(self, fields: TxFields) -> SignedTx:
        import asyncio

        OneAtATime.last = fields
        await asyncio.sleep(0)
        return await super().sign_transaction(OneAtATime.last)


class Talkative(Broken):
    """Has its key in its repr."""

    def __repr__(self) -> str:
        return f"Signer({self.address}, {KEY.hex()})"


class SuiteWithSecret(SignerConformance):
    secrets = (KEY.hex(),)


@pytest.mark.parametrize(
    ("signer", "run"),
    [
        (HighS(), lambda s: SUITE.test_typed_data(s)),
        (OtherChain(), lambda s: SUITE.test_an_authorization(s, 31337)),
        (WrongHash(), lambda s: SUITE.test_each_type_is_signed(s, KINDS[3])),
        (GreedySigner(LocalSigner.from_key(KEY)), lambda s: SUITE.test_each_type_is_signed(s, KINDS[3])),
        (OneAtATime(), lambda s: SUITE.test_many_signatures_at_once(s)),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_fault_is_found(signer: Signer, run: Any) -> None:
    """Malleable, on every chain, another hash, another value, answers mixed up."""
    with pytest.raises(SigningError):
        await run(signer)


def test_a_secret_in_a_text_is_found() -> None:
    """The suite knows what must show nowhere."""
    with pytest.raises(AssertionError):
        SuiteWithSecret().test_it_tells_no_secret(Talkative())
