"""What each method is asked for a rehearsal, and what its answer says. Pure; a malformed answer is an
`RpcError`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from trimtab.chain.abi import Abi
from trimtab.chain.receipt import Log
from trimtab.chain.reverts import decode_revert, revert_data
from trimtab.errors import RpcError
from trimtab.model.ids import Address, BlockHash
from trimtab.tx.answers import malformed_as_error, read_address, read_data, read_quantity
from trimtab.tx.call_objects import object_of
from trimtab.tx.differences import Fee, from_changes, from_transfers, without_native
from trimtab.tx.opening import OpenedTx
from trimtab.tx.rehearsal import RehearsedTx, Target

Overrides = Mapping[Address, Mapping[str, Any]]
Abis = Sequence[Abi]

CALLS: Mapping[str, Any] = {"tracer": "callTracer", "tracerConfig": {"withLog": True}}
CHANGES: Mapping[str, Any] = {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}}
"""Tracers that geth, Erigon, reth, Nethermind and anvil have."""


def block_overrides(target: Target) -> dict[str, Any]:
    """The target's number, time and base fee. Source: ethereum/execution-apis, `eth_simulateV1`."""
    return {
        "number": hex(target.number),
        "time": hex(target.at),
        "baseFeePerGas": hex(target.base_fee),
    }


def simulation_of(txs: Sequence[OpenedTx], target: Target, *, is_valid: bool) -> list[Any]:
    """The parameters of `eth_simulateV1`. What no block could hold it cannot be asked to check."""
    block = {
        "blockOverrides": block_overrides(target) | {"feeRecipient": target.coinbase},
        "calls": [object_of(tx) for tx in txs],
    }
    payload = {"blockStateCalls": [block], "validation": is_valid, "traceTransfers": True}
    return [payload, hex(target.parent)]


def read_simulation(
    answer: Any, txs: Sequence[OpenedTx], target: Target, abis: Abis
) -> tuple[list[RehearsedTx], tuple[str, ...]]:
    """What each transaction does, and what the node did not do as it was asked."""
    with malformed_as_error():
        (block,) = answer
        calls = block["calls"]
        if len(calls) != len(txs):
            raise ValueError(f"{len(calls)} results for {len(txs)} transactions")
        pairs = zip(txs, calls, strict=True)
        items = [_simulated(tx, call, target, abis) for tx, call in pairs]
        ran = tuple(read_quantity(block[key]) for key in ("number", "timestamp", "baseFeePerGas"))
    aimed = (target.number, target.at, target.base_fee)
    if ran == aimed:
        return items, ()
    return items, (f"the node ran it at number, time and base fee {ran}, not at {aimed}",)


def _simulated(tx: OpenedTx, call: Any, target: Target, abis: Abis) -> RehearsedTx:
    is_ok = read_quantity(call["status"]) == 1
    gas = _gas(call["gasUsed"], tx)
    error = call.get("error") or {}
    returned = read_data(error.get("data") or call["returnData"])
    logs = [_log(entry, tx, target) for entry in call["logs"]] if is_ok else []
    ended = _ended(tx, target, abis, is_ok=is_ok, returned=returned, text=str(error.get("message", "")))
    price = tx.price_at(target.base_fee)
    fee = Fee(tx.sender, gas * price, gas * (price - target.base_fee))
    return replace(
        ended,
        gas_used=gas,
        logs=tuple(_number(without_native(logs))),
        differences=from_transfers(logs, fee, target.coinbase),
    )


def bundle_of(txs: Sequence[OpenedTx], target: Target) -> list[Any]:
    """The parameters of `eth_callBundle`. Source: docs.flashbots.net, "JSON-RPC endpoints"."""
    asked = {
        "txs": ["0x" + tx.raw.hex() for tx in txs],
        "blockNumber": hex(target.number),
        "stateBlockNumber": hex(target.parent),
        "timestamp": target.at,
    }
    return [asked]


