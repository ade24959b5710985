"""Keep the network's manners: when a request may go, how long to wait, what may be shown of a URL."""

from __future__ import annotations

from trimtab.net.backoff import BackoffPolicy
from trimtab.net.breaker import BreakerPolicy, BreakerState, CircuitBreaker
from trimtab.net.bucket import Lane, RateLimiter, TokenBucket
from trimtab.net.retry_after import parse_retry_after
from trimtab.net.urls import mask_url

__all__ = [
    "BackoffPolicy",
    "BreakerPolicy",
    "BreakerState",
    "CircuitBreaker",
    "Lane",
    "RateLimiter",
    "TokenBucket",
    "mask_url",
    "parse_retry_after",
]
