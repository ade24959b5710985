"""What can go wrong between a client and a node: one frozen value for each kind of fault. Pure.

The first line of a class is what tables and docs say of it. Its `stages` say when it can strike, its
`methods` which requests it strikes unless a rule names others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

ANY = ("eth_*", "net_*", "web3_*", "txpool_*", "debug_*", "trace_*", "mev_*", "flashbots_*", "websocket")
"""Everything but a development node's own methods: what a drill is steered by always gets through."""
READS = ("reads",)
SENDS = ("sends",)
CHAIN_READS = (
    *("eth_blockNumber", "eth_getBlock*", "eth_getTransaction*", "eth_getLogs", "eth_feeHistory"),
    *("eth_getBalance", "eth_getCode", "eth_getStorageAt", "eth_getProof", "eth_call", "eth_estimateGas"),
    *("eth_createAccessList", "eth_simulateV1", "debug_traceCall", "eth_subscription"),
)
"""What depends on which blocks a node has."""
SEND_METHODS = frozenset(
    {
        "eth_sendRawTransaction",
        "eth_sendRawTransactionSync",
        "eth_sendRawTransactionConditional",
        "eth_sendTransaction",
        "eth_sendTransactionSync",
    }
)
PUSHED = "eth_subscription"
"""The method of what a node pushes."""
HANDSHAKE = "websocket"
"""Stands for the opening of a WebSocket, which is refused as an HTTP request is."""

PASSING = frozenset({HANDSHAKE, "eth_subscribe", "eth_unsubscribe"})
"""What concerns the line itself: it comes to the node as it is, or not at all."""


class Stage(Enum):
    """When a fault strikes; at each stage the first rule that fires wins."""

    CALL = "one request, before the node sees it"
    VIEW = "one request to a node with another view of the chain"
    ANSWER = "one answer that has a value"
    DELAY = "a whole message, before it is answered"
    MESSAGE = "a whole message or the connection"
    PUSH = "what the node pushes"
    CHAIN = "the chain itself"


class Wire(Enum):
    """What a message came over."""

    HTTP = "http"
    WEBSOCKET = "websocket"


@dataclass(frozen=True, slots=True)
class Fault:
    """The root of all kinds."""

    stages: ClassVar[tuple[Stage, ...]] = ()
    methods: ClassVar[tuple[str, ...]] = ANY
    wires: ClassVar[tuple[Wire, ...]] = (Wire.HTTP, Wire.WEBSOCKET)
    needs_batch: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class StaleNonce(Fault):
    """An old nonce: that of some blocks ago (`blocks`), or some below the true one (`lower`, if not 0)."""

    stages = (Stage.CALL,)
    methods = ("eth_getTransactionCount",)
    blocks: int = 1
    lower: int = 0


@dataclass(frozen=True, slots=True)
class DroppedSend(Fault):
    """A send is accepted with its hash, and never reaches the node."""

    stages = (Stage.CALL,)
    methods = SENDS


@dataclass(frozen=True, slots=True)
class EvictedSend(Fault):
    """A send is accepted, and taken out of the node's pool later (after `seconds`) if it is still there."""

    stages = (Stage.CALL,)
    methods = SENDS
    seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class RepeatedSend(Fault):
    """The node gets the same send twice; the caller hears one answer (`answer`: "first" or "second")."""

    stages = (Stage.CALL,)
    methods = SENDS
    answer: str = "first"


@dataclass(frozen=True, slots=True)
class RefusedSend(Fault):
    """A send is refused in a client's words (of `send_class` and `client`, or any). With `forwarded` it is a
    lie: the node took the transaction."""

    stages = (Stage.CALL,)
    methods = SENDS
    send_class: str = ""
    client: str = ""
    forwarded: bool = False


@dataclass(frozen=True, slots=True)
class WrongChain(Fault):
    """The node says that it serves another chain (`chain_id`)."""

    stages = (Stage.CALL,)
    methods = ("eth_chainId", "net_version")
    chain_id: int = 1


@dataclass(frozen=True, slots=True)
class LimitedCall(Fault):
    """A JSON-RPC error asks to slow down (for `backoff_seconds`), for one request of a batch too."""

    stages = (Stage.CALL,)
    backoff_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class LaggingNode(Fault):
    """The node is some blocks behind (`blocks`) in all it says of blocks, state, receipts and heads."""

    stages = (Stage.VIEW,)
    methods = CHAIN_READS
    blocks: int = 2


@dataclass(frozen=True, slots=True)
class SideBranch(Fault):
    """The node follows a branch of its own for some blocks (`depth`, after every `period`-th), and comes back
    by a reorg. It shows the others' blocks under other hashes, also in receipts and logs."""

    stages = (Stage.VIEW,)
    methods = CHAIN_READS
    depth: int = 2
    period: int = 10


@dataclass(frozen=True, slots=True)
class OtherNode(Fault):
    """The answer comes from another node (at `url`); sends still go to the right one."""

    stages = (Stage.VIEW,)
    methods = READS
    url: str = ""


