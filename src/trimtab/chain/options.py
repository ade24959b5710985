"""How to talk to a chain: deadlines, rates, sizes."""

from __future__ import annotations

from dataclasses import dataclass, field

from trimtab.chain.abi import Abi
from trimtab.chain.rpc_errors import ErrorRow
from trimtab.model.ids import Address
from trimtab.net import BackoffPolicy, BreakerPolicy


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """Seconds, counts, and what to expect. `chain_id` None takes whatever chain the node serves.

    `timeout` is the deadline of one read with all its retries, and of a write, which is tried once.
    `error_rows` are a chain's own words for refusing a transaction; they stand before the table's.
    """

    chain_id: int | None = None
    timeout: float = 10.0
    attempt_timeout: float = 5.0
    max_attempts: int = 4
    backoff: BackoffPolicy = field(default_factory=BackoffPolicy)
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    requests_per_second: float | None = None
    burst: float = 50.0
    multicall: Address | None = None
    multicall_size: int = 1000
    batch_size: int = 100
    log_range: int = 10_000
    log_concurrency: int = 4
    poll_interval: float = 1.0
    head_silence: float = 30.0
    head_history: int = 256
    outage_timeout: float = 60.0
    error_abis: tuple[Abi, ...] = ()
    error_rows: tuple[ErrorRow, ...] = ()