def read_bundle(answer: Any, txs: Sequence[OpenedTx], target: Target, abis: Abis) -> list[RehearsedTx]:
    """What a relay says of each transaction: its end and its gas."""
    with malformed_as_error():
        if answer.get("error") is not None:
            raise ValueError(f"{answer['error']} instead of a simulation")
        results = answer["results"]
        if [result["txHash"].lower() for result in results] != [tx.tx_hash for tx in txs]:
            raise ValueError("results of other transactions than were asked for")
        return [_bundled(tx, one, target, abis) for tx, one in zip(txs, results, strict=True)]


def _bundled(tx: OpenedTx, result: Any, target: Target, abis: Abis) -> RehearsedTx:
    """`error` says that it failed; `revert` is the decoded reason, or the data."""
    error, revert = result.get("error"), result.get("revert")
    is_ok = error is None and revert is None
    is_data = isinstance(revert, str) and revert.startswith("0x")
    returned = read_data(revert) if is_data else read_data(result.get("value") or "0x") if is_ok else b""
    text = str(error or "") if is_data or not revert else str(revert)
    ended = _ended(tx, target, abis, is_ok=is_ok, returned=returned, text=text)
    return replace(ended, gas_used=_gas(result["gasUsed"], tx))


def traces_of(tx: OpenedTx, target: Target, overrides: Overrides) -> list[tuple[str, list[Any]]]:
    """Two traces of one transaction: its calls with their logs, and the state that it changes."""
    context = {"blockOverrides": block_overrides(target), "stateOverrides": overrides}
    made, parent = object_of(tx), hex(target.parent)
    return [("debug_traceCall", [made, parent, {**tracer, **context}]) for tracer in (CALLS, CHANGES)]


def read_traces(
    answers: Sequence[Any], tx: OpenedTx, target: Target, abis: Abis, overrides: Overrides
) -> tuple[RehearsedTx, Overrides]:
    """What the transaction does, and the overrides that put the next one behind it."""
    with malformed_as_error():
        frame, state = answers
        is_ok = not frame.get("error")
        returned = read_data(frame.get("output") or "0x")
        logs = tuple(_number(_traced_logs(frame, tx, target)))
        ended = _ended(tx, target, abis, is_ok=is_ok, returned=returned, text=str(frame.get("error") or ""))
        before, after = _accounts(state)
        item = replace(
            ended,
            gas_used=_gas(frame["gasUsed"], tx),
            logs=logs,
            differences=from_changes(native_changes(state), logs, target.coinbase),
        )
        return item, _override(overrides, before, after)


def call_of(tx: OpenedTx, target: Target, *, with_block: bool) -> tuple[str, list[Any]]:
    """`eth_call` of one transaction, in the target's block where the node takes block overrides."""
    return "eth_call", [
        object_of(tx),
        hex(target.parent),
        *([{}, block_overrides(target)] if with_block else []),
    ]


def read_call(answer: Any, tx: OpenedTx, target: Target, abis: Abis) -> RehearsedTx:
    """Whether the transaction alone would revert. Raises the node's error when it is something else."""
    if isinstance(answer, RpcError):
        data = revert_data(answer)
        if data is None:
            raise answer
        return _ended(tx, target, abis, is_ok=False, returned=data, text=answer.text)
    with malformed_as_error():
        return _ended(tx, target, abis, is_ok=True, returned=read_data(answer))


def _ended(
    tx: OpenedTx, target: Target, abis: Abis, *, is_ok: bool, returned: bytes, text: str = ""
) -> RehearsedTx:
    """`text` is the node's own, for a revert without data."""
    price = tx.price_at(target.base_fee)
    if is_ok:
        return RehearsedTx(tx, is_ok=True, price=price, returned=returned)
    revert = decode_revert(returned, abis)
    if not returned and text:
        revert = replace(revert, text=f"{revert.text} ({text})")
    return RehearsedTx(tx, is_ok=False, price=price, revert=revert, returned=returned)


