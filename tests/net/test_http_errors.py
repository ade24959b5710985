"""What aiohttp raises comes out typed and named, and never with the URL that it may quote."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from yarl import URL

from trimtab.errors import ConfigError, ConnectionLostError, RpcTimeoutError
from trimtab.net.http_errors import typed_errors

SECRET = "http://node/v1/KEY"


def _not_http() -> aiohttp.ClientResponseError:
    request: Any = aiohttp.RequestInfo(URL(SECRET), "POST", {}, URL(SECRET))  # type: ignore[arg-type]
    return aiohttp.ClientResponseError(request, (), message=SECRET)


@pytest.mark.parametrize(
    ("raised", "typed", "words"),
    [
        (TimeoutError(), RpcTimeoutError, r"node/\*\*\* did not answer within 1\.5 s"),
        (aiohttp.InvalidURL(SECRET), ConfigError, "is not a valid URL"),
        (_not_http(), ConnectionLostError, "is not HTTP"),
        (aiohttp.ServerDisconnectedError(), ConnectionLostError, r"\(ServerDisconnectedError\); is it up"),
        (ConnectionResetError(), ConnectionLostError, r"\(ConnectionResetError\); is it up"),
    ],
)
def test_what_the_library_raises_is_typed(raised: Exception, typed: type[Exception], words: str) -> None:
    """Each by what a caller would do about it; the key is in no message, nor in a cause that is printed."""
    with pytest.raises(typed, match=words) as caught, typed_errors("http://node/***", 1.5):
        raise raised
    assert "KEY" not in f"{caught.value}{caught.value.__cause__}"


def test_other_errors_pass() -> None:
    """A fault of ours is not a fault of the network."""
    with pytest.raises(ZeroDivisionError), typed_errors("http://node", 1.5):
        raise ZeroDivisionError
