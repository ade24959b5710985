"""Every error that trimtab raises, in one tree.

    TrimtabError
      ConfigError                      bad or unknown setting
      IntentError                      refused by our own checks: units, ranges, deadlines
        LimitError                     beyond what the key may do: its owner widens it, or wait retry_after
      ChainError                       looking at a chain
        TransportError                 retryable
          RpcTimeoutError
          RateLimitedError             retry_after
          ConnectionLostError
        RpcError                       the node answered no: code, data
        WrongChainError                another chain id than the one configured
        ReorgError                     a block that was read is no longer canonical
        AbiError                       a value or bytes that do not fit the ABI, or no code at an address
        CallRevertedError              decoded revert of a read or a simulation
      TxError
        NotSentError                   no route took it: safe to try again
          SimulationRevertedError
          InsufficientFundsError
          FeeCapExceededError
          NonceConflictError
          SigningError
          RouteRefusedError            definite no of a route that saw the bytes: the next try keeps the nonce
        SentError                      something left: do not repeat, reconcile
          RevertedError                mined and reverted
          ReplacedError                another holder of the key used the nonce
          DroppedError
          OutcomeUnknownError          never guess: reconcile
      VenueError                       venue, market
        UnknownMarketError
        MarketClosedError
        StalePriceError
        UnsupportedActionError
        OrderRejectedError             only on the venue's positive word
          InsufficientMarginError
          AcceptablePriceError
      PricingError                     no solution, arbitrage bound broken
      HaltError                        circuit breaker; the engine stops

A class exists only where a caller would act differently. A message says what happened, with which
values, and what to do next; the facts are attributes too, so nobody parses text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class TrimtabError(Exception):
    """Root of the tree. `retryable` says whether the same request may be made again as it is."""

    retryable: ClassVar[bool] = False

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.args, self.__dict__)


def _restore(cls: type[TrimtabError], args: tuple[Any, ...], facts: dict[str, Any]) -> TrimtabError:
    """An error as it was pickled: the constructors' required keywords keep `Exception` from doing it."""
    error = cls.__new__(cls, *args)
    error.__dict__.update(facts)
    return error


class ConfigError(TrimtabError):
    """A setting is bad, missing or unknown."""

    def __init__(self, message: str, *, key: str | None = None) -> None:
        super().__init__(message)
        self.key = key


class IntentError(TrimtabError):
    """Refused by our own checks before any cost: limits, units, a value out of range."""

    def __init__(self, message: str, *, field: str | None = None, value: object = None) -> None:
        super().__init__(message)
        self.field = field
        self.value = value


class LimitError(IntentError):
    """Beyond the `Limits` of the key; nothing was exposed. `field` names the limit, `value` is what was asked
    for and `cap` what is allowed. `retry_after`: seconds of the chain until it fits, None when it never
    will. For a call that is not allowed, `target` and `selector` say which."""

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        value: object = None,
        cap: object = None,
        retry_after: int | None = None,
        target: str | None = None,
        selector: str | None = None,
    ) -> None:
        super().__init__(message, field=field, value=value)
        self.cap = cap
        self.retry_after = retry_after
        self.target = target
        self.selector = selector


class ChainError(TrimtabError):
    """Looking at a chain failed."""


class TransportError(ChainError):
    """The request may not have been answered; a read may be made again, a write must be reconciled."""

    retryable = True

    def __init__(self, message: str, *, endpoint: str | None = None) -> None:
        super().__init__(message)
        self.endpoint = endpoint


class RpcTimeoutError(TransportError):
    """No answer inside the deadline."""


class RateLimitedError(TransportError):
    """The node asks to slow down; `retry_after` is in seconds, None when it did not say."""

    def __init__(
        self, message: str, *, endpoint: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, endpoint=endpoint)
        self.retry_after = retry_after


class ConnectionLostError(TransportError):
    """The connection could not be made, or broke before the answer came."""


class RpcError(ChainError):
    """The node answered with an error. `text` and `data` are the node's own, `data` decoded from JSON."""

    def __init__(
        self, message: str, *, code: int, data: object = None, method: str | None = None, text: str = ""
    ) -> None:
        super().__init__(message)
        self.code = code
        self.text = text or message
        self.data = data
        self.method = method


class WrongChainError(ChainError):
    """The node serves another chain than the one configured."""

    def __init__(self, message: str, *, expected: int, actual: int) -> None:
        super().__init__(message)
        self.expected = expected
        self.actual = actual


