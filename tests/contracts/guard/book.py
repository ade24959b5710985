"""What a guard should decide, said once more and independently: a model in Python of its limits and of the
venue on paper. It knows the chain only by what was sent and what came back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

WAD = 10**18
NO_LIMIT = 2**256 - 1
HOUR, DAY = 3_600, 86_400
OVERHEAD_GAS = 75_000  # a fee may be counted with so much gas more than it took

Kind = Literal["trade", "failing", "margin", "value", "stranger"]


@dataclass(frozen=True, slots=True)
class Terms:
    """The limits that are drawn, in the order of the contract's struct."""

    max_value: int = NO_LIMIT
    max_value_per_day: int = NO_LIMIT
    max_cost: int = NO_LIMIT
    max_fees_per_hour: int = NO_LIMIT
    max_fees_per_day: int = NO_LIMIT
    max_notional: int = NO_LIMIT
    max_notional_per_day: int = NO_LIMIT
    max_leverage: int = NO_LIMIT
    max_slippage: int = NO_LIMIT
    reduce_only: bool = False
    expires_at: int = NO_LIMIT
    refunds_fees: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One call of the agent's: a trade of `size` for `paid` (a failing one undoes itself), margin of `size`,
    value to the friend, or value to a stranger."""

    kind: Kind
    size: int = 0
    paid: int = 0
    value: int = 0
    passes: bool = False
    """Whether its failure lets the plan go on."""


@dataclass(frozen=True, slots=True)
class Account:
    """The guard at the venue on paper, with one market."""

    size: int = 0
    cash: int = 0
    margin: int = 0

    def equity(self, oracle: int) -> int:
        return self.margin + self.cash + _toward_zero(self.size * oracle, WAD)

    def notional(self, mark: int) -> int:
        return _up(abs(self.size) * mark, WAD)


@dataclass(frozen=True, slots=True)
class Took:
    """What a transaction took, and when. `fee` is what the chain says that the guard counted."""

    at: int
    value: int
    notional: int
    fee: int = 0


class RefusedError(Exception):
    """The error that the contract should answer with."""


@dataclass
class Book:
    """The whole state of the guard that matters."""

    mark: int
    oracle: int
    terms: Terms | None = None
    is_killed: bool = False
    account: Account = field(default_factory=Account)
    taken: list[Took] = field(default_factory=list)

    def judge(self, steps: tuple[Step, ...], now: int) -> tuple[Took, Account]:
        """What the plan takes before its fee, and the account after it. Raises `RefusedError`."""
        if self.is_killed:
            raise RefusedError("AgentKilled")
        if self.terms is None or now >= self.terms.expires_at:
            raise RefusedError("LimitsExpired")
        account, value, notional = self.account, 0, 0
        for step in steps:
            account, took_value, took_notional = self._make(step, account, value, notional)
            value, notional = value + took_value, notional + took_notional
        took = Took(now, value, notional)
        self._check_day(took)
        return took, account

    def _make(self, step: Step, account: Account, value: int, notional: int) -> tuple[Account, int, int]:
        assert self.terms is not None
        if step.kind == "stranger":
            raise RefusedError("TransferNotAllowed")
        if value + step.value > self.terms.max_value:
            raise RefusedError("ValueAbove")
        if step.kind == "failing":
            if not step.passes:
                raise RefusedError("CallReverted")
            return account, 0, 0
        after, traded = self._move(step, account), 0
        if step.kind == "trade":
            traded = _up(abs(step.size) * self.mark, WAD)
            self._check_trade(step, account, after, traded, notional)
        if step.kind != "value":
            self._check_leverage(account, after)
        return after, step.value, traded

    def _move(self, step: Step, account: Account) -> Account:
        if step.kind == "trade":
            return replace(account, size=account.size + step.size, cash=account.cash - step.paid)
        if step.kind == "margin":
            return replace(account, margin=account.margin + step.size)
        return account

    def _check_trade(self, step: Step, before: Account, after: Account, traded: int, earlier: int) -> None:
        assert self.terms is not None
        grew = abs(after.size) > abs(before.size) or after.size * before.size < 0
        if self.terms.reduce_only and grew:
            raise RefusedError("NotReducing")
        worth = step.size * self.oracle // WAD
        loss = max(0, step.paid - worth)
        if self.terms.max_slippage != NO_LIMIT and loss * WAD > traded * self.terms.max_slippage:
            raise RefusedError("SlippageAbove")
        if earlier + traded > self.terms.max_notional:
            raise RefusedError("NotionalAbove")

    def _check_leverage(self, before: Account, after: Account) -> None:
        assert self.terms is not None
        notional, equity, most = after.notional(self.mark), after.equity(self.oracle), self.terms.max_leverage
        if not notional or most == NO_LIMIT or (equity > 0 and notional * WAD <= equity * most):
            return
        old_notional, old_equity = before.notional(self.mark), before.equity(self.oracle)
        if old_equity > 0 and equity > 0:
            is_raised = notional * old_equity > old_notional * equity
        else:
            is_raised = equity < old_equity or notional > old_notional
        if is_raised:
            raise RefusedError("LeverageAbove")

    def _check_day(self, took: Took) -> None:
        assert self.terms is not None
        if took.value and self.within("value", DAY, took.at) + took.value > self.terms.max_value_per_day:
            raise RefusedError("ValuePerDayAbove")
        if (
            took.notional
            and self.within("notional", DAY, took.at) + took.notional > self.terms.max_notional_per_day
        ):
            raise RefusedError("NotionalPerDayAbove")

    def fits(self, fee: int, value: int, now: int) -> str | None:
        """The error for a fee, None where it fits."""
        assert self.terms is not None
        if value + fee > self.terms.max_cost:
            return "CostAbove"
        if fee and self.within("fee", HOUR, now) + fee > self.terms.max_fees_per_hour:
            return "FeesPerHourAbove"
        if fee and self.within("fee", DAY, now) + fee > self.terms.max_fees_per_day:
            return "FeesPerDayAbove"
        return None

    def within(self, part: str, seconds: int, now: int) -> int:
        """Added up one by one, as no contract could afford."""
        return sum(getattr(took, part) for took in self.taken if took.at > now - seconds)


CAPS = (
    ("value", DAY, "max_value_per_day"),
    ("notional", DAY, "max_notional_per_day"),
    ("fee", HOUR, "max_fees_per_hour"),
    ("fee", DAY, "max_fees_per_day"),
)


def windows_above(taken: list[tuple[Took, Terms]]) -> Iterator[str]:
    """Every window, wherever it ends, that holds more than the cap under which its last amount was taken."""
    for last, (took, terms) in enumerate(taken):
        for part, seconds, cap in CAPS:
            most = getattr(terms, cap)
            inside = [t for t, _ in taken[: last + 1] if t.at > took.at - seconds]
            if getattr(took, part) and sum(getattr(t, part) for t in inside) > most:
                yield f"{part} of the {seconds} s up to {took.at}: {inside} above {cap} {most}"


def highest_fee(gas_used: int, gas_price: int) -> int:
    """What a guard may count at most: it does not see what the chain gives back for cleared storage, a fifth
    at most, and counts the bytes of its data as if none were zero."""
    return (gas_used * 5 // 4 + OVERHEAD_GAS) * gas_price


def _up(product: int, unit: int) -> int:
    return -(-product // unit)


def _toward_zero(product: int, unit: int) -> int:
    return abs(product) // unit * (1 if product >= 0 else -1)