@dataclass(frozen=True, slots=True)
class LostReceipt(Fault):
    """Null for the receipt of a mined transaction."""

    stages = (Stage.ANSWER,)
    methods = ("eth_getTransactionReceipt",)


@dataclass(frozen=True, slots=True)
class NullLie(Fault):
    """Null for a read that has a value."""

    stages = (Stage.ANSWER,)
    methods = READS


@dataclass(frozen=True, slots=True)
class SlowAnswer(Fault):
    """The node answers at once, and the answer comes late (by `seconds`)."""

    stages = (Stage.DELAY,)
    seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class RateLimited(Fault):
    """HTTP 429, with or without a Retry-After (`retry_after` seconds); the node sees nothing."""

    stages = (Stage.MESSAGE,)
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class ServerError(Fault):
    """A gateway's error in place of the answer (`status`, 500 to 599). With `forwarded` the node did what it
    was asked."""

    stages = (Stage.MESSAGE,)
    status: int = 503
    forwarded: bool = False


@dataclass(frozen=True, slots=True)
class HtmlBody(Fault):
    """An HTML page with status 200 in place of an answer. With `forwarded` the node did what it was asked."""

    stages = (Stage.MESSAGE,)
    forwarded: bool = False


@dataclass(frozen=True, slots=True)
class LostAnswer(Fault):
    """The node did what it was asked, and no answer comes (an HTTP line is cut after `seconds`)."""

    stages = (Stage.MESSAGE,)
    seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Disconnect(Fault):
    """The line is cut in place of an answer. With `forwarded` the node did what it was asked."""

    stages = (Stage.MESSAGE, Stage.PUSH)
    forwarded: bool = False


@dataclass(frozen=True, slots=True)
class CutBody(Fault):
    """The line is cut in the middle of the answer."""

    stages = (Stage.MESSAGE,)


@dataclass(frozen=True, slots=True)
class GarbageJson(Fault):
    """The answer is whole and is not JSON."""

    stages = (Stage.MESSAGE,)


@dataclass(frozen=True, slots=True)
class RefusedBatch(Fault):
    """One error object answers a whole batch. With `forwarded` the node did what it was asked."""

    stages = (Stage.MESSAGE,)
    needs_batch = True
    forwarded: bool = False


@dataclass(frozen=True, slots=True)
class ShuffledBatch(Fault):
    """The answers of a batch come in another order."""

    stages = (Stage.MESSAGE,)
    needs_batch = True


@dataclass(frozen=True, slots=True)
class PartialBatch(Fault):
    """Some answers of a batch are left out (`missing` of them)."""

    stages = (Stage.MESSAGE,)
    needs_batch = True
    missing: int = 1


@dataclass(frozen=True, slots=True)
class RepeatedReply(Fault):
    """The same answer twice: as two messages on a WebSocket, as two parts of a batch over HTTP."""

    stages = (Stage.MESSAGE,)


@dataclass(frozen=True, slots=True)
class Silence(Fault):
    """A WebSocket stays open and says nothing for a while (`seconds`; without `pongs` not even to pings)."""

    stages = (Stage.MESSAGE, Stage.PUSH)
    wires = (Wire.WEBSOCKET,)
    seconds: float = 60.0
    pongs: bool = True


@dataclass(frozen=True, slots=True)
class DroppedNotification(Fault):
    """What the node pushed does not arrive."""

    stages = (Stage.PUSH,)
    methods = (PUSHED,)
    wires = (Wire.WEBSOCKET,)


@dataclass(frozen=True, slots=True)
class RepeatedNotification(Fault):
    """What the node pushed arrives twice."""

    stages = (Stage.PUSH,)
    methods = (PUSHED,)
    wires = (Wire.WEBSOCKET,)


@dataclass(frozen=True, slots=True)
class Reorg(Fault):
    """The last blocks are replaced (`depth`), and their transactions are gone from the chain and the pool."""

    stages = (Stage.CHAIN,)
    methods = ()
    depth: int = 3


@dataclass(frozen=True, slots=True)
class BaseFeeStorm(Fault):
    """The base fee is a multiple of what it was (`percent`) for a while (`seconds`), and falls again as the
    protocol lets it."""

    stages = (Stage.CHAIN,)
    methods = ()
    percent: int = 300
    seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class PoolDrop(Fault):
    """A part of the node's pool is forgotten (`percent` of its transactions)."""

    stages = (Stage.CHAIN,)
    methods = ()
    percent: int = 50


def reaches_node(fault: Fault) -> bool:
    """Whether the node sees a message that is struck so."""
    return not isinstance(fault, RateLimited) and bool(getattr(fault, "forwarded", True))


def kind_of(fault: Fault | type[Fault]) -> str:
    """The name of a kind, as plans and counters say it: `stale_nonce`."""
    name = fault.__name__ if isinstance(fault, type) else type(fault).__name__
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


KINDS: dict[str, type[Fault]] = {kind_of(cls): cls for cls in Fault.__subclasses__()}
"""Every kind by its name."""


def summary_of(fault: Fault | type[Fault]) -> str:
    """One sentence on a kind."""
    text = " ".join((fault.__doc__ or "").split())
    return text.split(". ")[0].rstrip(".") + "."
