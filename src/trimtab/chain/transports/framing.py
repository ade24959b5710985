"""JSON documents out of a byte stream: most nodes put a newline after each, some put nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

# A whole string, a bracket, or the quote of a string whose end is still to come.
_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]]|"', re.DOTALL)


class JsonFramer:
    """Cuts a stream into JSON documents, without copying what comes as one whole line."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._by_line = False

    def feed(self, data: bytes) -> Sequence[bytes]:
        """The documents that `data` completes."""
        self._chunks.append(data)
        may_end = b"\n" in data if self._by_line else data[-1:] in (b"}", b"]", b"\n", b" ")
        if not may_end:
            return ()
        text = data if len(self._chunks) == 1 else b"".join(self._chunks)
        head, rest = text, b""
        if self._by_line and text[-1:] != b"\n":
            head, _, rest = text.rpartition(b"\n")
        documents = _split_lines(head)
        if documents is None:
            documents, rest = cut_documents(text)
        elif head[-1:] == b"\n":
            self._by_line = True
        self._chunks = [rest] if rest else []
        return documents


def _split_lines(text: bytes) -> list[bytes] | None:
    """The documents when there is one, or one per line; None when a line is not a whole document."""
    if _is_document(text):
        return [text]
    lines = [line for line in text.split(b"\n") if line.strip()]
    return lines if all(map(_is_document, lines)) else None


def _is_document(text: bytes) -> bool:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except msgspec.DecodeError:
        return False
    return True


def cut_documents(text: bytes) -> tuple[list[bytes], bytes]:
    """Whole documents found by counting brackets outside strings, and what is left of the text."""
    documents: list[bytes] = []
    depth = start = 0
    for token in _TOKENS.finditer(text):
        mark = token[0]
        if mark == b'"':
            break
        if mark in (b"{", b"["):
            depth += 1
        elif mark in (b"}", b"]"):
            depth -= 1
            if depth == 0:
                documents.append(text[start : token.end()].strip())
                start = token.end()
    return documents, text[start:].lstrip()
