"""What relays may tell others of a transaction, and who gets what searchers pay for it: checked values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trimtab.chain.address import checksum, parse_address
from trimtab.errors import ConfigError
from trimtab.model.ids import Address

HINTS = (
    "calldata",
    "contract_address",
    "function_selector",
    "logs",
    "hash",
    "tx_hash",
    "default_logs",
    "special_logs",
    "full",
)
"""What MEV-Share can show to searchers. Without `hash` they cannot bid at all, and nothing comes back."""


@dataclass(frozen=True, slots=True)
class Refund:
    """`percent` of what searchers pay goes to `address`."""

    address: Address
    percent: int


def check_hints(hints: Sequence[str]) -> None:
    """Raise `ConfigError` for a hint that no relay knows, or one named twice."""
    unknown = [hint for hint in hints if hint not in HINTS]
    if unknown:
        raise ConfigError(f"there is no hint {unknown[0]!r}: {', '.join(HINTS)}", key="hints")
    if len(set(hints)) != len(hints):
        raise ConfigError(f"a hint is named twice in {', '.join(hints)}", key="hints")


def check_builders(builders: Sequence[str]) -> None:
    """Raise `ConfigError` for an empty name or one that is named twice."""
    if not all(builders) or len(set(builders)) != len(builders):
        raise ConfigError(f"builders are names, each once; got {list(builders)}", key="builders")


def check_refunds(refunds: Sequence[Refund], *, most: int = 99) -> None:
    """Raise `ConfigError` unless each address is one and the percentages are 1 to `most` in all."""
    for refund in refunds:
        parse_address(refund.address)
        if refund.percent < 1:
            raise ConfigError(f"a refund is at least 1 percent, got {refund.percent}", key="refunds")
    if sum(refund.percent for refund in refunds) > most:
        raise ConfigError(
            f"refunds are at most {most} percent in all, got {sum(r.percent for r in refunds)}", key="refunds"
        )


def refund_fields(refunds: Sequence[Refund]) -> list[dict[str, Any]]:
    """As relays take them."""
    return [{"address": checksum(refund.address), "percent": refund.percent} for refund in refunds]
