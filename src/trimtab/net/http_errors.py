"""What goes wrong with a request over HTTP, as typed errors that never show the URL: it may hold a key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import aiohttp

from trimtab.errors import ConfigError, ConnectionLostError, RateLimitedError, RpcTimeoutError
from trimtab.net.retry_after import parse_retry_after


@contextmanager
def typed_errors(name: str, timeout: float) -> Iterator[None]:
    """Raise `RpcTimeoutError`, `ConnectionLostError` or `ConfigError` in place of what aiohttp raises.
    `name` is the masked URL, `timeout` the seconds that were waited."""
    try:
        yield
    except TimeoutError as error:
        message = f"{name} did not answer within {timeout:.3g} s"
        raise RpcTimeoutError(message, endpoint=name) from error
    except aiohttp.InvalidURL:  # its text is the URL, keys and all
        raise ConfigError(f"{name} is not a valid URL; check its host and port") from None
    except aiohttp.ClientResponseError:  # so is the text of this one
        message = f"{name} answered something that is not HTTP; check the URL"
        raise ConnectionLostError(message, endpoint=name) from None
    except (aiohttp.ClientError, OSError) as error:
        message = f"{name} could not be reached ({type(error).__name__}); is it up?"
        raise ConnectionLostError(message, endpoint=name) from error


def check_pace(name: str, response: aiohttp.ClientResponse) -> None:
    """Raise `RateLimitedError` for HTTP 429, with the time that the server asks for."""
    if response.status == 429:
        wait = parse_retry_after(response.headers.get("Retry-After"), now=datetime.now(UTC))
        message = f"{name} asks to slow down (HTTP 429)"
        raise RateLimitedError(message, endpoint=name, retry_after=wait)
