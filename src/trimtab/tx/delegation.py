"""Authorisations to run another account's code (EIP-7702): whose they are, and whether they fit what carries
them."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.errors import IntentError, SigningError
from trimtab.model.ids import Address
from trimtab.tx.envelope import Authorization
from trimtab.tx.intent import TxIntent
from trimtab.tx.signers.digests import authorization_digest, recover


def authority_of(item: Authorization) -> Address:
    """The account that signed it. Raises `SigningError` when nobody did."""
    signature = item.r.to_bytes(32, "big") + item.s.to_bytes(32, "big") + bytes([item.y_parity])
    return recover(authorization_digest(item.chain_id, item.address, item.nonce), signature)


def is_delegation(intent: TxIntent, account: Address) -> bool:
    """Whether it gives the sending account itself code: then pools take nothing else of it meanwhile."""
    signed = (authority_of(item) for item in intent.authorizations)
    return intent.delegate_to is not None or account in signed


def check_authorizations(intent: TxIntent, chain_id: int) -> None:
    """Raise `IntentError` for an authorisation that the chain would skip: it would cost its gas and do
    nothing."""
    for item in intent.authorizations:
        if item.chain_id not in (0, chain_id):
            raise IntentError(
                f"{intent.key}: an authorisation is for chain {item.chain_id}, this is chain {chain_id}",
                field="authorizations",
                value=item.chain_id,
            )
        try:
            authority_of(item)
        except (SigningError, OverflowError, ValueError):
            raise IntentError(
                f"{intent.key}: the authorisation for {item.address} has no valid signature",
                field="authorizations",
            ) from None


def check_own_nonces(items: Sequence[Authorization], account: Address, nonce: int) -> None:
    """Raise `IntentError` unless an authorisation of the sending account itself has the nonce after the
    transaction's: the chain counts the transaction first."""
    for item in items:
        if item.nonce != nonce + 1 and authority_of(item) == account:
            raise IntentError(
                f"the account's own authorisation is for nonce {item.nonce}, and the transaction has nonce "
                f"{nonce}: it must be {nonce + 1}. Use delegate_to, which signs it with the transaction",
                field="authorizations",
                value=item.nonce,
            )
