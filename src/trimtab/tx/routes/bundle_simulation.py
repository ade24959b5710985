"""What a relay's simulation of a bundle says: `eth_callBundle` answers with a result also when it failed,
and hides the failure in one of its parts. Here each part is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trimtab.chain.rpc_errors import SendClass
from trimtab.tx.routes.base import Parcel, SendResult
from trimtab.tx.routes.relay import Relay
from trimtab.tx.states import Outcome


@dataclass(frozen=True, slots=True)
class BundleSimulation:
    """`failure` says why the bundle would not be mined as it is, empty when it would. `trouble` is set when
    there is no simulation, and then nothing is known. Amounts in wei."""

    endpoint: str
    failure: str = ""
    trouble: SendResult | None = None
    gas_used: int = 0
    coinbase_gain: int = 0
    gas_price: int = 0
    state_block: int = 0

    @property
    def is_ok(self) -> bool:
        """It was simulated, and all of it went through."""
        return self.trouble is None and not self.failure


async def simulate_bundle(
    relay: Relay, parcel: Parcel, *, state_block: int | None = None, timestamp: int | None = None
) -> BundleSimulation:
    """Simulate the parcel in its target block, on the state of `state_block` (None: the latest). The relay
    sees the bytes, as it would when they are sent."""
    fields: dict[str, Any] = {
        "txs": ["0x" + raw.hex() for raw in parcel.raws],
        "blockNumber": hex(parcel.target),
        "stateBlockNumber": "latest" if state_block is None else hex(state_block),
    }
    if timestamp is not None:
        fields["timestamp"] = timestamp
    heard = await relay.ask("eth_callBundle", [fields])
    trouble = heard.trouble
    if trouble is not None and trouble.send_class == SendClass.REVERT:
        return BundleSimulation(relay.name, failure=trouble.message)
    if trouble is not None:
        # "already known" would be a yes to a send, and this was none.
        is_yes = trouble.outcome is Outcome.ACCEPTED
        return BundleSimulation(relay.name, trouble=relay.doubt(trouble.message) if is_yes else trouble)
    return _read(relay, heard.result, len(parcel.raws))


def read_number(said: Any) -> int:
    """A number as relays write it: in JSON, decimal text or hex text. Raises `ValueError`, `TypeError`."""
    try:
        return int(said, 0) if isinstance(said, str) else int(said)
    except OverflowError:
        raise ValueError(f"{said} is no number") from None  # an infinite one


def _read(relay: Relay, said: Any, size: int) -> BundleSimulation:
    results = said.get("results") if isinstance(said, dict) else None
    if not isinstance(results, list) or len(results) != size:
        return BundleSimulation(relay.name, failure=f"the simulation says nothing of its {size} transactions")
    try:
        return BundleSimulation(
            relay.name,
            failure=relay.show(_first_failure(said, results)),
            gas_used=read_number(said.get("totalGasUsed", 0)),
            coinbase_gain=read_number(said.get("coinbaseDiff", 0)),
            gas_price=read_number(said.get("bundleGasPrice", 0)),
            state_block=read_number(said.get("stateBlockNumber", 0)),
        )
    except (TypeError, ValueError):
        return BundleSimulation(relay.name, failure="the simulation's numbers are none")


def _first_failure(said: dict[str, Any], results: Sequence[Any]) -> str:
    if said.get("error") is not None:
        return str(said["error"])
    for i, one in enumerate(results):
        if not isinstance(one, dict):
            return f"transaction {i + 1} has no result"
        if one.get("error") is not None or one.get("revert") is not None:
            reason = one.get("revert") or ""
            return f"transaction {i + 1}: {one.get('error') or 'reverted'} {reason}".rstrip()
    return ""
