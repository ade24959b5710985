"""What a trial block tells of the transactions in it: gas, fees, payments, reverts. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trimtab.tx.opening import OpenedTx
from trimtab.world.relay.forge import COINBASE, Mined


@dataclass(frozen=True, slots=True)
class TxResult:
    """One transaction in the block; wei. `tips` and `paid` went to the fee recipient: by the gas price beyond
    the base fee, and by calls. `error` is empty for a success, and `is_mined` False when it could not even be
    in the block."""

    tx: OpenedTx
    gas_used: int
    gas_price: int
    tips: int
    paid: int
    logs: tuple[Mapping[str, Any], ...] = ()
    error: str = ""
    revert_data: str = ""
    is_mined: bool = True


@dataclass(frozen=True, slots=True)
class Simulation:
    """A trial block on the state of `state_block`; `base_fee` in wei."""

    state_block: int
    base_fee: int
    results: tuple[TxResult, ...]

    @property
    def gas_used(self) -> int:
        return sum(result.gas_used for result in self.results)

    @property
    def tips(self) -> int:
        return sum(result.tips for result in self.results)

    @property
    def paid(self) -> int:
        """Beside the tips, wei."""
        return sum(result.paid for result in self.results)

    @property
    def coinbase_diff(self) -> int:
        """All that the fee recipient got, wei."""
        return self.tips + self.paid


def simulated(
    txs: Sequence[OpenedTx],
    mined: Mined,
    state_block: int,
    paid: Sequence[int],
    traces: Mapping[str, Mapping[str, Any]],
) -> Simulation:
    """The trial's results in the order of the transactions; `paid` by calls, for each of them, wei."""
    results = [
        _result(tx, mined, amount, traces.get(tx.tx_hash, {})) for tx, amount in zip(txs, paid, strict=True)
    ]
    return Simulation(state_block, mined.base_fee, tuple(results))


def payments(trace: Mapping[str, Any] | None) -> int:
    """What the calls of a transaction paid to the fee recipient, wei. A call that failed paid nothing."""
    if not trace or trace.get("error"):
        return 0
    is_to_it = str(trace.get("to", "")).lower() == COINBASE
    is_moving = is_to_it and trace.get("type") not in ("DELEGATECALL", "STATICCALL", "CALLCODE")
    own = int(trace.get("value") or "0x0", 16) if is_moving else 0
    return own + sum(payments(call) for call in trace.get("calls") or ())


def _result(tx: OpenedTx, mined: Mined, paid: int, trace: Mapping[str, Any]) -> TxResult:
    receipt = mined.receipts.get(tx.tx_hash)
    if receipt is None:
        words = mined.refused.get(tx.tx_hash, "the chain did not take it")
        return TxResult(tx, 0, 0, 0, 0, error=words, is_mined=False)
    gas, price = int(receipt["gasUsed"], 16), int(receipt["effectiveGasPrice"], 16)
    failed = receipt["status"] == "0x0"
    return TxResult(
        tx=tx,
        gas_used=gas,
        gas_price=price,
        tips=gas * (price - mined.base_fee),
        paid=paid,
        logs=tuple(receipt["logs"]),
        error=str(trace.get("error") or "execution reverted") if failed else "",
        revert_data=str(trace.get("output") or "0x") if failed else "",
    )
