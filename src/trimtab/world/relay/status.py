"""The status APIs, `GET /tx/<hash>`: what a relay says became of a transaction. Pure.

Sources: the documentation of the transaction status APIs of Flashbots Protect and of MEV Blocker. A
transaction's fields are told only when it is in a block.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from trimtab.chain.address import checksum
from trimtab.world.relay.pool import State, Story


def status_page(tx_hash: str, story: Story | None, *, is_public: bool) -> dict[str, Any]:
    """Protect's answer, or MEV Blocker's for what came in by one of its doors."""
    if story is not None and story.door.name == "mevblocker":
        return _mev_blocker(tx_hash, story)
    state = State.UNKNOWN if story is None else story.state
    return {
        "status": str(state),
        "hash": tx_hash,
        "maxBlockNumber": 0 if story is None else story.last_block,
        "transaction": _fields(story, "gasLimit"),
        "fastMode": story is not None and story.is_fast,
        "seenInMempool": is_public,
        "simError": "" if story is None else story.sim_error,
        "revertReason": "",
        "isRevert": story is not None and story.sim_error.endswith("reverted"),
    }


def _mev_blocker(tx_hash: str, story: Story) -> dict[str, Any]:
    return {
        "status": str(story.state),
        "hash": tx_hash,
        "rpc_timestamp": datetime.fromtimestamp(story.at, UTC).isoformat(),
        "transaction": _fields(story, "gas"),
        "fastMode": story.door.path == "/fast",
        "shared": bool(story.door.hints),
        "simulationError": story.sim_error,
        "backruns": 0,
        "referrer": "No Referrer",
        "refundRecipient": "",
        "refund": "0",
    }


def _fields(story: Story | None, gas: str) -> dict[str, str]:
    names = ("from", "to", gas, "maxFeePerGas", "maxPriorityFeePerGas", "nonce", "value")
    if story is None or story.state is not State.INCLUDED:
        return dict.fromkeys(names, "")
    tx = story.tx
    to = tx.fields.to
    tip = tx.price_at(0)  # without a base fee the whole price is tip
    values = (
        checksum(tx.sender),
        checksum(to) if to else "",
        str(tx.fields.gas_limit),
        str(tx.fee_cap),
        str(tip),
        str(tx.fields.nonce),
        str(tx.fields.value),
    )
    return dict(zip(names, values, strict=True))
