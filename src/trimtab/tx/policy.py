"""How patient the reducer is. A frozen value: the same policy and journal give the same decisions."""

from __future__ import annotations

from dataclasses import dataclass, replace

from trimtab.chain.chains.base import ChainInfo
from trimtab.errors import ConfigError


@dataclass(frozen=True, slots=True)
class TxPolicy:
    """`window`: transactions in flight per account; public pools promise room for 16. `pipeline`: how many of
    them may be on their way at once, before an endpoint has answered for the first; they travel as one
    ordered batch, and 1 sends each after the answer to the one before. `confirmations`: blocks
    (the including one counts) that make CONFIRMED. `safe_depth`, `finality_depth`: blocks that make SAFE and
    FINAL; None asks the node for its safe and finalized blocks, and where it has no safe one takes the depth
    that the chain does not undo in practice. `bump_after_blocks`: age at which a stuck transaction is
    replaced; `replaces_stuck` False never does, where the first that arrives wins.
    `rebroadcast_after`, `retry_after`: seconds until identical bytes go out again, after an acceptance and
    after a refusal that may pass. `requotes`: prices tried when every endpoint calls the first too low.
    `clean_passes`: looks at finality, none with an error, that it takes to call a nonce taken by others.
    `quorum`: endpoints that must agree, without an error in the look, before a nonce counts as taken by
    others or a block as gone; as many as there are, where there are fewer."""

    window: int = 16
    pipeline: int = 16
    confirmations: int = 2
    safe_depth: int | None = None
    finality_depth: int | None = None
    bump_after_blocks: int = 3
    replaces_stuck: bool = True
    rebroadcast_after: int = 30
    retry_after: int = 1
    requotes: int = 3
    clean_passes: int = 3
    quorum: int = 2

    def __post_init__(self) -> None:
        for name in ("window", "pipeline", "confirmations", "bump_after_blocks", "clean_passes", "quorum"):
            if getattr(self, name) < 1:
                raise ConfigError(
                    f"tx.{name} must be at least 1, got {getattr(self, name)}", key=f"tx.{name}"
                )

    def on(self, chain: ChainInfo) -> TxPolicy:
        """This policy where `chain` decides: without a mempool each nonce waits for the yes to the one
        before, and nothing is replaced for its age."""
        if chain.has_mempool:
            return self
        return replace(self, pipeline=1, replaces_stuck=False)
