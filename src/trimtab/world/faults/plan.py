"""A plan of faults: which ones strike what, how often, and when. Pure values, checked when they are made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from itertools import count, islice
from math import inf

from trimtab.chain.rpc_errors import SendClass
from trimtab.chain.transports.failover import READ_METHODS
from trimtab.errors import ConfigError
from trimtab.world.faults import kinds
from trimtab.world.faults.kinds import SEND_METHODS, Fault, Stage, kind_of
from trimtab.world.faults.words import pick_refusal

_GROUPS = {"reads": READ_METHODS, "sends": SEND_METHODS}


@dataclass(frozen=True, slots=True)
class Rule:
    """One fault between client and node. It strikes a request of `methods` (names, patterns like "eth_get*",
    "reads", "sends"; the fault's own when empty) with `probability`, or every `every`-th time, or the `first`
    times; always, if none is given. It begins after `skip` requests and `after_seconds`, and ends at
    `until_seconds` or when it has struck `limit` times."""

    fault: Fault
    methods: tuple[str, ...] = ()
    probability: float | None = None
    every: int | None = None
    first: int | None = None
    skip: int = 0
    limit: int | None = None
    after_seconds: float = 0.0
    until_seconds: float | None = None

    def __post_init__(self) -> None:
        kind = check_fault(self.fault)
        if Stage.CHAIN in self.fault.stages:
            raise ConfigError(f"{kind} happens to the chain: make it a ChainRule ([[chain]])", key=kind)
        given = [name for name in ("probability", "every", "first") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ConfigError(f"{kind}: give one of {' and '.join(given)}, not both", key=given[1])
        if self.probability is not None and not 0 <= self.probability <= 1:
            raise ConfigError(f"{kind}: a probability of {self.probability} is not within 0 and 1", key=kind)
        _check_counts(kind, self, ("every", "first", "limit"), least=1)
        _check_counts(kind, self, ("skip", "after_seconds"), least=0)
        if self.until_seconds is not None and self.until_seconds <= self.after_seconds:
            raise ConfigError(f"{kind}: until_seconds {self.until_seconds} is not after its begin", key=kind)
        for name in self.methods:
            self._check_method(kind, name)

    def _check_method(self, kind: str, name: str) -> None:
        own = self.fault.methods
        is_name = name not in _GROUPS and "*" not in name and "?" not in name
        if own != kinds.ANY and is_name and not _is_among(name, own):
            raise ConfigError(f"{kind} cannot strike {name}: it is for {', '.join(own)}", key="methods")

    def strikes(self, method: str) -> bool:
        """Whether a request of that method is the rule's business."""
        own = self.fault.methods
        return _is_among(method, self.methods or own) and (own == kinds.ANY or _is_among(method, own))

    @property
    def frequency(self) -> str:
        """How often, in words."""
        if self.probability is not None:
            return f"{self.probability * 100:g} %"
        if self.every is not None:
            return f"every {self.every}." if self.every > 1 else "always"
        return "always" if self.first is None else f"the first {self.first}"


@dataclass(frozen=True, slots=True)
class ChainRule:
    """A fault of the chain itself, at each of `at_seconds` or every `every_seconds`, up to `limit` times."""

    fault: Fault
    at_seconds: tuple[float, ...] = ()
    every_seconds: float | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        kind = check_fault(self.fault)
        if Stage.CHAIN not in self.fault.stages:
            raise ConfigError(f"{kind} happens between client and node: make it a Rule ([[rule]])", key=kind)
        if bool(self.at_seconds) == (self.every_seconds is not None):
            raise ConfigError(f"{kind}: give either at_seconds or every_seconds", key=kind)
        times = (*self.at_seconds, 1.0 if self.every_seconds is None else self.every_seconds)
        if not all(0 <= moment < inf for moment in times) or self.every_seconds == 0:
            raise ConfigError(f"{kind}: its times must lie ahead", key=kind)
        _check_counts(kind, self, ("limit",), least=1)

    def moments(self) -> Iterator[float]:
        """Its seconds from the start, without end when nothing ends them."""
        if self.every_seconds is None:
            return islice(sorted(self.at_seconds), self.limit)
        return islice(count(self.every_seconds, self.every_seconds), self.limit)

    @property
    def frequency(self) -> str:
        """When, in words."""
        if self.every_seconds is not None:
            return f"every {self.every_seconds:g} s"
        return "at " + ", ".join(f"{moment:g}" for moment in self.at_seconds) + " s"


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """What shall go wrong: `rules` on the way to the node, of which the first that fires wins; `chain` on the
    node itself. Without any, nothing goes wrong."""

    rules: tuple[Rule, ...] = ()
    chain: tuple[ChainRule, ...] = ()

    @classmethod
    def calm(cls) -> FaultPlan:
        """A good provider on a usual day: now and then slow, a block behind, or asking to slow down."""
        from trimtab.world.faults import presets

        return presets.CALM

    @classmethod
    def flaky(cls) -> FaultPlan:
        """A shared public endpoint: limits, gateway errors, lost answers, nodes that lag and disagree."""
        from trimtab.world.faults import presets

        return presets.FLAKY

    @classmethod
    def storm(cls) -> FaultPlan:
        """Every kind at once (but `other_node`, which needs a second node), at rates that can be outlived."""
        from trimtab.world.faults import presets

        return presets.STORM


def check_fault(fault: Fault) -> str:
    """The kind of a fault whose parameters make sense. Raises `ConfigError`."""
    kind = kind_of(fault)
    for field in fields(fault):
        value = getattr(fault, field.name)
        if isinstance(value, int | float) and not 0 <= value < inf:
            raise ConfigError(f"{kind}: {field.name} is {value}; it cannot be below 0", key=field.name)
    complaint = _complaint(fault)
    if complaint:
        raise ConfigError(f"{kind}: {complaint}", key=kind)
    return kind


def _complaint(fault: Fault) -> str | None:
    match fault:
        case kinds.StaleNonce(blocks=0, lower=0):
            return "blocks or lower must be above 0"
        case kinds.RepeatedSend(answer=answer) if answer not in ("first", "second"):
            return f'answer is {answer!r}; it is "first" or "second"'
        case kinds.RefusedSend(send_class=name) if name and name not in set(SendClass):
            return f"there is no send_class {name!r}: {', '.join(SendClass)}"
        case kinds.RefusedSend(send_class=name, client=client):
            pick_refusal(name, client, 0)
        case kinds.ServerError(status=status) if not 500 <= status <= 599:
            return f"status {status} is not within 500 and 599"
        case kinds.SideBranch(depth=depth, period=period) if not 1 <= depth < period:
            return f"depth {depth} must be above 0 and below period {period}"
        case kinds.OtherNode(url=url) if not url.startswith(("http://", "https://")):
            return "url must be the other node's http:// or https:// URL"
        case kinds.LaggingNode(blocks=0) | kinds.PartialBatch(missing=0) | kinds.Reorg(depth=0):
            return "the number must be above 0"
        case kinds.PoolDrop(percent=percent) if percent > 100:
            return f"percent {percent} is more than all"
    return None


def _check_counts(kind: str, rule: object, names: Iterable[str], *, least: int) -> None:
    for name in names:
        value = getattr(rule, name)
        if value is not None and not least <= value < inf:
            raise ConfigError(f"{kind}: {name} is {value}; it must be at least {least}", key=name)


def _is_among(method: str, patterns: Iterable[str]) -> bool:
    return any(
        method in _GROUPS[pattern] if pattern in _GROUPS else fnmatchcase(method, pattern)
        for pattern in patterns
    )
