"""The parameters of relay methods, from JSON to values. Pure; what does not do is a `RefusedError`.

Sources: the relay's documentation of its JSON-RPC endpoints, and github.com/flashbots/mev-share-node
(`bundle_validation.go`) for `mev_sendBundle`, whose words for refusals these are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec

from trimtab.chain.hashing import keccak256
from trimtab.errors import IntentError
from trimtab.tx.opening import OpenedTx, open_signed
from trimtab.world.faults.calls import Call

INVALID_REQUEST = -32600
NO_METHOD = -32601
INVALID_PARAMS = -32602
CUSTOM = -32000
_MAX_TXS = 100
_MAX_BYTES = 300_000
_MAX_DEPTH = 5
_MAX_RANGE = 30
_VERSIONS = ("v0.1", "beta-1")
_HINTS = frozenset(
    (
        *("contract_address", "function_selector", "calldata", "logs", "hash", "tx_hash", "transaction_hash"),
        *("special_logs", "default_logs"),
    )
)
_URL_HINTS = _HINTS - {"transaction_hash", "special_logs"} | {"full"}


class RefusedError(Exception):
    """A relay's no: the JSON-RPC error that it answers."""

    def __init__(self, message: str, code: int = CUSTOM) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class PrivateRequest:
    """eth_sendPrivateTransaction. `hints` None leaves them to the relay."""

    tx: OpenedTx
    last_block: int | None
    hints: tuple[str, ...] | None
    is_fast: bool


@dataclass(frozen=True, slots=True)
class UrlPreferences:
    """What the URL of a raw transaction says, at Protect and at MEV Blocker. `blocks`: so many may include
    it; `is_open`: to the public mempool as well. `hints` None leaves them to the door."""

    hints: tuple[str, ...] | None = None
    blocks: int | None = None
    can_revert: bool = False
    is_open: bool = False
    has_soft_cancel: bool = False


@dataclass(frozen=True, slots=True)
class BundleRequest:
    """eth_sendBundle; `block` is the only one it is for."""

    txs: tuple[OpenedTx, ...]
    block: int
    min_time: int
    max_time: int | None
    reverting: frozenset[str]
    dropping: frozenset[str]
    replacement: str
    builders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HashPart:
    """A part of a bundle that only its hash names."""

    hash: str


@dataclass(frozen=True, slots=True)
class TxPart:
    tx: OpenedTx
    can_revert: bool


Part: TypeAlias = "HashPart | TxPart | MevBundle"


@dataclass(frozen=True, slots=True)
class MevBundle:
    """mev_sendBundle v0.1; a bundle may be a part of another. `hints` None: nothing is said of privacy."""

    first_block: int
    last_block: int
    parts: tuple[Part, ...]
    hints: tuple[str, ...] | None

    @property
    def hash(self) -> str:
        """That of its only part, else of the parts' hashes joined."""
        hashes = [part.tx.tx_hash if isinstance(part, TxPart) else part.hash for part in self.parts]
        return hashes[0] if len(hashes) == 1 else joined_hash(hashes)


def params_of(call: Call) -> list[Any]:
    """A call's parameters by position; what is no list is the only one, and what is no JSON none."""
    try:
        params = msgspec.json.decode(call.params)
    except msgspec.DecodeError:
        return []
    return params if isinstance(params, list) else [params]


def joined_hash(hashes: Sequence[str]) -> str:
    """keccak256 of hashes one after the other: how bundles are named."""
    return "0x" + keccak256(b"".join(bytes.fromhex(h[2:]) for h in hashes)).hex()


def matching_hash(bundle_hash: str) -> str:
    """By which the event stream names a bundle or a transaction, so that its own hash stays unknown."""
    return "0x" + keccak256(bytes.fromhex(bundle_hash[2:])).hex()


def read_tx(value: object) -> OpenedTx:
    """A signed transaction as hex."""
    try:
        return open_signed(bytes.fromhex(_text(value, "tx").removeprefix("0x")))
    except (IntentError, ValueError) as error:
        raise RefusedError(f"unable to decode the transaction: {error}", INVALID_PARAMS) from error


def read_quantity(value: object, name: str) -> int:
    """A number as hex text. A JSON number does too: the official client sends `maxBlockNumber` as one."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and value.startswith("0x"):
        try:
            return int(value, 16)
        except ValueError:
            pass
    raise RefusedError(f"{name} is {value!r}, which is no hex number", INVALID_PARAMS)


def read_object(params: Sequence[Any], at: int = 0) -> Mapping[str, Any]:
    """The object among the parameters at that place."""
    if len(params) <= at or not isinstance(params[at], Mapping):
        raise RefusedError("invalid params: an object is missing", INVALID_PARAMS)
    found: Mapping[str, Any] = params[at]
    return found


def read_private(params: Sequence[Any]) -> PrivateRequest:
    """The parameters of eth_sendPrivateTransaction."""
    given = read_object(params)
    preferences = given.get("preferences") or {}
    privacy = preferences.get("privacy") or {}
    return PrivateRequest(
        tx=read_tx(given.get("tx")),
        last_block=_optional(given, "maxBlockNumber"),
        hints=_hints(privacy),
        is_fast=bool(preferences.get("fast")),
    )


def read_url(query: Iterable[tuple[str, str]]) -> UrlPreferences:
    """The URL's parameters, in any case of letters (flashbots/rpc-endpoint, `url_params.go`)."""
    given: dict[str, list[str]] = {}
    for key, value in query:
        given.setdefault(key.lower(), []).append(value)
    hints = given.get("hint")
    if hints is not None and not _URL_HINTS.issuperset(hints):
        raise _bad_url("Incorrect auction hint")
    blocks = given.get("blockrange", [""])[0]
    if blocks and not blocks.isdecimal():
        raise _bad_url("Incorrect URL parameter")
    return UrlPreferences(
        hints=None if hints is None else tuple(hints),
        blocks=int(blocks) or None if blocks else None,
        can_revert=given.get("canrevert") == ["true"],
        is_open=given.get("usemempool") == ["true"],
        has_soft_cancel=given.get("softcancellations") == ["true"],
    )


