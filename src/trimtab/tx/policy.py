"""How patient the reducer is. A frozen value: the same policy and journal give the same decisions."""

from __future__ import annotations

from dataclasses import dataclass, replace

from trimtab.chain.chains.base import ChainInfo
from trimtab.errors import ConfigError


@dataclass(frozen=True, slots=True)
class TxPolicy:
    """How many at once, how deep, how patient: blocks, seconds and counts."""

    window: int = 16
    """Transactions in flight per account; public pools promise room for 16."""
    pipeline: int = 16
    """How many of them may be on their way before an endpoint has answered for the first: they travel as one
    ordered batch. 1 sends each after the answer to the one before."""
    confirmations: int = 2
    """Blocks (the including one counts) that make CONFIRMED."""
    safe_depth: int | None = None
    """Blocks that make SAFE. None asks the node for its safe block, and where it has none takes the depth
    that the chain does not undo in practice."""
    finality_depth: int | None = None
    """Blocks that make FINAL. None asks the node for its finalized block."""
    bump_after_blocks: int = 3
    """Age at which a stuck transaction is replaced when the market is above its price."""
    stuck_after: int = 60
    """Seconds after which it is replaced whatever the market says, though ten blocks' time is enough: a pool
    may have lost its way with it."""
    replaces_stuck: bool = True
    """False never replaces for age, where the first that arrives wins."""
    rebroadcast_after: int = 30
    """Seconds until identical bytes go out again after an acceptance."""
    retry_after: int = 1
    """Seconds until identical bytes go out again after a refusal that may pass."""
    requotes: int = 3
    """Prices tried when every endpoint calls the first too low."""
    clean_passes: int = 3
    """Looks at finality, none with an error, that it takes to call a nonce taken by others."""
    lag_patience: int = 30
    """Seconds for which every look must show a lower head than one before, until it is the chain that went
    back (a development chain), not the node that lags."""
    rehearses: bool = False
    """Private bytes are run, as they were signed, before they leave for the first time."""
    drop_margin: int = 2
    """Blocks past a private window before what was not included in it counts as dropped: a reorg may still
    exchange its last block."""
    quorum: int = 2
    """Endpoints that must agree, without an error in the look, before a nonce counts as taken by others or a
    block as gone; as many as there are, where there are fewer."""

    def __post_init__(self) -> None:
        for name in (
            "window",
            "pipeline",
            "confirmations",
            "bump_after_blocks",
            "clean_passes",
            "drop_margin",
            "quorum",
        ):
            if getattr(self, name) < 1:
                raise ConfigError(
                    f"tx.{name} must be at least 1, got {getattr(self, name)}", key=f"tx.{name}"
                )

    def on(self, chain: ChainInfo) -> TxPolicy:
        """This policy where `chain` decides: its blocks may be quick; without a mempool each nonce waits for
        the yes to the one before, and nothing is replaced for its age."""
        if chain.has_mempool:
            return replace(self, stuck_after=min(self.stuck_after, max(int(10 * chain.block_time), 1)))
        return replace(self, pipeline=1, replaces_stuck=False)
