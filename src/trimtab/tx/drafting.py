"""From an intent and a nonce to the fields to sign: fees under every cap, funds for the worst case."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.errors import InsufficientFundsError
from trimtab.model.ids import Address
from trimtab.tx.envelope import DynamicFeeTx
from trimtab.tx.events import Sign
from trimtab.tx.fees import CANCEL_GAS, Fees, affordable_cap, fit, fit_bump, leave_step, worst_cost
from trimtab.tx.states import Intent, Kind, State


@dataclass(frozen=True, slots=True)
class Draft:
    """Fields to sign, and the most that they can cost (wei)."""

    fields: DynamicFeeTx
    fees: Fees
    worst_cost: int


@dataclass(frozen=True, slots=True)
class Desk:
    """What all drafts of an account have in common. A cancellation is a transfer of nothing to oneself; the
    intent's budget does not bind it. The last legal step below the fee cap is kept for it: what is out can
    always be cancelled."""

    chain_id: int
    account: Address
    max_fee_cap: int | None
    cancel_gas: int

    def draft(self, intent: Intent, ask: Sign, market: Fees, base_fee: int) -> Draft:
        """Raises `FeeCapExceededError`: then a first attempt is not sent, and a replacement is not made."""
        is_cancel = ask.kind is Kind.CANCEL
        gas = self.cancel_gas if is_cancel else intent.gas_limit
        value = 0 if is_cancel else intent.value
        budget = None if is_cancel else intent.budget_wei
        cap = affordable_cap(gas, value, budget, self._fee_cap(ask.kind))
        fees = fit(market, base_fee, cap) if ask.above is None else fit_bump(ask.above, market, cap)
        fields = DynamicFeeTx(
            chain_id=self.chain_id,
            nonce=ask.nonce,
            tip=fees.tip,
            fee_cap=fees.fee_cap,
            gas_limit=gas,
            to=self.account if is_cancel else intent.target,
            value=value,
            data=b"" if is_cancel else intent.data,
        )
        return Draft(fields, fees, worst_cost(gas, fees, value))

    def _fee_cap(self, kind: Kind) -> int | None:
        if self.max_fee_cap is None or kind is Kind.CANCEL:
            return self.max_fee_cap
        return leave_step(self.max_fee_cap)


def check_funds(state: State, draft: Draft, balance: int | None) -> None:
    """Raise `InsufficientFundsError` unless the balance covers the worst case of all that is in flight, this
    draft, and a cancellation of it at twice its price. An unknown balance is left to the node to judge."""
    if balance is None:
        return
    slot = state.slots.get(draft.fields.nonce)
    others = state.committed_cost - (slot.worst_cost if slot else 0)
    reserve = CANCEL_GAS * draft.fees.fee_cap * 2
    needed = others + max(draft.worst_cost, reserve)
    if needed > balance:
        raise InsufficientFundsError(
            f"the account has {balance} wei, and the worst case needs {needed} wei "
            f"({others} of it for transactions in flight): fund it, or lower value, gas or fee cap",
            needed=needed,
            available=balance,
        )