def _bad_url(why: str) -> RefusedError:
    return RefusedError(f"Invalid auction preference in the rpc endpoint url. {why}", INVALID_REQUEST)


def read_bundle(params: Sequence[Any]) -> BundleRequest:
    """The parameters of eth_sendBundle. Without transactions it needs a replacementUuid, which it cancels."""
    given = read_object(params)
    raws = given.get("txs") or []
    replacement = str(given.get("replacementUuid") or "")
    if not raws and not replacement:
        raise RefusedError("missing bundle txs", INVALID_PARAMS)
    if len(raws) > _MAX_TXS:
        raise RefusedError(f"bundle has {len(raws)} txs, the most is {_MAX_TXS}", INVALID_PARAMS)
    if sum(len(str(raw)) // 2 for raw in raws) > _MAX_BYTES:
        raise RefusedError(f"bundle is larger than {_MAX_BYTES} bytes", INVALID_PARAMS)
    return BundleRequest(
        txs=tuple(read_tx(raw) for raw in raws),
        block=_block(given.get("blockNumber")) if raws else 0,
        min_time=_optional(given, "minTimestamp") or 0,
        max_time=_optional(given, "maxTimestamp") or None,
        reverting=frozenset(str(h).lower() for h in given.get("revertingTxHashes") or ()),
        dropping=frozenset(str(h).lower() for h in given.get("droppingTxHashes") or ()),
        replacement=replacement,
        builders=tuple(given.get("builders") or ()),
    )


def read_mev_bundle(given: Mapping[str, Any], depth: int = 0) -> MevBundle:
    """A bundle of mev_sendBundle and mev_simBundle, without a look at the chain."""
    if depth > _MAX_DEPTH:
        raise RefusedError("bundle too deep")
    if given.get("version", "v0.1") not in _VERSIONS:
        raise RefusedError("unsupported bundle version")
    inclusion = given.get("inclusion") or {}
    first = read_quantity(inclusion.get("block"), "inclusion.block")
    last = _optional(inclusion, "maxBlock") or first
    if last < first or last - first > _MAX_RANGE:
        raise RefusedError("invalid inclusion")
    bundle = MevBundle(first, last, tuple(_parts(given, depth)), _hints(given.get("privacy") or {}))
    _check_validity(given.get("validity") or {}, len(bundle.parts))
    return bundle


def _parts(given: Mapping[str, Any], depth: int) -> list[Part]:
    body = given.get("body") or []
    if not body or len(body) > _MAX_TXS:
        raise RefusedError("invalid bundle body size")
    parts: list[Part] = []
    for number, part in enumerate(body):
        if part.get("hash") is not None:
            if number or depth or len(body) == 1:
                raise RefusedError("invalid bundle body")
            parts.append(HashPart(str(part["hash"]).lower()))
        elif part.get("tx") is not None:
            parts.append(TxPart(read_tx(part["tx"]), can_revert=bool(part.get("canRevert"))))
        else:
            parts.append(read_mev_bundle(read_object([part.get("bundle")]), depth + 1))
    return parts


def _hints(privacy: Mapping[str, Any]) -> tuple[str, ...] | None:
    """None when nothing is said. `builders` means nothing here: there is one."""
    hints = privacy.get("hints")
    if hints is not None and not _HINTS.issuperset(hints):
        raise RefusedError("invalid hint intent")
    return None if hints is None else tuple(hints)


def _check_validity(validity: Mapping[str, Any], parts: int) -> None:
    """Refunds are checked and not paid: this builder keeps nothing that could be given back."""
    refunds, shares = validity.get("refund") or (), validity.get("refundConfig") or ()
    indices = [refund.get("bodyIdx") for refund in refunds]
    percents = [[entry.get("percent", -1) for entry in entries] for entries in (refunds, shares)]
    is_bad = any(min(p, default=0) < 0 or sum(p) > 100 for p in percents)
    if is_bad or len(set(indices)) < len(indices) or not all(i in range(parts) for i in indices):
        raise RefusedError("invalid bundle constraints")


def _block(value: object) -> int:
    """Hex only, as the relay has it."""
    if not isinstance(value, str):
        raise RefusedError(f"blockNumber is {value!r}, which is no hex number", INVALID_PARAMS)
    return read_quantity(value, "blockNumber")


def _optional(given: Mapping[str, Any], name: str) -> int | None:
    value = given.get(name)
    return None if value is None else read_quantity(value, name)


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise RefusedError(f"{name} is missing", INVALID_PARAMS)
    return value
