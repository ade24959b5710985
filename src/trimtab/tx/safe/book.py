"""What the journal knows of a Safe's proposals: records in, one entry for each key. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from trimtab.model.ids import Address, TxHash
from trimtab.tx.safe.outcome import Execution
from trimtab.tx.safe.safe_tx import Operation, SafeTx, SafeTxHash


class Standing(StrEnum):
    """SIGNED: the service may or may not have it. REFUSED: it said no to a proposal that it then had seen."""

    SIGNED = "signed"
    POSTED = "posted"
    REFUSED = "refused"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Entry:
    """One key's proposal, which never becomes another: what was signed once stays what the key means.

    `block` and `safe_nonce` are where its story begins on chain; `end` is what used its nonce.
    """

    key: str
    digest: str
    label: str
    tx: SafeTx
    safe_tx_hash: SafeTxHash
    sender: Address
    signature: bytes
    block: int
    safe_nonce: int
    standing: Standing = Standing.SIGNED
    end: Execution | None = None

    @property
    def nonce(self) -> int:
        return self.tx.nonce

    @property
    def is_live(self) -> bool:
        """The service has it or may have it, and it may yet be executed."""
        return self.standing in (Standing.SIGNED, Standing.POSTED)

    def record(self) -> dict[str, Any]:
        """As it is written before it is posted."""
        tx = self.tx
        return {
            "kind": "proposed",
            "key": self.key,
            "digest": self.digest,
            "label": self.label,
            "to": tx.to,
            "value": str(tx.value),
            "data": tx.data.hex(),
            "nonce": tx.nonce,
            "operation": int(tx.operation),
            "safe_tx_gas": str(tx.safe_tx_gas),
            "hash": self.safe_tx_hash,
            "sender": self.sender,
            "signature": self.signature.hex(),
            "block": self.block,
            "safe_nonce": self.safe_nonce,
        }


def stream_of(chain_id: int, safe: Address) -> str:
    """The journal's stream of one Safe."""
    return f"safe/{chain_id}/{safe}"


def posted(key: str) -> dict[str, Any]:
    return {"kind": "posted", "key": key}


def refused(key: str, message: str) -> dict[str, Any]:
    return {"kind": "refused", "key": key, "message": message}


def ended(key: str, end: Execution) -> dict[str, Any]:
    return {
        "kind": "ended",
        "key": key,
        "by": end.safe_tx_hash,
        "succeeded": end.succeeded,
        "tx_hash": end.tx_hash,
        "block": end.block,
    }


class Book:
    """Every entry by its key."""

    def __init__(self, records: Iterable[Mapping[str, Any]] = ()) -> None:
        self.entries: dict[str, Entry] = {}
        for record in records:
            self.apply(record)

    def apply(self, record: Mapping[str, Any]) -> Entry:
        """Take one record; the entry as it is then."""
        key = record["key"]
        match record["kind"]:
            case "proposed":
                entry = _entry(record)
            case "posted":
                entry = replace(self.entries[key], standing=Standing.POSTED)
            case "refused":
                entry = replace(self.entries[key], standing=Standing.REFUSED)
            case _:
                end = Execution(
                    safe_tx_hash=SafeTxHash(record["by"]),
                    succeeded=bool(record["succeeded"]),
                    tx_hash=TxHash(record["tx_hash"]),
                    block=record["block"],
                )
                entry = replace(self.entries[key], standing=Standing.ENDED, end=end)
        self.entries[key] = entry
        return entry

    def live(self) -> tuple[Entry, ...]:
        """In the order of their nonces."""
        return tuple(sorted((e for e in self.entries.values() if e.is_live), key=lambda entry: entry.nonce))

    def next_nonce(self, chain_nonce: int, queued: Iterable[int]) -> int:
        """The first nonce after all that is executed or waiting, at the service and here: a node that lags or
        a service that does not show everything moves nothing backwards."""
        own = [entry.nonce + 1 for entry in self.entries.values() if entry.standing is not Standing.REFUSED]
        return max(chain_nonce, *own, *(nonce + 1 for nonce in queued), 0)

    def rival_of(self, entry: Entry) -> Entry | None:
        """Another live proposal of ours with the same nonce."""
        same = (other for other in self.live() if other.nonce == entry.nonce and other.key != entry.key)
        return next(same, None)


def _entry(record: Mapping[str, Any]) -> Entry:
    tx = SafeTx(
        to=Address(record["to"]),
        value=int(record["value"]),
        data=bytes.fromhex(record["data"]),
        nonce=record["nonce"],
        operation=Operation(record["operation"]),
        safe_tx_gas=int(record["safe_tx_gas"]),
    )
    return Entry(
        key=record["key"],
        digest=record["digest"],
        label=record["label"],
        tx=tx,
        safe_tx_hash=SafeTxHash(record["hash"]),
        sender=Address(record["sender"]),
        signature=bytes.fromhex(record["signature"]),
        block=record["block"],
        safe_nonce=record["safe_nonce"],
    )
