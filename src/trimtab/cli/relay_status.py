"""What the relays of the settings say of transactions, and whether they know us; nothing is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trimtab.model.ids import TxHash

if TYPE_CHECKING:
    from trimtab.config import Config
    from trimtab.tx.routes.base import RelayState


@dataclass(frozen=True, slots=True)
class RelayWord:
    """What one relay says of one hash."""

    endpoint: str
    tx_hash: TxHash
    state: RelayState
    reason: str = ""


async def read_relays(config: Config, hashes: Sequence[TxHash]) -> list[RelayWord]:
    """The words of every relay that tells, of every hash. A relay learns the hashes that it is asked for."""
    from trimtab.cli.routes import open_routes
    from trimtab.tx.routes import TellingRoute

    async with open_routes(config, may_make_key=False) as routes:
        asked = [
            (tx_hash, route.read_status(tx_hash))
            for route in routes
            if isinstance(route, TellingRoute)
            for tx_hash in hashes
        ]
        answers = await asyncio.gather(*(question for _, question in asked))
    return [
        RelayWord(word.endpoint, tx_hash, word.state, word.reason)
        for (tx_hash, _), words in zip(asked, answers, strict=True)
        for word in words
    ]
