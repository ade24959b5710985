"""What can go wrong with a relay, beside what can go wrong with every server (`world.faults.kinds`).

They are struck by the rules of `world.faults.plan`, whose methods are here the relay's: JSON-RPC names,
"status" for its status API, "build" for a block of its builder.
"""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.errors import ConfigError
from trimtab.world.faults import kinds
from trimtab.world.faults.kinds import Fault, Stage, kind_of
from trimtab.world.faults.plan import FaultPlan

TAKING = (
    *("eth_sendPrivateTransaction", "eth_sendPrivateRawTransaction", "eth_sendRawTransaction"),
    *("eth_sendBundle", "mev_sendBundle", "eth_sendRawTransactionConditional"),
)
"""What gives a relay something to hold."""
ASKED = (*TAKING, "eth_cancelPrivateTransaction", "eth_cancelBundle", "eth_callBundle", "mev_simBundle")


@dataclass(frozen=True, slots=True)
class Refused(Fault):
    """The relay says no (in `message`). With `forwarded` it is a lie: it did what it was asked."""

    stages = (Stage.CALL,)
    methods = ASKED
    message: str = "internal error"
    forwarded: bool = False


@dataclass(frozen=True, slots=True)
class Ignored(Fault):
    """The relay says yes, and its builder never hears of it."""

    stages = (Stage.CALL,)
    methods = (*TAKING, "eth_cancelPrivateTransaction", "eth_cancelBundle")


@dataclass(frozen=True, slots=True)
class Leaked(Fault):
    """The relay does what it was asked, and hands the transactions to the public mempool."""

    stages = (Stage.CALL,)
    methods = TAKING


@dataclass(frozen=True, slots=True)
class Unanswered(Fault):
    """No answer comes for a while (`seconds`), then the line is cut. With `forwarded` the relay did what it
    was asked."""

    stages = (Stage.MESSAGE,)
    methods = ASKED
    seconds: float = 30.0
    forwarded: bool = False


@dataclass(frozen=True, slots=True)
class BadStatus(Fault):
    """The status API lies (it says `state`)."""

    stages = (Stage.ANSWER,)
    methods = ("status",)
    state: str = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Uncle(Fault):
    """A block with private transactions is lost: a sibling without them takes its place, and everybody sees
    their bytes."""

    stages = (Stage.CALL,)
    methods = ("build",)


RELAY_FAULTS: tuple[type[Fault], ...] = (
    *(Refused, Ignored, Leaked, Unanswered, BadStatus, Uncle),
    *(kinds.RateLimited, kinds.ServerError, kinds.HtmlBody, kinds.GarbageJson, kinds.SlowAnswer),
    *(kinds.LostAnswer, kinds.Disconnect),
)
"""All that can strike a relay."""


def check_plan(plan: FaultPlan) -> None:
    """Raises `ConfigError` for a fault that no relay has."""
    known = ", ".join(kind_of(fault) for fault in RELAY_FAULTS)
    planned = [rule.fault for rule in plan.rules] + [rule.fault for rule in plan.chain]
    for fault in planned:
        if type(fault) not in RELAY_FAULTS:
            kind = kind_of(fault)
            raise ConfigError(f"a relay has no fault {kind}: it has {known}", key=kind)
