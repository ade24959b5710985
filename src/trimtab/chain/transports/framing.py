"""JSON documents out of a byte stream that puts nothing reliable between them."""

from __future__ import annotations

import re
from collections.abc import Iterator

_MARKS = re.compile(rb'[{}\[\]"]')
_STRING_END = re.compile(rb'["\\]')


class JsonFramer:
    """Cuts a stream into JSON documents. Nodes that end each with a newline take the fast path."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._depth = 0
        self._at = 0
        self._in_string = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The documents that `data` completes."""
        if not self._rest and data[-1:] == b"\n" and data.count(b"\n") == 1:
            yield data  # one whole line: what a reply nearly always is
            return
        self._rest += data
        start = 0
        while (end := self._scan()) >= 0:
            document = bytes(self._rest[start:end]).strip()
            start = end
            if document:
                yield document
        if start:
            del self._rest[:start]
            self._at -= start

    def _scan(self) -> int:
        """The end of the next document, or -1; continues where the last scan stopped."""
        buffer = self._rest
        while True:
            if self._in_string:
                if not self._skip_string():
                    return -1
                continue
            match = _MARKS.search(buffer, self._at)
            if match is None:
                self._at = len(buffer)
                return -1
            mark = buffer[match.start()]
            self._at = match.end()
            if mark == 0x22:
                self._in_string = True
                continue
            self._depth += 1 if mark in b"{[" else -1
            if self._depth == 0:
                return self._at

    def _skip_string(self) -> bool:
        match = _STRING_END.search(self._rest, self._at)
        if match is None:
            self._at = len(self._rest)
            return False
        if self._rest[match.start()] == 0x22:
            self._at = match.end()
            self._in_string = False
            return True
        if match.end() >= len(self._rest):  # a backslash whose letter is still to come
            self._at = match.start()
            return False
        self._at = match.end() + 1
        return True