class ReorgError(ChainError):
    """A block that was read before is no longer on the canonical chain."""

    def __init__(self, message: str, *, number: int, block_hash: str) -> None:
        super().__init__(message)
        self.number = number
        self.block_hash = block_hash


class AbiError(ChainError):
    """A value does not fit its ABI type, bytes do not decode, or there is no code at an address."""


class CallRevertedError(ChainError):
    """A read or a simulation reverted. `reason` is the decoded error, `args_by_name` its arguments."""

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        data: bytes = b"",
        args_by_name: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.data = data
        self.args_by_name: Mapping[str, Any] = args_by_name or {}


class TxError(TrimtabError):
    """Changing a chain failed. The class below says whether anything left this machine."""


class NotSentError(TxError):
    """No route took the transaction: nothing was exposed, it is safe to try again."""


class SimulationRevertedError(NotSentError):
    """The simulation before signing reverted; `reason` is the decoded error."""

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        data: bytes = b"",
        args_by_name: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.data = data
        self.args_by_name: Mapping[str, Any] = args_by_name or {}


class InsufficientFundsError(NotSentError):
    """The account cannot pay value plus the worst-case fee (wei)."""

    def __init__(self, message: str, *, needed: int | None = None, available: int | None = None) -> None:
        super().__init__(message)
        self.needed = needed
        self.available = available


class FeeCapExceededError(NotSentError):
    """The fee that the market asks for is above the caller's cap (wei)."""

    def __init__(self, message: str, *, asked: int, cap: int) -> None:
        super().__init__(message)
        self.asked = asked
        self.cap = cap


class NonceConflictError(NotSentError):
    """The nonce or the idempotency key is taken by something else."""

    def __init__(self, message: str, *, nonce: int | None = None, key: str | None = None) -> None:
        super().__init__(message)
        self.nonce = nonce
        self.key = key


class SigningError(NotSentError):
    """The key file, the password or the signer refused."""


class RouteRefusedError(NotSentError):
    """Every route said a definite no. They saw the bytes, so the next try keeps the same nonce."""

    def __init__(self, message: str, *, tx_hash: str | None = None, nonce: int | None = None) -> None:
        super().__init__(message)
        self.tx_hash = tx_hash
        self.nonce = nonce


class SentError(TxError):
    """Bytes left this machine. Do not repeat the intent; reconcile by hash and nonce."""

    def __init__(self, message: str, *, tx_hash: str, nonce: int) -> None:
        super().__init__(message)
        self.tx_hash = tx_hash
        self.nonce = nonce


class RevertedError(SentError):
    """Mined and reverted; `reason` is the decoded error."""

    def __init__(self, message: str, *, tx_hash: str, nonce: int, reason: str, data: bytes = b"") -> None:
        super().__init__(message, tx_hash=tx_hash, nonce=nonce)
        self.reason = reason
        self.data = data


class ReplacedError(SentError):
    """The nonce was used by a transaction that is not ours: another holder of the key. The account halts."""


class DroppedError(SentError):
    """Its private window is over, and the chain is past it with the nonce unused. Somebody may still have the
    bytes: send it again under its own key only, which takes the same nonce."""


class OutcomeUnknownError(SentError):
    """It may or may not be mined. Wait, or reconcile; never send the intent again."""


class VenueError(TrimtabError):
    """A venue's own answer."""

    def __init__(self, message: str, *, venue: str | None = None, market: str | None = None) -> None:
        super().__init__(message)
        self.venue = venue
        self.market = market


class UnknownMarketError(VenueError):
    """The venue has no such market, board, strike or position."""


class MarketClosedError(VenueError):
    """Paused, frozen, expired, settled or past its trading cutoff."""


class StalePriceError(VenueError):
    """The oracle's price is too old or marked invalid."""


class UnsupportedActionError(VenueError):
    """The venue does not declare this capability."""


class OrderRejectedError(VenueError):
    """The venue said no. `reason` is its own code or error name."""

    def __init__(
        self,
        message: str,
        *,
        venue: str | None = None,
        market: str | None = None,
        reason: str | None = None,
    ) -> None:
        super().__init__(message, venue=venue, market=market)
        self.reason = reason


class InsufficientMarginError(OrderRejectedError):
    """Not enough collateral for the order, the withdrawal or the position."""


class AcceptablePriceError(OrderRejectedError):
    """The price or total cost is beyond the limit that the intent gave."""


class PricingError(TrimtabError):
    """No solution, or an arbitrage bound is broken."""


class HaltError(TrimtabError):
    """A circuit breaker tripped; nothing more is sent until a person looks."""
