"""A node's answers to simulations, read strictly: what has another form is the node's failure, not ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from trimtab.errors import RpcError
from trimtab.model.ids import Address

_UNSUPPORTED_CODES = frozenset({-32601, -32602})
_UNSUPPORTED = re.compile(
    r"not supported|unsupported|unknown method|"
    r"(\bmethod|\b(eth|debug)_\w+)\b.{0,60}"
    r"(not (found|available|enabled|allowed|whitelisted)|does not exist|disabled)"
)
_NO_BLOCK = re.compile(r"block ?(height|out ?of ?range|not found)|header not found|unknown block")
_HEX = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")


def is_unsupported(answer: object) -> bool:
    """Whether the node says that it does not have the method, or not with these parameters. A node that is
    behind, and does not have the block, has the method all the same."""
    if not isinstance(answer, RpcError):
        return False
    words = answer.text.lower()
    if _NO_BLOCK.search(words):
        return False
    return answer.code in _UNSUPPORTED_CODES or _UNSUPPORTED.search(words) is not None


@contextmanager
def malformed_as_error() -> Iterator[None]:
    """An answer of another shape becomes an `RpcError`, and breaks nothing of ours."""
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise malformed(error) from error


def malformed(found: object) -> RpcError:
    """The error for an answer that does not have the form of its method."""
    return RpcError(f"the node's simulation does not have the expected form: {found!r}", code=-32700)


def read_quantity(value: Any) -> int:
    """A number like "0x1a", or the plain 26 that some methods answer. Raises `ValueError`."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 256:
        return value
    if isinstance(value, str) and _QUANTITY.fullmatch(value):
        return int(value, 16)
    raise ValueError(f"{value!r:.80} is no quantity")


def read_data(value: Any, *, size: int | None = None) -> bytes:
    """Bytes like "0x1a2b", of `size` where it is given. Raises `ValueError`."""
    if isinstance(value, str) and _HEX.fullmatch(value):
        data = bytes.fromhex(value[2:])
        if size is None or len(data) == size:
            return data
    raise ValueError(f"{value!r:.80} are no {'' if size is None else f'{size} '}bytes")


def read_address(value: Any) -> Address:
    """An address, in lower case. Raises `ValueError`."""
    return Address("0x" + read_data(value, size=20).hex())
