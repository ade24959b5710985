"""Three plans with names: what a usual day, a bad endpoint and a storm look like. Data."""

from __future__ import annotations

from trimtab.world.faults.kinds import (
    BaseFeeStorm,
    CutBody,
    Disconnect,
    DroppedNotification,
    DroppedSend,
    EvictedSend,
    Fault,
    GarbageJson,
    HtmlBody,
    LaggingNode,
    LimitedCall,
    LostAnswer,
    LostReceipt,
    NullLie,
    PartialBatch,
    PoolDrop,
    RateLimited,
    RefusedBatch,
    RefusedSend,
    Reorg,
    RepeatedNotification,
    RepeatedReply,
    RepeatedSend,
    ServerError,
    ShuffledBatch,
    SideBranch,
    Silence,
    SlowAnswer,
    StaleNonce,
    WrongChain,
)
from trimtab.world.faults.plan import ChainRule, FaultPlan, Rule


def _rules(table: tuple[tuple[float, Fault], ...]) -> tuple[Rule, ...]:
    return tuple(Rule(fault, probability=probability) for probability, fault in table)


CALM = FaultPlan(
    _rules(
        (
            (0.02, SlowAnswer(seconds=0.3)),
            (0.005, RateLimited(retry_after=1)),
            (0.002, ServerError(status=502)),
            (0.02, LaggingNode(blocks=1)),
        )
    )
)

FLAKY = FaultPlan(
    _rules(
        (
            (0.10, SlowAnswer(seconds=0.5)),
            (0.02, RateLimited()),
            (0.01, RateLimited(retry_after=1)),
            (0.02, LimitedCall()),
            (0.02, ServerError(status=503)),
            (0.01, ServerError(status=504, forwarded=True)),
            (0.01, HtmlBody()),
            (0.01, LostAnswer(seconds=5)),
            (0.01, Disconnect(forwarded=True)),
            (0.01, CutBody()),
            (0.05, StaleNonce(blocks=1)),
            (0.05, LostReceipt()),
            (0.10, LaggingNode(blocks=2)),
            (0.02, DroppedNotification()),
        )
    )
)

# One message in ten meets a broken line or page, so that with three such endpoints a read gets through. What
# is said of a send is a lie only where an answer is no proof: nonce too low, already known, unknown words.
# What strikes the calls of a batch one by one is rarer, for a batch is asked again as a whole.
STORM = FaultPlan(
    _rules(
        (
            (0.05, StaleNonce(blocks=2)),
            (0.05, StaleNonce(lower=1)),
            (0.03, DroppedSend()),
            (0.03, EvictedSend(seconds=0.5)),
            (0.02, RepeatedSend(answer="first")),
            (0.03, RepeatedSend(answer="second")),
            (0.01, RefusedSend(send_class="nonce_low")),
            (0.02, RefusedSend(send_class="nonce_low", forwarded=True)),
            (0.01, RefusedSend(send_class="already_known")),
            (0.01, RefusedSend(send_class="pool_full")),
            (0.01, RefusedSend(send_class="nonce_high")),
            (0.02, RefusedSend(send_class="ambiguous", forwarded=True)),
            (0.02, RefusedSend(send_class="node_state", forwarded=True)),
            (0.01, WrongChain(chain_id=1)),
            (0.003, LimitedCall()),
            (0.003, LimitedCall(backoff_seconds=0.2)),
            (0.05, LaggingNode(blocks=2)),
            (1.0, SideBranch(depth=2, period=25)),  # takes all that comes so far: what follows has no turn
            (0.05, LostReceipt()),
            (0.01, NullLie()),
            (0.05, SlowAnswer(seconds=0.3)),
            (0.01, RateLimited()),
            (0.005, RateLimited(retry_after=1)),
            (0.01, ServerError(status=502)),
            (0.01, ServerError(status=504, forwarded=True)),
            (0.01, HtmlBody()),
            (0.005, HtmlBody(forwarded=True)),
            (0.01, LostAnswer(seconds=5)),
            (0.005, Disconnect()),
            (0.01, Disconnect(forwarded=True)),
            (0.01, CutBody()),
            (0.01, GarbageJson()),
            (0.01, RefusedBatch()),
            (0.005, RefusedBatch(forwarded=True)),
            (0.10, ShuffledBatch()),
            (0.01, PartialBatch()),
            (0.03, RepeatedReply()),
            (0.002, Silence(seconds=3)),
            (0.02, DroppedNotification()),
            (0.05, RepeatedNotification()),
        )
    ),
    (
        ChainRule(Reorg(depth=3), at_seconds=(10.0, 30.0)),
        ChainRule(BaseFeeStorm(percent=300, seconds=5.0), at_seconds=(20.0,)),
        ChainRule(PoolDrop(percent=30), every_seconds=15.0),
    ),
)

PRESETS = {"calm": CALM, "flaky": FLAKY, "storm": STORM}
"""By name, for the command line."""
