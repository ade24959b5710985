"""A chain as another node would show it: some blocks behind, or on a branch of its own. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from trimtab.chain.hashing import keccak256

# Where each method says which block it means; what leaves it out means the latest.
_BLOCK_AT = {
    "eth_getBlockByNumber": 0,
    "eth_getBlockReceipts": 0,
    "eth_getBlockTransactionCountByNumber": 0,
    "eth_getTransactionByBlockNumberAndIndex": 0,
    "eth_getBalance": 1,
    "eth_getCode": 1,
    "eth_getTransactionCount": 1,
    "eth_call": 1,
    "eth_createAccessList": 1,
    "eth_estimateGas": 1,
    "eth_feeHistory": 1,
    "eth_simulateV1": 1,
    "debug_traceCall": 1,
    "eth_getStorageAt": 2,
    "eth_getProof": 2,
}
_BLOCKS = ("eth_getBlockByNumber", "eth_getBlockReceipts", "eth_getTransactionByBlockNumberAndIndex")
_MOVING = ("latest", "pending")
_OF_A_TRANSACTION = ("eth_getTransactionByHash", "eth_getTransactionReceipt")
_BODY = ("transactions", "uncles", "withdrawals", "size", "totalDifficulty")


@dataclass(frozen=True, slots=True)
class Unknown:
    """The node does not have that block: null when blocks were asked for, else an error."""

    is_null: bool


class Lag:
    """What a node knows whose newest block is `head`."""

    def __init__(self, head: int) -> None:
        self.head = head

    def params(self, method: str, params: list[Any]) -> list[Any] | Unknown:
        """The parameters with which the true node answers as this one would."""
        if method == "eth_getLogs" and params:
            return [self._log_filter(params[0]), *params[1:]]
        at = _BLOCK_AT.get(method)
        if at is None or len(params) < at:
            return params
        block = params[at] if len(params) > at else "latest"
        if block in _MOVING:
            return [*params[:at], hex(self.head), *params[at + 1 :]]
        if _number(block) > self.head:
            return Unknown(is_null=method in _BLOCKS)
        return params

    def result(self, method: str, result: Any) -> Any:
        """The true node's result as this one would give it."""
        if method == "eth_blockNumber":
            return hex(self.head)
        if not isinstance(result, dict):
            return result
        if method in ("eth_getBlockByHash", "eth_getTransactionReceipt"):
            number = result.get("blockNumber", result.get("number"))
            return None if _number(number) > self.head else result
        if method == "eth_getTransactionByHash" and _number(result.get("blockNumber")) > self.head:
            return result | {"blockNumber": None, "blockHash": None, "transactionIndex": None}
        return result

    def _log_filter(self, asked: Any) -> Any:
        if not isinstance(asked, dict) or "blockHash" in asked:
            return asked
        ends = {key: asked.get(key, "latest") for key in ("fromBlock", "toBlock")}
        known = {
            key: hex(self.head) if end in _MOVING or _number(end) > self.head else end
            for key, end in ends.items()
        }
        return asked | known


@dataclass(slots=True)
class Branch:
    """Blocks above each `period`-th one, up to `depth` of them, under hashes of their own while the head is
    among them. It remembers which true block each of its hashes stands for."""

    depth: int
    period: int
    _true: dict[str, str] = field(default_factory=dict)

    def first(self, head: int) -> int | None:
        """The lowest block that is on the branch now; None while the node is with the others."""
        above = head % self.period
        return head - above + 1 if 1 <= above <= self.depth else None

    def params(self, method: str, params: list[Any]) -> list[Any]:
        """A hash of the branch is asked for by its true one."""
        if method in ("eth_getBlockByHash", "eth_getBlockReceipts") and params:
            return [self._true.get(str(params[0]), params[0]), *params[1:]]
        return params

    def is_known(self, method: str, asked: list[Any], block: Any, first: int) -> bool:
        """False for a block of the others' chain that was asked for by its true hash."""
        if method != "eth_getBlockByHash" or not isinstance(block, dict) or not asked:
            return True
        return _number(block.get("number")) < first or asked[0] in self._true

    def result(self, result: Any, first: int) -> Any:
        """A result in which every block from `first` on has the branch's hash."""
        if isinstance(result, list):
            return [self.result(item, first) for item in result]
        if not isinstance(result, dict):
            return result
        changed = {k: self.result(v, first) if isinstance(v, dict | list) else v for k, v in result.items()}
        number = _number(result.get("number"))
        if number >= first:
            self._rename(changed, "hash")
        if number > first:
            self._rename(changed, "parentHash")
        if _number(result.get("blockNumber")) >= first:
            self._rename(changed, "blockHash")
        return changed

    def _rename(self, item: dict[str, Any], key: str) -> None:
        true = item.get(key)
        if isinstance(true, str) and true not in self._true:
            item[key] = "0x" + keccak256(b"side branch" + bytes.fromhex(true[2:])).hex()
            self._true[item[key]] = true
            while len(self._true) > 10_000:
                del self._true[next(iter(self._true))]


def header_of(block: dict[str, Any]) -> dict[str, Any]:
    """A block as a subscription to new heads tells it."""
    return {key: value for key, value in block.items() if key not in _BODY}


def _number(value: Any) -> int:
    """A block number; -1 for what is none."""
    try:
        return int(value, 16) if isinstance(value, str) and len(value) < 66 else -1
    except ValueError:
        return -1
