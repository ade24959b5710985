"""Default-deny: what is not allowed is refused, with what to add where it is meant. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias

from trimtab.errors import LimitError
from trimtab.model.ids import Address
from trimtab.model.limits import ANY_CALL, AllowedCall, Limits
from trimtab.tx.economics import check_leverage, check_trade
from trimtab.tx.envelope import SetCodeTx, TxFields
from trimtab.tx.records import Submitted
from trimtab.tx.states import Intent, Kind
from trimtab.tx.unwrapping import Made, unwrap, value_of

Wanted: TypeAlias = Intent | Submitted
"""What a caller wants, before and after it was written."""
DANGEROUS = {
    bytes.fromhex("095ea7b3"): "approve(address,uint256)",
    bytes.fromhex("39509351"): "increaseAllowance(address,uint256)",
    bytes.fromhex("a9059cbb"): "transfer(address,uint256)",
    bytes.fromhex("23b872dd"): "transferFrom(address,address,uint256)",
    bytes.fromhex("42842e0e"): "safeTransferFrom(address,address,uint256)",
    bytes.fromhex("a22cb465"): "setApprovalForAll(address,bool)",
}
"""What a thief calls, named in refusals though no venue has it."""


class Permission:
    """The limits of one key on one chain, looked up by function. Pure: every method gets the time."""

    def __init__(self, limits: Limits, chain_id: int, account: Address) -> None:
        self.limits = limits
        self._chain_id = chain_id
        self._account = account
        self._is_unrestricted = limits.is_unrestricted
        self._calls: dict[tuple[Address | None, bytes | None], list[AllowedCall]] = {}
        for call in limits.calls:
            self._calls.setdefault((call.target, call.selector), []).append(call)
        self._names = DANGEROUS | {c.selector: c.name for c in limits.calls if c.selector and c.name}

    def check_open(self, key: str, *, now: int, paused: str | None) -> None:
        """Raise `LimitError` while paused, after the expiry, and on a chain that is not allowed."""
        limits = self.limits
        if paused is not None:
            raise LimitError(
                f"{key}: nothing new is signed while paused ({paused}); cancellations are. "
                "`trimtab tx unpause` or `sender.unpause()` goes on",
                field="paused",
                value=paused,
            )
        if limits.expires_at is not None and now >= limits.expires_at:
            raise LimitError(
                f"{key}: the limits of this key expired at {limits.expires_at}, the chain's time is {now}: "
                "nothing was sent. Let the owner of the key give new ones",
                field="expires_at",
                value=now,
                cap=limits.expires_at,
            )
        if limits.chains is not None and self._chain_id not in limits.chains:
            known = ", ".join(map(str, sorted(limits.chains))) or "none"
            raise LimitError(
                f"{key}: this key may not sign for chain {self._chain_id} (allowed: {known}): nothing was "
                f"sent. {_GIVE}Limits(chains={{{self._chain_id}}}, ...) allows it",
                field="chains",
                value=self._chain_id,
                cap=known,
            )

    def check_intent(self, intent: Wanted) -> None:
        """Raise `LimitError` when the intent's call, value or notional, or what it declares to do to its
        account, is beyond the limits."""
        for item in intent.authorizations:
            self._check_delegate(intent.key, item.address)
        if intent.delegate_to is not None:
            self._check_delegate(intent.key, intent.delegate_to)
        allowed = self._check_calls(intent)
        self._check_value(intent)
        is_trade = any(entry.is_trade for entry in allowed)
        if is_trade:
            check_trade(self.limits, intent.key, intent.notional, intent.trade)
        self._check_notional(intent, is_trade=is_trade)
        if is_trade or any(entry.venue for entry in allowed):
            check_leverage(self.limits, intent.key, intent.trade)

    def check_fields(self, kind: Kind, intent: Wanted, fields: TxFields) -> None:
        """Raise `LimitError` unless these very fields are what was allowed: the intent's call on this chain,
        or a cancellation (nothing, to oneself)."""
        wanted = (intent.target, intent.value, intent.data)
        if kind is Kind.CANCEL:
            wanted = (self._account, 0, b"")
        if (fields.to, fields.value, fields.data) != wanted or fields.chain_id != self._chain_id:
            raise LimitError(
                f"{intent.key}: what is about to be signed is not what was asked for: {fields}", field="calls"
            )
        if isinstance(fields, SetCodeTx):
            for item in fields.authorizations:
                self._check_delegate(intent.key, item.address)

    def least_budget(self, intent: Intent) -> int | None:
        """The tighter of an intent's own budget and `max_cost_wei`, less what its plan spends beside that."""
        most = self.limits.max_cost_wei
        if most is not None:
            most -= max(self._value_of(intent) - intent.value, 0)
        return min((cap for cap in (intent.budget_wei, most) if cap is not None), default=None)

    def _check_calls(self, intent: Wanted) -> list[AllowedCall]:
        """The entries that allow the call and all calls that it makes in the end; transfers have none. A call
        that runs a plan must be allowed itself, and so must each call of the plan, as its account's."""
        if intent.delegate_to is not None and _is_nothing(intent, self._account):
            return []
        if self._is_unrestricted:
            return [ANY_CALL]
        call = (self._account, intent.target, intent.value, intent.data)
        try:
            made = unwrap(*call)
        except ValueError as error:
            raise LimitError(
                f"{intent.key}: a plan is allowed by the calls inside of it, and {error}: nothing was sent",
                field="calls",
                target=intent.target,
            ) from None
        allowed = []
        for number, one in enumerate(made):
            key = f"{intent.key}, call {number} inside of its plan" if number else intent.key
            entry = self._check_call(key, one)
            if entry is not None and not one.is_wrapper:
                allowed.append(entry)
        return allowed

    def _check_call(self, key: str, call: Made) -> AllowedCall | None:
        """The entry that allows the call; None for a transfer."""
        if not call.data:
            transfers = self.limits.transfers
            if transfers is None or call.target in transfers:
                return None
            raise self._not_a_recipient(key, call)
        target, selector = call.target, call.data[:4]
        kinds = ((target, selector), (target, None), (None, selector), (None, None))
        entries = [entry for kind in kinds for entry in self._calls.get(kind, ())]
        arguments = call.data[4:]
        for entry in entries:
            if all(rule.admits(arguments, call.actor) for rule in entry.rules):
                return entry
        raise self._bad_arguments(key, call, entries) if entries else self._not_a_call(key, call)

    def _value_of(self, intent: Wanted) -> int:
        return value_of(self._account, intent.target, intent.value, intent.data)

    def _check_delegate(self, key: str, delegate: Address) -> None:
        delegates = self.limits.delegates
        if delegates is not None and delegate.lower() not in delegates:
            raise LimitError(
                f"{key}: this key may not give an account the code of {delegate} (EIP-7702): nothing was "
                f'sent. If it is meant: Limits(delegates={{"{delegate}"}}, ...)',
                field="delegates",
                target=delegate,
            )

    def _check_value(self, intent: Wanted) -> None:
        value = self._value_of(intent)
        for field in ("max_value_wei", "max_cost_wei"):
            most = getattr(self.limits, field)
            if most is not None and value > most:
                raise LimitError(
                    f"{intent.key} sends {value} wei, above {field} {most} of this key: nothing was "
                    "sent. Send less, or let the owner of the key raise it",
                    field=field,
                    value=value,
                    cap=most,
                )

    def _check_notional(self, intent: Wanted, *, is_trade: bool) -> None:
        most = self.limits.max_notional
        if most is None and self.limits.max_notional_per_day is None:
            return
        if intent.notional is None and is_trade:
            raise LimitError(
                f"{intent.key} declares no notional, and this key's is limited: give TxIntent(notional=...), "
                "or allow the call with is_trade=False when it trades nothing. Nothing was sent",
                field="max_notional",
                cap=most,
            )
        if most is not None and (intent.notional or Decimal(0)) > most:
            raise LimitError(
                f"{intent.key} trades a notional of {intent.notional}, above max_notional {most}: "
                "nothing was sent. Trade less, or let the owner of the key raise it",
                field="max_notional",
                value=intent.notional,
                cap=most,
            )

    def _not_a_recipient(self, key: str, call: Made) -> LimitError:
        where = call.target
        return LimitError(
            f"{key}: this key may not send plain value to {where}: nothing was sent. If it is meant: "
            f'in Python Limits(transfers={{"{where}"}}, ...), in the settings file [limits] transfers = '
            f'["{where}"]',
            field="transfers",
            value=call.value,
            target=where,
        )

    def _not_a_call(self, key: str, call: Made) -> LimitError:
        target, selector = call.target, call.data[:4]
        here = sorted({entry.function or "?" for entry in self.limits.calls if entry.target == target})
        known = f" (there it may call {', '.join(here)})" if here else ""
        given = "" if self.limits.calls else f"{_GIVE}Limits.of(venue, ...) allows what a venue needs. "
        name = self._names.get(selector, "")
        function = f'function = "{name}"' if name else f'selector = "0x{selector.hex()}"'
        return LimitError(
            f"{key}: this key may not call {name or '0x' + selector.hex()} at {target} on chain "
            f"{self._chain_id}{known}: nothing was sent. {given}If it is meant: in Python "
            f'limits.allowing(AllowedCall("{target}", bytes.fromhex("{selector.hex()}"), "{name}")), in the '
            f'settings file [[limits.calls]] target = "{target}" {function}',
            field="calls",
            target=target,
            selector=f"0x{selector.hex()}",
        )

    def _bad_arguments(self, key: str, call: Made, entries: list[AllowedCall]) -> LimitError:
        selector, arguments = call.data[:4], call.data[4:]
        rules = "; or ".join(" and ".join(map(str, entry.rules)) for entry in entries)
        broken = [rule for entry in entries for rule in entry.rules if not rule.admits(arguments, call.actor)]
        words = {f"{rule.name or rule.word}: 0x{rule.word_of(arguments).hex()}": None for rule in broken}
        name = self._names.get(selector) or f"0x{selector.hex()}"
        return LimitError(
            f"{key}: this key may call {name} at {call.target} only with {rules}; it was asked for "
            f"with {', '.join(words)}: nothing was sent. If it is meant, allow the call with other rules",
            field="calls",
            target=call.target,
            selector=f"0x{selector.hex()}",
        )


def _is_nothing(intent: Wanted, account: Address) -> bool:
    """A transfer of nothing to oneself: what carries a delegation, and nothing else."""
    return intent.target == account and not intent.value and not intent.data


_GIVE = "SenderOptions(limits=...) says what a key may do: "
