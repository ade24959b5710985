"""Why a mined transaction reverted, and the typed error for an intent that was never mined."""

from __future__ import annotations

from typing import Any

from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.chain.receipt import Receipt
from trimtab.chain.reverts import call_reverted
from trimtab.errors import (
    CallRevertedError,
    ChainError,
    HaltError,
    InsufficientFundsError,
    LimitError,
    NotSentError,
    RevertedError,
    RouteRefusedError,
    RpcError,
    SigningError,
    TransportError,
    TrimtabError,
)
from trimtab.tx.states import Intent, Refusal, Slot


async def explain_revert(client: Client, receipt: Receipt, intent: Intent) -> RevertedError:
    """The decoded reason from the node's call tracer, else from the same call on the state of the block
    before. Never raises for a node that can do neither: then the reason says so."""
    call = Call(intent.target, intent.data, intent.value)
    found = await _traced(client, receipt, call) or await _called_again(client, receipt, call)
    reason, data = (found.reason, found.data) if found else ("unknown", b"")
    text = str(found) if found else "the node can neither trace nor replay it"
    return RevertedError(
        f"transaction {receipt.tx_hash} reverted in block {receipt.block}: {text}",
        tx_hash=receipt.tx_hash,
        nonce=intent.nonce or 0,
        reason=reason,
        data=data,
    )


async def _traced(client: Client, receipt: Receipt, call: Call) -> CallRevertedError | None:
    params = [receipt.tx_hash, {"tracer": "callTracer", "tracerConfig": {"onlyTopCall": True}}]
    try:
        trace: Any = await client.request("debug_traceTransaction", params)
    except (RpcError, TransportError):
        return None
    if not isinstance(trace, dict) or "error" not in trace:
        return None
    data = bytes.fromhex(str(trace.get("output") or "0x")[2:])
    return call_reverted("", call.target, data, client.options.error_abis, str(trace["error"]))


async def _called_again(client: Client, receipt: Receipt, call: Call) -> CallRevertedError | None:
    try:
        await client.call_raw(call, sender=receipt.sender, block=receipt.block - 1)
    except CallRevertedError as error:
        return error
    except ChainError:
        return None
    return None


def not_sent(intent: Intent, slot: Slot | None) -> TrimtabError:
    """The error for an intent that was refused: nothing of it is on chain."""
    text = f"{intent.key} was not sent: {intent.reason or intent.refusal}"
    match intent.refusal:
        case Refusal.FUNDS:
            return InsufficientFundsError(f"{text}; fund the account, then submit again")
        case Refusal.SIGNER:
            return SigningError(text)
        case Refusal.HALTED:
            return HaltError(text)
        case Refusal.LIMIT:
            return LimitError(f"{text}; it is beyond the limits of the key")
        case Refusal.ROUTE:
            tx_hash = slot.last.tx_hash if slot and slot.attempts else None
            return RouteRefusedError(
                f"{text}; every endpoint refused it, mend the cause and submit again",
                tx_hash=tx_hash,
                nonce=intent.nonce,
            )
        case Refusal.HELD:
            return NotSentError(text)
        case _:
            return NotSentError(f"{text}; submit again if it is still wanted")
