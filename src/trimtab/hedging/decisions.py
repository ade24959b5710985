"""The hedger's own memory: every decision is durable before it is acted on, and ends exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Any

from trimtab.errors import HaltError
from trimtab.hedging.exposure import UnderlyingExposure
from trimtab.hedging.limits import PastHedge
from trimtab.journal import Journal
from trimtab.model.ids import Address, TxHash
from trimtab.model.order import ExecutionReport, OrderStatus

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of a decision. VOID: provably nothing was sent. Sizes signed; fee in quote currency."""

    status: str
    filled: Decimal = _ZERO
    price: Decimal | None = None
    fee: Decimal = _ZERO
    gas_wei: int = 0
    tx_hash: TxHash | None = None
    block: int | None = None
    text: str = ""


VOID = "void"
_DECIDED, _ENDED = ("delta", "held", "band", "size", "acceptable_price"), ("filled", "price", "fee")


@dataclass(frozen=True, slots=True)
class Decision:
    """One decided hedge. `reason` is what it was decided for: no second one is ever decided for it. `key` is
    the idempotency key under which it is sent, now or after a restart. `held` is the hedging perp's signed
    size at the time."""

    sequence: int
    reason: str
    key: str
    underlying: str
    block: int
    at: int
    delta: Decimal
    held: Decimal
    band: Decimal
    size: Decimal
    acceptable_price: Decimal
    ending: Ending | None = None


class DecisionLog:
    """The decisions of one account on one underlying of one chain, in a journal stream of their own.

    At most one decision is unfinished at any time. Close it to let another process write; `read_only` looks
    beside a writer and never writes.
    """

    def __init__(
        self, journal: Journal, chain_id: int, underlying: str, account: Address, *, read_only: bool = False
    ) -> None:
        self._journal = journal
        self._underlying = underlying
        self._stream = f"hedge/{chain_id}/{underlying}/{account}"
        self._lock = None if read_only else journal.acquire(self._stream)
        try:
            self._decisions = _replay([record.decode() for record in journal.replay(self._stream)])
        except BaseException:
            self.close()
            raise

    @property
    def unfinished(self) -> Decision | None:
        """The decision whose end is not known yet: nothing new may be decided before it is."""
        last = self._decisions[-1] if self._decisions else None
        return last if last is not None and last.ending is None else None

    @property
    def last_fill(self) -> Decision | None:
        """The last decision that moved the position."""
        filled = (d for d in reversed(self._decisions) if d.ending is not None and d.ending.filled)
        return next(filled, None)

    @property
    def decisions(self) -> Sequence[Decision]:
        return tuple(self._decisions)

    def find(self, reason: str) -> Decision | None:
        """What was decided for this reason before; a void decision does not count, it never left."""
        for decision in reversed(self._decisions):
            if decision.reason == reason and (decision.ending is None or decision.ending.status != VOID):
                return decision
        return None

    def history(self, since: int) -> tuple[PastHedge, ...]:
        """What was sent, or may have been, at or after the chain's second `since`."""
        sent = [d for d in self._decisions if d.at >= since and not (d.ending and d.ending.status == VOID)]
        return tuple(PastHedge(d.at, d.size, d.ending.gas_wei if d.ending else 0) for d in sent)

    def decide(
        self,
        reason: str,
        exposure: UnderlyingExposure,
        *,
        held: Decimal,
        band: Decimal,
        size: Decimal,
        limit: Decimal,
    ) -> Decision:
        """Write a new decision about `exposure`; it is durable when this returns. `limit` is the acceptable
        price. `HaltError` while one is unfinished or when the reason was decided on before."""
        if self.unfinished is not None or self.find(reason) is not None:
            raise HaltError(
                f"a hedge for {reason} must not be decided: {self.unfinished or self.find(reason)} stands; "
                "this is a fault in trimtab, reconcile first"
            )
        sequence = len(self._decisions) + 1
        key = f"hedge/{self._underlying}/{sequence}"
        block, at, delta = exposure.block, exposure.at, exposure.delta
        decision = Decision(
            sequence, reason, key, self._underlying, block, at, delta, held, band, size, limit
        )
        self._append({"kind": "decided", **_plain(decision)})
        self._decisions.append(decision)
        return decision

    def end(self, decision: Decision, ending: Ending) -> Decision:
        """Write how the unfinished decision ended; it is durable when this returns."""
        if self.unfinished is None or self.unfinished.sequence != decision.sequence:
            raise HaltError(f"hedge {decision.key} has ended before: this is a fault in trimtab, reconcile")
        self._append({"kind": "ended", "sequence": decision.sequence, **_plain(ending)})
        self._decisions[-1] = replace(decision, ending=ending)
        return self._decisions[-1]

    def close(self) -> None:
        if self._lock is not None:
            self._lock.release()

    def _append(self, record: dict[str, Any]) -> None:
        if self._lock is None:
            raise HaltError("this log of decisions is read only: this is a fault in trimtab")
        self._journal.append(self._stream, record)


def ending_of(report: ExecutionReport) -> Ending | None:
    """How a decision ended by its execution report; None while its fate is unknown."""
    if not report.status.is_terminal:
        return None
    filled = report.filled_size
    paid = sum((abs(fill.size) * fill.price for fill in report.fills), _ZERO)
    last = report.transactions[-1] if report.transactions else None
    return Ending(
        VOID if report.status is not OrderStatus.FILLED and last is None else report.status.value,
        filled,
        paid / abs(filled) if filled else None,
        sum((fill.fee for fill in report.fills), _ZERO),
        report.gas_wei,
        last.tx_hash if last else None,
        last.block if last else None,
        report.reason or "",
    )


def _plain(value: Decision | Ending) -> dict[str, Any]:
    return {name: item for name, item in asdict(value).items() if name != "ending"}


def _replay(records: Sequence[dict[str, Any]]) -> list[Decision]:
    decisions: list[Decision] = []
    for record in records:
        kind = record.pop("kind")
        if kind == "decided":
            decisions.append(Decision(**_numbers(record, _DECIDED)))
            continue
        sequence = record.pop("sequence")
        if not decisions or decisions[-1].sequence != sequence:
            raise HaltError(
                f"the journal ends hedge {sequence} but the last decided is "
                f"{decisions[-1].sequence if decisions else 'none'}: it was changed; send nothing"
            )
        decisions[-1] = replace(decisions[-1], ending=Ending(**_numbers(record, _ENDED)))
    return decisions


def _numbers(record: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return record | {name: Decimal(record[name]) for name in names if record[name] is not None}
