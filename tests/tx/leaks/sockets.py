"""Where a process can die on its way to others: at each write and each answer of any of its sockets.

The wires of an engine with relays are HTTP, of several libraries' making. All of them end in the event loop's
socket transport, so that is where their bytes are seen: nothing else of the process need know of it.
"""

from __future__ import annotations

import re
from asyncio import selector_events
from collections.abc import Collection
from typing import Any

from tests.tx.kills.boundaries import Boundaries, check_written_ahead, request_subject

from trimtab.chain.hashing import keccak256

_METHOD = b'"method":'
RAW = re.compile(rb"0x(02[0-9a-f]{160,})")
"""A signed transaction of the engine's in the text of a request."""


def raws_in(payload: bytes) -> dict[str, bytes]:
    """The signed transactions in a request, by their hashes."""
    raws = [bytes.fromhex(raw.decode()) for raw in RAW.findall(payload)]
    return {f"0x{keccak256(raw).hex()}": raw for raw in raws}


def watch_sockets(boundaries: Boundaries, journal: str, relays: Collection[int]) -> None:
    """From here on this process meets a boundary before the bytes of a request leave, right after, and when
    its answer is there. `relays` are the ports of those; whatever leaves must be in the journal already."""
    transport: Any = selector_events._SelectorSocketTransport  # type: ignore[attr-defined]  # private on purpose
    write, read, lose = transport.write, transport._read_ready, transport._call_connection_lost
    asked: dict[Any, str] = {}

    def watched_write(self: Any, data: bytes) -> None:
        payload = bytes(data)
        if _METHOD not in payload:
            write(self, data)
            return
        is_relay = self.get_extra_info("peername")[1] in relays
        subject = request_subject(payload[payload.find(b"\r\n\r\n") + 4 :]) + " to a relay" * is_relay
        raws = raws_in(payload)
        boundaries.meet("before bytes of", subject, hashes=list(raws))
        check_written_ahead(boundaries, journal, raws)
        asked[self] = subject
        boundaries.unanswered += 1
        write(self, data)
        boundaries.meet("before the answer to", subject, hashes=list(raws))

    def watched_read(self: Any) -> None:
        if (subject := asked.pop(self, "")) and not self.is_closing():
            boundaries.unanswered -= 1
            boundaries.meet("after the answer to", subject)
        read(self)

    def watched_end(self: Any, error: Exception | None) -> None:
        boundaries.unanswered -= bool(asked.pop(self, ""))
        lose(self, error)

    transport.write, transport._read_ready = watched_write, watched_read
    transport._call_connection_lost = watched_end
