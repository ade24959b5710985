"""What an MEV-Share event tells of a transaction or a bundle, by the hints that its sender allowed. Pure.

Source: github.com/flashbots/mev-share-node (`hints.go`): a hint implies those that it makes no sense without,
the hash is always told, by "special" or "default" logs only that a swap happened and where.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trimtab.tx.opening import OpenedTx
from trimtab.world.relay.requests import matching_hash

_SPECIAL = ("special_logs", "default_logs")
_SWAPS = {
    "0xd78ad95fa46c994b6551d0da85fc275fe613ce37657fb8d5e3d130840159d822": 1,
    "0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67": 1,
    "0x8b3e96f2b889fa771c53c981b40daf005f63f637f1869f707052d15a3dd97140": 1,
    "0x2170c741c41531aec20e7c107c24eecfdd15e69c9bb0a8dd37b1840b9e0b207b": 2,
}
"""Swap events of Uniswap v2 and v3, Curve, Balancer: how many topics are told (Balancer's with the pool)."""
_NOTHING = "0x" + "00" * 32


def wants_logs(hints: Iterable[str]) -> bool:
    """Whether somebody must find out first which logs there will be."""
    return not {"logs", *_SPECIAL}.isdisjoint(hints)


def event_of(
    name: str, txs: Sequence[OpenedTx], hints: Iterable[str], logs: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any] | None:
    """The event of what is called `name`, with the logs of a trial; None when nothing at all may be told."""
    allowed = frozenset(hints)
    if not allowed:
        return None
    told = [fields for tx in txs if (fields := _tx_fields(tx, allowed))]
    clean = [entry for log in logs if (entry := _clean(log, allowed))]
    return {"hash": matching_hash(name), "logs": clean or None, "txs": told or None}


def _tx_fields(tx: OpenedTx, hints: frozenset[str]) -> dict[str, str]:
    data, to = tx.fields.data, tx.fields.to
    has_data = "calldata" in hints
    has_selector = has_data or "function_selector" in hints
    fields: dict[str, str] = {}
    if not {"tx_hash", "transaction_hash"}.isdisjoint(hints):
        fields["hash"] = tx.tx_hash
    if (has_selector or "contract_address" in hints) and to is not None:
        fields["to"] = to
    if has_selector:
        fields["functionSelector"] = "0x" + data[:4].ljust(4, b"\0").hex()
    if has_data:
        fields["callData"] = "0x" + data.hex()
    return fields


def _clean(log: Mapping[str, Any], hints: frozenset[str]) -> dict[str, Any] | None:
    topics = list(log["topics"])
    if "logs" in hints:
        return {"address": log["address"], "topics": topics, "data": log["data"]}
    told = _SWAPS.get(topics[0], 0) if topics and not hints.isdisjoint(_SPECIAL) else 0
    if not told:
        return None
    kept = [topic if number < told else _NOTHING for number, topic in enumerate(topics)]
    return {"address": log["address"], "topics": kept, "data": "0x"}
