"""The error tree: its drawing, its classes and the architecture's page say the same."""

from __future__ import annotations

import inspect
import pickle
import re
from pathlib import Path
from typing import Any

import pytest

import trimtab.errors as module
from trimtab.errors import TrimtabError

CLASSES = [
    value for value in vars(module).values() if isinstance(value, type) and issubclass(value, TrimtabError)
]
LEAVES = [cls for cls in CLASSES if not cls.__subclasses__()]
SAMPLES: dict[str, Any] = {
    "key": "chain.urls",
    "field": "size",
    "value": "NaN",
    "endpoint": "http://node",
    "retry_after": 1.5,
    "code": -32000,
    "data": b"\x01",
    "method": "eth_call",
    "text": "execution reverted",
    "expected": 1,
    "actual": 2,
    "number": 7,
    "block_hash": "0xab",
    "reason": "NotEnoughMargin",
    "args_by_name": {"needed": 3},
    "needed": 5,
    "available": 4,
    "asked": 9,
    "cap": 8,
    "nonce": 3,
    "tx_hash": "0xcd",
    "venue": "perp_v2",
    "market": "vETH",
    "target": "0xef",
    "selector": "0x095ea7b3",
}


def _drawn(text: str) -> list[tuple[str, int]]:
    """Names with their depth, in order, out of an indented drawing."""
    rows = re.findall(r"^( *)([A-Z]\w+Error)\b", text, re.MULTILINE)
    base = len(rows[0][0])
    return [(name, (len(indent) - base) // 2) for indent, name in rows]


def _tree(cls: type[TrimtabError], depth: int = 0) -> list[tuple[str, int]]:
    below = [
        row
        for sub in cls.__subclasses__()
        if sub.__module__ == module.__name__
        for row in _tree(sub, depth + 1)
    ]
    return [(cls.__name__, depth), *below]


def _facts(cls: type[TrimtabError]) -> dict[str, Any]:
    parameters = inspect.signature(cls.__init__).parameters.values()
    return {p.name: SAMPLES[p.name] for p in parameters if p.kind is p.KEYWORD_ONLY}


def _build(cls: type[TrimtabError]) -> TrimtabError:
    return cls("what, which value, what next", **_facts(cls))


def test_the_drawing_at_the_head_is_the_tree() -> None:
    """The drawing names every class at its depth, in the order in which the classes stand in the file."""
    assert _drawn(module.__doc__ or "") == _tree(TrimtabError)


def test_the_architecture_draws_the_same_classes() -> None:
    """ARCHITECTURE.md names the same classes, and counts them right."""
    page = (Path(__file__).parents[1] / "ARCHITECTURE.md").read_text(encoding="utf-8")
    drawing = page.split("Errors (`src/trimtab/errors.py`)")[1].split("```")[1]
    assert set(re.findall(r"\b([A-Z]\w+Error)\b", drawing)) == {cls.__name__ for cls in CLASSES}
    counted = re.search(r"^(\d+) classes: add one only", page, re.MULTILINE)
    assert counted is not None
    assert int(counted[1]) == len(CLASSES)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_class_says_what_it_is(cls: type[TrimtabError]) -> None:
    """Each class has a docstring of its own, so that the reference explains it."""
    assert "__doc__" in vars(cls)
    assert cls.__doc__


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_facts_are_attributes(cls: type[TrimtabError]) -> None:
    """What the constructor takes can be read from the error, so nobody parses its text."""
    error = _build(cls)
    assert str(error) == "what, which value, what next"
    assert {name: getattr(error, name) for name in _facts(cls)} == _facts(cls)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_errors_cross_processes(cls: type[TrimtabError]) -> None:
    """An error pickles and comes back with its message and its facts, from a worker process for one."""
    error = _build(cls)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is cls
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


def test_only_transport_errors_invite_a_retry() -> None:
    """`retryable` holds for reading transports and for nothing that may have been sent."""
    retryable = {cls.__name__ for cls in CLASSES if cls.retryable}
    assert retryable == {"TransportError", "RpcTimeoutError", "RateLimitedError", "ConnectionLostError"}


@pytest.mark.parametrize("cls", LEAVES, ids=lambda cls: cls.__name__)
def test_sent_and_not_sent_never_meet(cls: type[TrimtabError]) -> None:
    """No class is both: what may be tried again and what must be reconciled."""
    assert not (issubclass(cls, module.NotSentError) and issubclass(cls, module.SentError))
