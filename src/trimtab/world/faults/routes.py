"""Routes that fail on purpose, wrapped round a real one: for drills and tests of what must survive."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence

from trimtab.tx.routes import Parcel, Route, SendResult
from trimtab.tx.routes.base import Sending
from trimtab.tx.states import Outcome


class _Wrapped:
    """A route round another, under its name and with its endpoints."""

    def __init__(self, route: Route) -> None:
        self.name = route.name
        self.lanes = route.lanes
        self._route = route

    @property
    def endpoints(self) -> tuple[str, ...]:
        return self._route.endpoints


class _FirstLost(_Wrapped):
    """What happens to the first `times` transactions does not happen to later ones."""

    def __init__(self, route: Route, times: int) -> None:
        super().__init__(route)
        self._left = times


class CrashAfterBroadcast(_Wrapped):
    """Kills its own process with SIGKILL right after transaction number `sends` (from 1) was broadcast: the
    endpoint has answered, nobody has read the answer or the receipt. The same bytes again count once."""

    def __init__(self, route: Route, sends: int) -> None:
        super().__init__(route)
        self._sends = sends
        self._seen: set[bytes] = set()

    def send(self, parcel: Parcel) -> Sequence[Sending]:
        self._seen.update(parcel.raws)
        sendings = self._route.send(parcel)
        return [_then_die(s) for s in sendings] if len(self._seen) >= self._sends else sendings


class LostAnswers(_FirstLost):
    """The bytes arrive, the answers do not: the first `times` transactions look like time-outs, as behind a
    proxy that drops the response."""

    def send(self, parcel: Parcel) -> Sequence[Sending]:
        sendings = self._route.send(parcel)
        if self._left == 0:
            return sendings
        self._left -= 1
        return [_forget(sending) for sending in sendings]


class LostBytes(_FirstLost):
    """Neither bytes nor answers arrive: the first `times` broadcasts end in nothing, as in a mempool that
    drops what it took."""

    def send(self, parcel: Parcel) -> Sequence[Sending]:
        if self._left == 0:
            return self._route.send(parcel)
        self._left -= 1
        return [_unknown([endpoint] * len(parcel.raws)) for endpoint in self._route.endpoints]


async def _then_die(sending: Sending) -> Sequence[SendResult]:
    await sending
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("SIGKILL returns to nobody")


async def _forget(sending: Sending) -> Sequence[SendResult]:
    return await _unknown([result.endpoint for result in await sending])


async def _unknown(endpoints: Sequence[str]) -> Sequence[SendResult]:
    """One lost answer for each entry."""
    silent = "no answer inside the deadline"
    return [SendResult(endpoint, Outcome.AMBIGUOUS, "AMBIGUOUS", silent) for endpoint in endpoints]
