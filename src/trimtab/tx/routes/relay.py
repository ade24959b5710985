"""One relay over HTTP: a request is posted once, as exactly the bytes that were signed, and whatever comes
of it is one answer. Nothing is raised and nothing is tried again."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NoReturn
from urllib.parse import unquote, urlsplit

from trimtab.chain.rpc_errors import ErrorRow, SendClass, classify_send_error
from trimtab.errors import ConfigError, RateLimitedError, SigningError, TransportError
from trimtab.net import BreakerPolicy, CircuitBreaker, RateLimiter, TokenBucket
from trimtab.net.json_http import Answer, JsonHttp
from trimtab.tx.routes.auth import RelayIdentity
from trimtab.tx.routes.base import SendResult
from trimtab.tx.routes.public import result_of
from trimtab.tx.states import Outcome

_LARGEST_ANSWER = 1 << 20
_LONGEST_WAIT = 60.0  # a Retry-After beyond it may have been a mistake
_LONGEST_WORDS = 300
_LONG_HEX = re.compile(r"(0x)?[0-9a-fA-F]{65,}")
_SHORT_PIECE = 6
"""What is shorter than this in a URL is a word of its service, and no key."""


@dataclass(frozen=True, slots=True)
class RelayOptions:
    """`timeout` seconds for one request; `requests_per_second` None is no limit of ours. After failures in a
    row the breaker lets nothing through for a while. `rows` are the relay's own words, before the table's."""

    timeout: float = 5.0
    requests_per_second: int | None = None
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    rows: tuple[ErrorRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Heard:
    """What one request came to: a `result`, or why there is none. `is_answer` when the trouble is what the
    relay itself said."""

    result: Any = None
    trouble: SendResult | None = None
    is_answer: bool = False


class Relay:
    """One endpoint, named `name`. With an identity every request is signed. The URL may hold a key, and is in
    no result, error or repr."""

    def __init__(
        self,
        name: str,
        url: str,
        identity: RelayIdentity | None = None,
        options: RelayOptions | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.identity = identity
        self._secrets = _secrets_of(url)
        self._options = options = RelayOptions() if options is None else options
        self._http = JsonHttp(url, timeout=options.timeout, max_size=_LARGEST_ANSWER)
        self._clock = clock
        self._breaker = CircuitBreaker(options.breaker, clock)
        self._limiter = _limiter(options, clock)
        self._rests_until = 0.0
        self._ids = count(1)
        self._is_open = self._is_closed = False

    async def close(self) -> None:
        """Close every connection, for good: what is asked later is not sent."""
        self._is_closed = True
        if self._is_open:
            self._is_open = False
            await self._http.__aexit__(None, None, None)

    async def ask(
        self, method: str, params: Sequence[Any], *, query: Sequence[tuple[str, str]] = ()
    ) -> Heard:
        """Post one request. `query` goes behind the URL."""
        silent = self._why_silent()
        if silent:
            return self._unknown(silent)
        request = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": list(params)}
        body = json.dumps(request, separators=(",", ":")).encode()
        try:
            headers = await self.identity.sign(body) if self.identity else {}
        except SigningError as error:
            return Heard(trouble=self.refuse(f"not sent: {error}", SendClass.UNAUTHORISED))
        return await self._post(body, headers, query)

    async def read(self, path: str) -> Any | None:
        """GET `path` and decode it; None when there is no good answer."""
        if self._is_closed or self._rests_until > self._clock():
            return None
        try:
            await self._open()
            answer = await self._http.read(path)
        except RateLimitedError as error:
            self._rest(error)
            return None
        except (TransportError, ConfigError):
            return None
        return answer.content if answer.is_ok else None

    def taken(self, heard: Heard, is_yes: Callable[[Any], bool]) -> SendResult:
        """The answer to a send: a yes is a result that `is_yes` knows."""
        if heard.trouble is not None:
            return heard.trouble
        if is_yes(heard.result):
            return SendResult(self.name, Outcome.ACCEPTED, "")
        return self.doubt(f"the relay answered {json.dumps(heard.result)} instead of the hash")

    def refuse(self, words: str, send_class: SendClass = SendClass.PERMANENT) -> SendResult:
        """A definite no, of ours or of the relay's."""
        return SendResult(self.name, Outcome.REJECTED, send_class, self.show(words))

    def doubt(self, words: str) -> SendResult:
        """Nothing sure."""
        return SendResult(self.name, Outcome.AMBIGUOUS, SendClass.AMBIGUOUS, self.show(words))

    def show(self, text: str) -> str:
        """A relay's words, short, without raw bytes, without what the URL hides, and fit for a journal and a
        terminal."""
        text = "".join(char if char.isprintable() else " " for char in text)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        text = _LONG_HEX.sub(lambda found: found[0][:10] + "...", text)
        return text if len(text) <= _LONGEST_WORDS else text[:_LONGEST_WORDS] + "..."

    def __repr__(self) -> str:
        return f"<Relay {self.name}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a relay is not pickled or copied: it has connections, and its URL may hold a key")

    def _why_silent(self) -> str:
        """Why nothing may be sent now; empty when it may."""
        if self._is_closed:
            return "not sent: the route is closed"
        rest = self._rests_until - self._clock()
        if rest > 0:
            return f"not sent: the relay asked to be left alone for {rest:.3g} s more"
        if not self._breaker.acquire():
            return "not sent: the relay failed several times in a row, and is tried again soon"
        return ""

    def _rest(self, error: RateLimitedError) -> None:
        self._rests_until = self._clock() + min(error.retry_after or 0.0, _LONGEST_WAIT)

    async def _open(self) -> None:
        if not self._is_open:
            self._is_open = True
            await self._http.__aenter__()

    async def _post(self, body: bytes, headers: Mapping[str, str], query: Sequence[tuple[str, str]]) -> Heard:
        try:
            await self._open()
            if self._limiter is not None:
                async with asyncio.timeout(self._options.timeout):
                    await self._limiter.acquire()
            answer = await self._http.post_bytes(body, headers, query)
        except RateLimitedError as error:
            self._rest(error)
            self._breaker.record_success()  # it answered
            return self._unknown(str(error))
        except TimeoutError:
            return self._unknown("not sent: our own limit of requests per second left no turn")
        except (TransportError, ConfigError) as error:
            self._breaker.record_failure()
            return self._unknown(str(error))
        except asyncio.CancelledError:  # whoever waited gave it up as silent
            self._breaker.record_failure()
            raise
        if answer.status >= 500:
            self._breaker.record_failure()
        else:
            self._breaker.record_success()
        return self._heard(answer)

    def _heard(self, answer: Answer) -> Heard:
        """Only what the relay itself says clearly, in JSON and without being in trouble, is a yes or a no."""
        content = answer.content
        if answer.status < 500 and isinstance(content, dict):
            if (error := content.get("error")) is not None:
                return self._classified(error)
            if answer.is_ok and "result" in content:
                return Heard(content["result"])
        if answer.status == 401:
            return Heard(trouble=self.refuse(f"HTTP 401: {_text(content)}", SendClass.UNAUTHORISED))
        return self._unknown(f"HTTP {answer.status}: {_text(content)}")

    def _classified(self, error: Any) -> Heard:
        """`error` as JSON-RPC has it, or as relays also say it: {"error": "unable to decode txs"}."""
        fields = error if isinstance(error, dict) else {"message": error}
        message = fields.get("message")
        said = classify_send_error(message, fields.get("code"), fields.get("data"), self._options.rows)
        words = message if isinstance(message, str) else json.dumps(error)
        return Heard(trouble=result_of(self.name, said, self.show(words)), is_answer=True)

    def _unknown(self, words: str) -> Heard:
        return Heard(trouble=self.doubt(words))


def _text(content: Any) -> str:
    """All of an answer: `show` makes it short, and only after it took out what is not for others."""
    return content if isinstance(content, str) else json.dumps(content)


def _limiter(options: RelayOptions, clock: Callable[[], float]) -> RateLimiter | None:
    rate = options.requests_per_second
    return None if rate is None else RateLimiter(TokenBucket(rate, max(rate, 1), clock))


def _secrets_of(url: str) -> tuple[str, ...]:
    """The pieces of a URL in which keys live, longest first."""
    parts = urlsplit(url)
    pieces = re.split("[/&=]", f"{parts.path}&{parts.query}&{parts.fragment}")
    pieces += [parts.username or "", parts.password or ""]
    both = {*pieces, *map(unquote, pieces)}
    return tuple(sorted((p for p in both if len(p) >= _SHORT_PIECE), key=len, reverse=True))
