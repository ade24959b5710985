"""What a run of the MEV demo yields, hedge by hedge and at its end: values only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from trimtab.demo.mev.options import MevOptions
from trimtab.model.exposure import SandwichExposure
from trimtab.model.ids import TxHash
from trimtab.model.order import PerpQuote
from trimtab.world.searcher import Entry

PUBLIC, PRIVATE = "public", "private"
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Opened:
    """Both worlds are up, on one state. Seconds of wall clock, by what they were spent on."""

    seconds: Mapping[str, float]
    state_root: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What is known of a hedge before it is sent: its quote with the price limit that goes with it, and what
    it is exposed to in public."""

    number: int
    quote: PerpQuote
    exposure: SandwichExposure


@dataclass(frozen=True, slots=True)
class Leg:
    """How a hedge went on one route. `loss` (quote currency, > 0 lost) is how much worse it filled than its
    quote at the state before it, the venue's fee included; `attack` what the searcher's books say of it."""

    price: Decimal
    loss: Decimal
    tx_hash: TxHash
    block: int
    attack: Entry | None


@dataclass(frozen=True, slots=True)
class Hedged:
    """One hedge, sent on both routes."""

    shown: Shown
    public: Leg
    private: Leg


@dataclass(frozen=True, slots=True)
class Hunt:
    """What the searcher earned on one route: `profit` after the venue's `fees`, `gas` at the spot price."""

    attacks: int
    landed: int
    profit: Decimal
    fees: Decimal
    gas: Decimal


@dataclass(frozen=True, slots=True)
class Finished:
    """The whole run. `signed` and `seen`, by route: transactions that the journal holds, and those of them
    that the recorder before the public endpoints saw. What it saw of the private ones is a leak."""

    options: MevOptions
    opened: Opened
    hedges: Sequence[Hedged]
    public: Hunt
    private: Hunt
    signed: Mapping[str, int]
    seen: Mapping[str, int]
    wall_seconds: float

    @property
    def leaks(self) -> int:
        return self.seen[PRIVATE]

    @property
    def public_loss(self) -> Decimal:
        return sum((hedge.public.loss for hedge in self.hedges), _ZERO)

    @property
    def private_loss(self) -> Decimal:
        return sum((hedge.private.loss for hedge in self.hedges), _ZERO)

    @property
    def predicted_loss(self) -> Decimal:
        return sum((hedge.shown.exposure.victim_loss for hedge in self.hedges), _ZERO)


Event = Opened | Shown | Hedged | Finished