def _gas(value: Any, tx: OpenedTx) -> int:
    gas = read_quantity(value)
    if gas > tx.fields.gas_limit:
        raise ValueError(f"{gas} gas used of {tx.fields.gas_limit}")
    return gas


def _log(entry: Any, tx: OpenedTx, target: Target) -> Log:
    return Log(
        read_address(entry["address"]),
        tuple(read_data(topic, size=32) for topic in entry["topics"]),
        read_data(entry["data"]),
        target.number,
        BlockHash(""),
        tx.tx_hash,
        0,
    )


def _number(logs: Iterator[Log]) -> Iterator[Log]:
    return (replace(log, log_index=index) for index, log in enumerate(logs))


def _traced_logs(frame: Any, tx: OpenedTx, target: Target) -> Iterator[Log]:
    """Logs in the order in which they were emitted; those of failed calls are undone. Not recursive: calls
    nest 1,024 deep."""
    waiting = [frame]
    while waiting:
        item = waiting.pop()
        if "topics" in item:
            yield _log(item, tx, target)
        elif not item.get("error"):
            waiting.extend(reversed(_emitted(item)))


def _emitted(frame: Any) -> list[Any]:
    """A call's own logs and calls in order: a log's `position` is how many calls came before it."""
    calls = frame.get("calls") or []
    parts: list[list[Any]] = [[] for _ in range(len(calls) + 1)]
    for log in frame.get("logs") or []:
        parts[read_quantity(log["position"])].append(log)
    for number, call in enumerate(calls):
        parts[number].append(call)
    return [item for part in parts for item in part]


def native_changes(state: Any) -> dict[Address, int]:
    """What a `prestateTracer` in `diffMode` says of native balances, fees among them, wei."""
    before, after = _accounts(state)
    return {who: _balance_change(before, after, who) for who in {*before, *after}}


def _accounts(state: Any) -> tuple[dict[Address, Any], dict[Address, Any]]:
    """Before and after."""
    before, after = (
        {read_address(who): account for who, account in state[part].items()} for part in ("pre", "post")
    )
    return before, after


def _balance_change(before: Mapping[Address, Any], after: Mapping[Address, Any], who: Address) -> int:
    """What is in `after` changed, and tells only what changed; an account that is not in it is gone."""
    had = read_quantity(before.get(who, {}).get("balance", "0x0"))
    if who not in after:
        return -had
    return read_quantity(after[who].get("balance", hex(had))) - had


def _override(
    overrides: Overrides, before: Mapping[Address, Any], after: Mapping[Address, Any]
) -> dict[Address, Mapping[str, Any]]:
    """`overrides`, and over them what a transaction changed."""
    made = dict(overrides)
    for who in {*before, *after}:
        if who in after:
            made[who] = _override_account(made.get(who, {}), before.get(who, {}), after[who])
        else:
            made[who] = {"balance": "0x0", "nonce": "0x0", "code": "0x", "state": {}}
    return made


def _override_account(earlier: Mapping[str, Any], before: Any, after: Any) -> Mapping[str, Any]:
    made = dict(earlier)
    made |= {key: hex(read_quantity(after[key])) for key in ("balance", "nonce") if key in after}
    if "code" in after:
        made["code"] = "0x" + read_data(after["code"]).hex()
    slots = dict.fromkeys(_slots(before), "0x" + "00" * 32) | _slots(after)
    if slots:
        place = "state" if "state" in earlier else "stateDiff"
        made[place] = {**earlier.get(place, {}), **slots}
    return made


def _slots(account: Any) -> dict[str, str]:
    """Storage by slot. Where it is changed to zero it is told before, and not after."""
    found = (account.get("storage") or {}).items()
    return {_word(key): _word(value) for key, value in found}


def _word(value: Any) -> str:
    return "0x" + read_data(value, size=32).hex()
