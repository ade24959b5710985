"""May this key propose this? The same `Limits` as before any other signature, call by call. Pure."""

from __future__ import annotations

from trimtab.model.ids import Address
from trimtab.model.limits import Limits
from trimtab.tx.permission import Permission
from trimtab.tx.records import Submitted
from trimtab.tx.safe.intent import SafeIntent


def check_permit(
    limits: Limits, intent: SafeIntent, *, chain_id: int, safe: Address, now: int, paused: str | None
) -> None:
    """Raise `LimitError` unless each call is allowed, and the value of all of them together; `now` in seconds
    of the chain. The Safe is the account that `SELF` means. What is counted over hours and days is not looked
    at: a proposal spends nothing before the owners execute it."""
    permission = Permission(limits, chain_id, safe)
    permission.check_open(intent.key, now=now, paused=paused)
    value = sum(call.value for call in intent.calls)
    for call in intent.calls:
        permission.check_intent(
            Submitted(
                key=intent.key,
                digest=intent.digest,
                target=Address(call.target.lower()),
                data=call.data,
                value=value,
                gas_limit=0,
                notional=intent.notional,
                trade=intent.trade,
                at=now,
            )
        )
