"""Run a call before signing it: does it revert, and how much gas does it need?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
    TrimtabError,
)
from trimtab.model.ids import Address
from trimtab.tx.answers import is_unsupported, malformed, malformed_as_error
from trimtab.tx.call_objects import access_list_object, authorization_objects
from trimtab.tx.envelope import AccessList, Authorization
from trimtab.tx.intent import TX_GAS_CAP

DELEGATION_PREFIX = "0xef0100"
"""Code of this beginning is another account's, by a delegation (EIP-7702)."""
TRANSFER_GAS = 21_000
"""What every transaction costs before anything runs."""
AUTHORIZATION_GAS = 25_000
"""PER_EMPTY_ACCOUNT_COST of EIP-7702: charged for each authorisation before anything runs."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A transaction as it would be sent, before nonce and fees."""

    call: Call
    gas_limit: int | None = None
    access_list: AccessList = ()
    authorizations: tuple[Authorization, ...] = ()
    delegate_to: Address | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The gas limit to sign, and the access list to sign with it."""

    gas_limit: int
    access_list: AccessList = ()


class Simulator:
    """One round trip per simulation: `eth_simulateV1` where the node has it, else a batch of `eth_call` and
    `eth_estimateGas`. Which of them is learnt from the first answer. `estimates` never simulates: where the
    cost of L1 stands inside the gas limit, only the node's estimate has it. (Arbitrum's NodeInterface splits
    that number into its parts; the whole is what is signed, and comes without a request more.)"""

    def __init__(
        self, client: Client, sender: Address, *, block: str = "pending", estimates: bool = False
    ) -> None:
        self._client = client
        self._sender = sender
        self._block = block
        self._has_simulate_v1 = not estimates
        self._with_code: set[Address] = set()

    async def find_gas(
        self, trial: Trial, *, wants_access_list: bool = False, ahead: Sequence[Trial] = ()
    ) -> Found:
        """The gas limit to sign: the caller's, or the simulated use with a margin. An access list that is
        wanted is asked for in the same round trip, tried in one more, and kept when less gas is used with it.
        `ahead` comes before it and the node does not know it: see `find_gas_together`, without such a list.

        Raises `SimulationRevertedError` with the raw data, `InsufficientFundsError`, `AbiError` when there is
        no code at the target, `IntentError` above the cap of a transaction, `TransportError`.
        """
        if ahead:
            return (await self.find_gas_together([trial], ahead=ahead))[0]
        asks_list = wants_access_list and bool(trial.call.data) and not trial.access_list
        used, offered = await self._simulate(trial, asks_list=asks_list)
        kept = trial.access_list
        if offered:
            better = replace(trial, access_list=offered)
            try:
                used_with_list, _ = await self._simulate(better)
            except TrimtabError:
                used_with_list = used  # it runs without: that is enough
            if used_with_list < used:
                used, kept = used_with_list, offered
        gas_limit = trial.gas_limit if trial.gas_limit is not None else with_margin(used)
        return Found(gas_limit, kept)

    async def find_gas_together(self, trials: Sequence[Trial], *, ahead: Sequence[Trial] = ()) -> list[Found]:
        """Like `find_gas`, for steps of which each runs on what the one before it left, in one request. What
        is `ahead` of them runs first: the account's own transactions that only private routes have.

        Where the node has no `eth_simulateV1`, a step that needs an earlier one cannot be tried: then each
        but the very first needs a gas limit of its own, else `IntentError`.
        """
        steps = [*ahead, *trials]
        if self._has_simulate_v1 and len(steps) > 1:
            overrides = {k: v for step in steps for k, v in _overrides(step, self._sender).items()}
            calls = [_transaction(step, self._sender) for step in steps]
            block = {"calls": calls} | ({"stateOverrides": overrides} if overrides else {})
            payload = {"blockStateCalls": [block], "validation": False}
            result = await self._ask(trials[0], [("eth_simulateV1", [payload, self._block])])
            if not is_unsupported(result[0]):
                return [self._found(trial, result[0], n) for n, trial in enumerate(trials, len(ahead))]
            self._has_simulate_v1 = False
        alone, behind = (trials[:0], trials) if ahead else (trials[:1], trials[1:])
        for trial in behind:
            if trial.gas_limit is None:
                raise IntentError(
                    "the node cannot simulate one transaction after another (eth_simulateV1): give a "
                    f"gas_limit to what comes after {'what is in flight' if ahead else 'the first step'}, "
                    f"also to the call of {trial.call.target}",
                    field="gas_limit",
                )
        found = [await self.find_gas(trial) for trial in alone]
        return [*found, *(Found(trial.gas_limit or 0, trial.access_list) for trial in behind)]

    def _found(self, trial: Trial, answer: Any, step: int) -> Found:
        used = _cost(_read_simulation(answer, trial.call, self._client, step), trial)
        return Found(trial.gas_limit or with_margin(used), trial.access_list)

    async def _simulate(self, trial: Trial, *, asks_list: bool = False) -> tuple[int, AccessList]:
        """Gas used, and the access list that the node offers."""
        transaction = _transaction(trial, self._sender)
        overrides = _overrides(trial, self._sender)
        extra = [("eth_createAccessList", [transaction, self._block])] if asks_list else []
        if self._has_simulate_v1:
            block = {"calls": [transaction]} | ({"stateOverrides": overrides} if overrides else {})
            payload = {"blockStateCalls": [block], "validation": False}
            result = await self._ask(trial, [("eth_simulateV1", [payload, self._block]), *extra])
            if not is_unsupported(result[0]):
                used = _read_simulation(result[0], trial.call, self._client)
                return _cost(used, trial), _offered(result[1:])
            self._has_simulate_v1 = False
        params = [transaction, self._block, *([overrides] if overrides else [])]
        called, estimated, *offers = await self._ask(
            trial, [("eth_call", params), ("eth_estimateGas", params), *extra]
        )
        for answer in (called, estimated):
            if isinstance(answer, RpcError | RateLimitedError):
                raise _explain(answer, trial.call, self._client)
        with malformed_as_error():
            return _cost(int(estimated, 16), trial), _offered(offers)

    async def _ask(self, trial: Trial, requests: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """The answers; the first call of a target also checks that there is code, in the same round trip."""
        target = trial.call.target
        is_own = target == self._sender and trial.delegate_to is not None
        if not trial.call.data or target in self._with_code or is_own or trial.authorizations:
            return await self._client.batch(requests)
        *answers, code = await self._client.batch([*requests, ("eth_getCode", [target, "latest"])])
        if isinstance(code, Exception):
            raise code
        if not isinstance(code, str):
            raise malformed(code)
        if code in ("0x", ""):
            raise AbiError(
                f"there is no code at {target}: the call would do nothing. "
                "Check the address and that the node serves the chain you mean"
            )
        self._with_code.add(target)
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


def _transaction(trial: Trial, sender: Address) -> dict[str, Any]:
    call = trial.call
    made: dict[str, Any] = {"from": sender, "to": call.target}
    made |= {"value": hex(call.value), "data": "0x" + call.data.hex()}
    if trial.gas_limit is not None:
        made["gas"] = hex(trial.gas_limit)
    if trial.access_list:
        made["accessList"] = access_list_object(trial.access_list)
    if trial.authorizations:
        made["authorizationList"] = authorization_objects(trial.authorizations)
    return made


def _overrides(trial: Trial, sender: Address) -> dict[str, Any]:
    """The account's own delegation is signed with the transaction: until then its code is put in its
    place."""
    if trial.delegate_to is None:
        return {}
    return {sender: {"code": DELEGATION_PREFIX + trial.delegate_to[2:]}}


def _cost(used: int, trial: Trial) -> int:
    """`used`, with what authorisations cost that the simulation did not see: the account's own is signed
    later, and a node that does not know the list says less than its bare cost."""
    own = AUTHORIZATION_GAS if trial.delegate_to is not None else 0
    carried = AUTHORIZATION_GAS * len(trial.authorizations)
    unseen = carried if used < TRANSFER_GAS + carried else 0
    return used + own + unseen


def _offered(answers: Sequence[Any]) -> AccessList:
    """The list of `eth_createAccessList`; empty when it was not asked for, or the node does not have it."""
    if not answers or not isinstance(answers[0], dict) or answers[0].get("error"):
        return ()
    try:
        return tuple(
            (
                Address(entry["address"].lower()),
                tuple(bytes.fromhex(key[2:]) for key in entry["storageKeys"]),
            )
            for entry in answers[0]["accessList"]
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return ()


def _read_simulation(answer: Any, call: Call, client: Client, step: int = 0) -> int:
    if isinstance(answer, RpcError | RateLimitedError):
        raise _explain(answer, call, client)
    with malformed_as_error():
        outcome = answer[0]["calls"][step]
        if int(outcome["status"], 16) == 1:
            return int(outcome.get("maxUsedGas") or outcome["gasUsed"], 16)
        error = outcome.get("error") or {}
        data = bytes.fromhex((error.get("data") or outcome.get("returnData") or "0x")[2:])
    raise _reverted(call, data, client, error.get("message", ""))


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
