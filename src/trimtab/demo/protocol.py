"""What the demo and its hedger process say to each other: one JSON object a line, over the child's pipes."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from trimtab.execution.doors import OwnCode
from trimtab.hedging.decisions import Decision
from trimtab.hedging.hedger import HedgeStep
from trimtab.hedging.limits import HedgeLimits
from trimtab.hedging.policy import FixedBand, HedgePolicy, WhalleyWilmott
from trimtab.model.ids import Address, TxHash
from trimtab.venues.lyra.addresses import LyraDeployment
from trimtab.venues.perp_v2.addresses import PerpV2Deployment


class Start(msgspec.Struct, frozen=True, kw_only=True, tag="start"):
    """All that the hedger needs. The key comes through the pipe, so that no process list and no environment
    shows it. `crash_at` N: the process kills itself right after the broadcast of its N-th transaction.
    `door`: the trader's own code."""

    url: str
    chain_id: int
    key: str
    account: Address
    journal: str
    underlying: str
    option_market: str
    perp_market: str
    perp: PerpV2Deployment
    lyra: LyraDeployment
    limits: HedgeLimits
    fixed_band: FixedBand | None = None
    whalley_wilmott: WhalleyWilmott | None = None
    crash_at: int | None = None
    door: OwnCode | None = None

    def __repr__(self) -> str:
        return f"Start(url={self.url!r}, account={self.account!r}, key='***')"

    @property
    def policy(self) -> HedgePolicy:
        policy = self.fixed_band or self.whalley_wilmott
        if policy is None:
            raise ValueError("the start message names no policy")
        return policy


class Look(msgspec.Struct, frozen=True, tag="look"):
    """Look at the latest block and hedge if need be; `reason` is the occasion, used once."""

    reason: str


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """Finish and exit."""


class Hedge(msgspec.Struct, frozen=True, kw_only=True):
    """One hedge as the hedger's journal knows it. `size` signed; `fee` in quote currency, gas in wei."""

    key: str
    reason: str
    status: str
    size: Decimal
    price: Decimal | None
    fee: Decimal
    gas_wei: int
    tx_hash: TxHash | None
    block: int | None


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """Reconciled and waiting. `resolved` is the hedge that an earlier life had left open."""

    resolved: Hedge | None = None


class Looked(msgspec.Struct, frozen=True, kw_only=True, tag="looked"):
    """One look. `delta_before` is what was decided on, `band` the half-width that counted."""

    reason: str
    delta_before: Decimal
    delta_after: Decimal
    band: Decimal
    hedge: Hedge | None = None
    refusal: str | None = None
    notes: tuple[str, ...] = ()


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The hedger gives up: the class of its error, and what it said."""

    error: str
    message: str


Order = Start | Look | Stop
Answer = Ready | Looked | Failed
encode_line = msgspec.json.Encoder().encode
decode_order = msgspec.json.Decoder(Order).decode
decode_answer = msgspec.json.Decoder(Answer).decode


def hedge_from(decision: Decision) -> Hedge:
    """A decision of the hedger as it travels."""
    ending = decision.ending
    if ending is None:
        raise ValueError(f"hedge {decision.key} is not finished")
    return Hedge(
        key=decision.key,
        reason=decision.reason,
        status=ending.status,
        size=ending.filled,
        price=ending.price,
        fee=ending.fee,
        gas_wei=ending.gas_wei,
        tx_hash=ending.tx_hash,
        block=ending.block,
    )


def looked_from(step: HedgeStep) -> Looked:
    """A step of the hedger as it travels."""
    decided, wanted = step.decision, step.wanted
    if wanted is not None:
        before, band = wanted.delta, wanted.band
    elif decided is not None:
        before, band = decided.delta, decided.band
    elif step.before is not None:
        before, band = step.before.delta, Decimal(0)
    else:
        raise ValueError(f"step {step.reason} tells neither a wish nor a decision")
    return Looked(
        reason=step.reason,
        delta_before=before,
        delta_after=step.after.delta,
        band=band,
        hedge=hedge_from(decided) if decided else None,
        refusal=step.refusal,
        notes=step.allowed.notes if step.allowed else (),
    )
