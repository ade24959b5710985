"""From an intent and a nonce to the fields to sign: fees under every cap, funds for the worst case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trimtab.errors import InsufficientFundsError, SigningError
from trimtab.model.ids import Address
from trimtab.tx.delegation import check_own_nonces
from trimtab.tx.envelope import Authorization, DynamicFeeTx, SetCodeTx, signing_payload
from trimtab.tx.events import Sign
from trimtab.tx.fees import (
    Fees,
    affordable_cap,
    bump,
    check_headroom,
    fit,
    fit_bump,
    leave_step,
    worst_cost,
)
from trimtab.tx.market import Terms
from trimtab.tx.states import Intent, Kind, State

CANCEL_BYTES = 130
"""More than an unsigned transfer of nothing has."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Fields to sign, the most that they can cost (wei), and what is held back to cancel them."""

    fields: DynamicFeeTx | SetCodeTx
    fees: Fees
    worst_cost: int
    reserve: int


@dataclass(frozen=True, slots=True)
class Desk:
    """What all drafts of an account have in common. A cancellation is a transfer of nothing to oneself; the
    intent's budget does not bind it. The last legal step below the fee cap is kept for it: what is out can
    always be cancelled. `needs_headroom`: a sequencer without a mempool refuses on arrival what its base fee
    has overtaken."""

    chain_id: int
    account: Address
    max_fee_cap: int | None
    needs_headroom: bool = False

    def draft(self, intent: Intent, ask: Sign, terms: Terms, own: Authorization | None = None) -> Draft:
        """`own` is the account's authorisation of its own new code, signed for this nonce. Raises
        `FeeCapExceededError`: then a first attempt is not sent, and a replacement is not made; `SigningError`
        when what a cancellation needs is not known; `IntentError` for an authorisation of another nonce."""
        is_cancel = ask.kind is Kind.CANCEL
        if terms.l1_is_due and not is_cancel:
            raise SigningError(
                "the rollup's fee oracle has not answered yet, so the worst case is not known: it is asked "
                "again with the next look"
            )
        if not is_cancel:
            check_own_nonces(intent.authorizations, self.account, ask.nonce)
        gas = _cancel_gas(terms) if is_cancel else intent.gas_limit
        value = 0 if is_cancel else intent.value
        budget = None if is_cancel else intent.budget_wei
        wanted = terms.fees if ask.above is None else bump(ask.above, terms.fees)
        beside = 0
        if terms.l1 is not None:  # the final price is no dearer, hence no longer
            unsigned = signing_payload(self._fields(intent, ask, gas, wanted, own))
            beside = terms.l1.worst_fee(len(unsigned), gas)
        cap = affordable_cap(gas, value + beside, budget, self._fee_cap(ask.kind))
        if ask.above is None:
            fees = fit(terms.fees, terms.base_fee, cap)
        else:
            fees = fit_bump(ask.above, terms.fees, cap)
        if self.needs_headroom:
            check_headroom(fees, terms.base_fee)
        fields = self._fields(intent, ask, gas, fees, own)
        return Draft(fields, fees, worst_cost(gas, fees, value, beside), _reserve(terms, fees))

    def _fields(
        self, intent: Intent, ask: Sign, gas: int, fees: Fees, own: Authorization | None
    ) -> DynamicFeeTx | SetCodeTx:
        if ask.kind is Kind.CANCEL:
            return DynamicFeeTx(self.chain_id, ask.nonce, fees.tip, fees.fee_cap, gas, self.account)
        signed = (*intent.authorizations, *((own,) if own is not None else ()))
        if signed:
            return SetCodeTx(
                chain_id=self.chain_id,
                nonce=ask.nonce,
                tip=fees.tip,
                fee_cap=fees.fee_cap,
                gas_limit=gas,
                to=intent.target,
                authorizations=signed,
                value=intent.value,
                data=intent.data,
                access_list=intent.access_list,
            )
        return DynamicFeeTx(
            chain_id=self.chain_id,
            nonce=ask.nonce,
            tip=fees.tip,
            fee_cap=fees.fee_cap,
            gas_limit=gas,
            to=intent.target,
            value=intent.value,
            data=intent.data,
            access_list=intent.access_list,
        )

    def _fee_cap(self, kind: Kind) -> int | None:
        if self.max_fee_cap is None or kind is Kind.CANCEL:
            return self.max_fee_cap
        return leave_step(self.max_fee_cap)


def check_funds(
    state: State, draft: Draft, balance: int | None, pledged: Mapping[int, int] | None = None
) -> None:
    """Raise `InsufficientFundsError` unless the balance covers the worst case of all that is in flight, this
    draft, and a cancellation of it at twice its price. `pledged` are the worst costs (wei, by nonce) of
    drafts whose signatures are not in the state yet. An unknown balance is left to the node to judge."""
    if balance is None:
        return
    coming = pledged or {}
    others = sum(
        max(slot.worst_cost, coming.get(slot.nonce, 0))
        for slot in state.unmined
        if slot.nonce != draft.fields.nonce
    )
    needed = others + max(draft.worst_cost, draft.reserve)
    if needed > balance:
        raise InsufficientFundsError(
            f"the account has {balance} wei, and the worst case needs {needed} wei "
            f"({others} of it for transactions in flight): fund it, or lower value, gas or fee cap",
            needed=needed,
            available=balance,
        )


def _reserve(terms: Terms, fees: Fees) -> int:
    """A cancellation at twice the price, with what a rollup takes beside it."""
    gas = terms.cancel_gas or 0
    beside = 0 if terms.l1 is None else terms.l1.worst_fee(CANCEL_BYTES, gas)
    return gas * fees.fee_cap * 2 + beside


def _cancel_gas(terms: Terms) -> int:
    if terms.cancel_gas is None:
        raise SigningError(
            "the node has not said yet how much gas a cancellation needs: the next look asks again"
        )
    return terms.cancel_gas
