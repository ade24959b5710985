"""Simulations and statistics in the shapes that the relay's own clients read. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from trimtab.chain.address import checksum
from trimtab.world.relay.pool import BundleStory
from trimtab.world.relay.requests import RefusedError, joined_hash
from trimtab.world.relay.simulation import Simulation, TxResult


def call_bundle_answer(simulation: Simulation) -> dict[str, Any]:
    """Of eth_callBundle; amounts in wei as decimal text. Raises `RefusedError` when a transaction could not
    even be in the block."""
    for result in simulation.results:
        if not result.is_mined:
            raise RefusedError(f"err: {result.error}; txhash {result.tx.tx_hash}")
    gas = simulation.gas_used
    return {
        "bundleGasPrice": str(simulation.coinbase_diff // gas if gas else 0),
        "bundleHash": joined_hash([result.tx.tx_hash for result in simulation.results]),
        "coinbaseDiff": str(simulation.coinbase_diff),
        "ethSentToCoinbase": str(simulation.paid),
        "gasFees": str(simulation.tips),
        "results": [_tx_answer(result) for result in simulation.results],
        "stateBlockNumber": simulation.state_block,
        "totalGasUsed": gas,
    }


def _tx_answer(result: TxResult) -> dict[str, Any]:
    to = result.tx.fields.to
    income = result.tips + result.paid
    answer = {
        "coinbaseDiff": str(income),
        "ethSentToCoinbase": str(result.paid),
        "fromAddress": checksum(result.tx.sender),
        "gasFees": str(result.tips),
        "gasPrice": str(income // result.gas_used if result.gas_used else 0),
        "gasUsed": result.gas_used,
        "toAddress": checksum(to) if to else "0x",
        "txHash": result.tx.tx_hash,
        "value": "0x",
    }
    if result.error:
        answer |= {"error": result.error, "revert": result.revert_data}
    return answer


def sim_bundle_answer(simulation: Simulation, may_revert: frozenset[str]) -> dict[str, Any]:
    """Of mev_simBundle; quantities as hex. It fails by the first transaction that may not revert and did."""
    failed = next(
        (r for r in simulation.results if r.error and not (r.is_mined and r.tx.tx_hash in may_revert)), None
    )
    gas = simulation.gas_used
    answer: dict[str, Any] = {
        "success": failed is None,
        "stateBlock": hex(simulation.state_block),
        "mevGasPrice": hex(simulation.coinbase_diff // gas if gas else 0),
        "profit": hex(simulation.coinbase_diff),
        "refundableValue": hex(simulation.paid),
        "gasUsed": hex(gas),
        "logs": [{"txLogs": list(result.logs)} for result in simulation.results],
    }
    if failed is not None:
        answer |= {"error": "bundle tx failed", "execError": failed.error, "revert": failed.revert_data}
    return answer


def bundle_stats(story: BundleStory | None) -> dict[str, Any]:
    """Of flashbots_getBundleStatsV2. There is one builder, whose key nobody knows."""
    if story is None:
        return {"isSimulated": False}

    def seen(at: float | None) -> list[dict[str, str]]:
        return [] if at is None else [{"pubkey": "0x" + "00" * 48, "timestamp": _iso(at)}]

    return {
        "isSimulated": True,
        "isHighPriority": True,
        "simulatedAt": _iso(story.at),
        "receivedAt": _iso(story.at),
        "consideredByBuildersAt": seen(story.considered_at),
        "sealedByBuildersAt": seen(story.sealed_at),
    }


def bundle_stats_v1(story: BundleStory | None) -> dict[str, Any]:
    """Of flashbots_getBundleStats."""
    if story is None:
        return {"isSimulated": False, "isSentToMiners": False, "isHighPriority": False}
    sent = story.considered_at is not None
    return {
        "isSimulated": True,
        "isSentToMiners": sent,
        "isHighPriority": True,
        "simulatedAt": _iso(story.at),
        "submittedAt": _iso(story.at),
        **({"sentToMinersAt": _iso(story.considered_at)} if story.considered_at is not None else {}),
    }


def user_stats(paid: int, gas: int) -> dict[str, Any]:
    """Of flashbots_getUserStatsV2: wei paid and gas of a signer's bundles. Here a week is as long as ever."""
    amounts = {"ValidatorPayments": str(paid), "GasSimulated": str(gas)}
    periods = ("allTime", "last7d", "last1d")
    return {"isHighPriority": True} | {f"{p}{name}": v for p in periods for name, v in amounts.items()}


def user_stats_v1(paid: int, gas: int) -> dict[str, Any]:
    """Of flashbots_getUserStats."""
    amounts = {"miner_payments": str(paid), "gas_simulated": str(gas)}
    periods = ("all_time", "last_7d", "last_1d")
    return {"is_high_priority": True} | {f"{p}_{name}": v for p in periods for name, v in amounts.items()}


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
