"""What a run of the demo yields, step by step and at its end: values only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from trimtab.demo.accounts import AccountValues
from trimtab.demo.atomic import Comparison
from trimtab.demo.audit import Audit
from trimtab.demo.ledger import Posting
from trimtab.demo.opening import Opening
from trimtab.demo.options import DemoOptions
from trimtab.demo.protocol import Looked
from trimtab.model.order import TxRecord


@dataclass(frozen=True, slots=True)
class Opened:
    """The world is up and the book is open. Seconds of wall clock, by what they were spent on."""

    seconds: Mapping[str, float]
    opening: Opening
    posting: Posting
    url: str


@dataclass(frozen=True, slots=True)
class Stepped:
    """One step: the accounts before the hedger looked and after, what it said (None without a hedger), and
    the books. `event` is what happened besides: a jump, a crash."""

    number: int
    before: AccountValues
    looked: Looked | None
    posting: Posting
    event: str | None

    @property
    def after(self) -> AccountValues:
        return self.posting.values


@dataclass(frozen=True, slots=True)
class Finished:
    """The whole run. `comparison`: of an atomic one with the plain way."""

    options: DemoOptions
    opened: Opened
    first: Posting
    steps: Sequence[Stepped]
    audit: Audit
    records: Sequence[TxRecord]
    crashes: int
    wall_seconds: float
    engine: str
    notes: Sequence[str] = ()
    comparison: Comparison | None = None

    @property
    def max_abs_delta_after(self) -> Decimal:
        return max(abs(step.after.exposure.delta) for step in self.steps)


Event = Opened | Stepped | Finished
