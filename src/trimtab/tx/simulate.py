"""Run a call before signing it: does it revert, and how much gas does it need?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.chain.reverts import call_reverted, revert_data
from trimtab.errors import (
    AbiError,
    InsufficientFundsError,
    IntentError,
    RateLimitedError,
    RpcError,
    SimulationRevertedError,
)
from trimtab.model.ids import Address
from trimtab.tx.intent import TX_GAS_CAP

_UNSUPPORTED_CODES = frozenset({-32601, -32602})
_UNSUPPORTED_WORDS = ("not supported", "unsupported", "not found", "unknown method", "does not exist")


class Simulator:
    """One round trip per simulation: `eth_simulateV1` where the node has it, else a batch of `eth_call` and
    `eth_estimateGas`. Which of them is learnt from the first answer."""

    def __init__(self, client: Client, sender: Address, *, block: str = "pending") -> None:
        self._client = client
        self._sender = sender
        self._block = block
        self._has_simulate_v1 = True
        self._with_code: set[Address] = set()

    async def find_gas(self, call: Call, gas_limit: int | None) -> int:
        """The gas limit to sign: the caller's, or the simulated use with a margin.

        Raises `SimulationRevertedError` with the raw data, `InsufficientFundsError`, `AbiError` when there is
        no code at the target, `IntentError` above the cap of a transaction, `TransportError`.
        """
        used = await self._simulate(call, gas_limit)
        return gas_limit if gas_limit is not None else with_margin(used)

    async def _simulate(self, call: Call, gas_limit: int | None) -> int:
        transaction = _transaction(call, self._sender, gas_limit)
        if self._has_simulate_v1:
            payload = {"blockStateCalls": [{"calls": [transaction]}], "validation": False}
            result = await self._ask(call, [("eth_simulateV1", [payload, self._block])])
            if not _is_unsupported(result[0]):
                return _read_simulation(result[0], call, self._client)
            self._has_simulate_v1 = False
        called, estimated = await self._ask(
            call,
            [("eth_call", [transaction, self._block]), ("eth_estimateGas", [transaction, self._block])],
        )
        for answer in (called, estimated):
            if isinstance(answer, RpcError | RateLimitedError):
                raise _explain(answer, call, self._client)
        return int(estimated, 16)

    async def _ask(self, call: Call, requests: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """The answers; the first call of a target also checks that there is code, in the same round trip."""
        if not call.data or call.target in self._with_code:
            return await self._client.batch(requests)
        *answers, code = await self._client.batch([*requests, ("eth_getCode", [call.target, "latest"])])
        if isinstance(code, Exception):
            raise code
        if code in ("0x", ""):
            raise AbiError(
                f"there is no code at {call.target}: the call would do nothing. "
                "Check the address and that the node serves the chain you mean"
            )
        self._with_code.add(call.target)
        return answers


def with_margin(used: int) -> int:
    """A sufficient gas limit for a run that used `used` gas.

    Refunds are up to a fifth of the gas spent (EIP-3529), so 5/4 of the use may be needed before them; and
    each nested call may pass on only 63/64 of what is left (EIP-150), which eight levels turn into 8/7.
    Unused gas costs nothing. Raises `IntentError` when even the bare use is above the cap (EIP-7825).
    """
    if used > TX_GAS_CAP:
        raise IntentError(
            f"the call uses {used} gas, above the cap of {TX_GAS_CAP} for one transaction: split it",
            field="gas_limit",
            value=used,
        )
    return min(-(-used * 10 // 7), TX_GAS_CAP)


def _transaction(call: Call, sender: Address, gas_limit: int | None) -> dict[str, str]:
    made = {"from": sender, "to": call.target, "value": hex(call.value), "data": "0x" + call.data.hex()}
    if gas_limit is not None:
        made["gas"] = hex(gas_limit)
    return made


def _is_unsupported(answer: object) -> bool:
    if not isinstance(answer, RpcError):
        return False
    words = answer.text.lower()
    return answer.code in _UNSUPPORTED_CODES or any(word in words for word in _UNSUPPORTED_WORDS)


def _read_simulation(answer: Any, call: Call, client: Client) -> int:
    if isinstance(answer, RpcError | RateLimitedError):
        raise _explain(answer, call, client)
    outcome = answer[0]["calls"][0]
    if int(outcome["status"], 16) == 1:
        return int(outcome.get("maxUsedGas") or outcome["gasUsed"], 16)
    error = outcome.get("error") or {}
    data = error.get("data") or outcome.get("returnData") or "0x"
    raise _reverted(call, bytes.fromhex(data[2:]), client, error.get("message", ""))


def _explain(error: RpcError | RateLimitedError, call: Call, client: Client) -> Exception:
    if isinstance(error, RateLimitedError):
        return error
    data = revert_data(error)
    if data is not None:
        return _reverted(call, data, client, error.text)
    if "insufficient funds" in error.text.lower() or "insufficient balance" in error.text.lower():
        return InsufficientFundsError(
            f"the account cannot pay {call.value} wei to {call.target} ({error.text}): send it funds",
            needed=call.value,
        )
    return error


def _reverted(call: Call, data: bytes, client: Client, text: str) -> SimulationRevertedError:
    found = call_reverted("the simulation", call.target, data, client.options.error_abis, text)
    return SimulationRevertedError(
        f"{found}; nothing was sent",
        reason=found.reason,
        data=data,
        args_by_name=found.args_by_name,
    )
