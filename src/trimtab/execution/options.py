"""How an executor behaves."""

from __future__ import annotations

from dataclasses import dataclass, field

from trimtab.errors import ConfigError
from trimtab.execution.checks import QuoteRules
from trimtab.execution.doors import Door
from trimtab.execution.exposure import PRIVATE_ONLY
from trimtab.model.exposure_rule import ExposureRule
from trimtab.tx import Finality, RoutePolicy


@dataclass(frozen=True, slots=True)
class ExecutorOptions:
    """`chain_id` None trusts the client's own check. `timeout` in seconds is how long one transaction's
    outcome is waited for before the order becomes UNKNOWN; what goes by private routes has its window's time
    beside it. `budget_wei` caps each transaction's worst-case cost. `exposure` is how much a sandwich may
    earn on an order of a venue that tells; `private` how one goes for which the rule says private, None where
    there is no private route. With one and no rule, whatever is exposed at all goes by it. `door`: what makes
    several calls one transaction with conditions; None sends each call by itself."""

    chain_id: int | None = None
    rules: QuoteRules = field(default_factory=QuoteRules)
    finality: Finality = Finality.INCLUDED
    timeout: float = 120.0
    budget_wei: int | None = None
    exposure: ExposureRule | None = None
    private: RoutePolicy | None = None
    door: Door | None = None

    def __post_init__(self) -> None:
        if self.private is not None and not self.private.is_private:
            raise ConfigError("private is a private route policy, or None", key="private")

    @property
    def rule(self) -> ExposureRule | None:
        """The rule that counts."""
        return self.exposure or (PRIVATE_ONLY if self.private is not None else None)
