"""How commands end: every error has one exit code and one clear message."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest
import typer

import trimtab.errors as module
from trimtab.cli.failures import EXIT_CODES, OTHER_CODES, describe, exit_code, run
from trimtab.errors import (
    ConfigError,
    OutcomeUnknownError,
    RpcTimeoutError,
    SimulationRevertedError,
    TrimtabError,
    UnknownMarketError,
)

CLASSES = [c for c in vars(module).values() if isinstance(c, type) and issubclass(c, TrimtabError)]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_the_code_says_whether_something_was_sent(cls: type[TrimtabError]) -> None:
    """6 exactly for what left the machine; no error of ours is 0, 1 or 2."""
    error = cls.__new__(cls)
    code = exit_code(error)
    assert (code == 6) == issubclass(cls, module.SentError)
    assert (code == 3) == issubclass(cls, ConfigError)
    assert (code == 4) == issubclass(cls, module.ChainError)
    assert (code == 8) == issubclass(cls, module.HaltError)
    assert code in (3, 4, 5, 6, 8)


def test_what_is_not_ours_is_a_fault() -> None:
    """An error of another library is exit code 1."""
    assert exit_code(ZeroDivisionError()) == 1


def test_the_page_lists_every_code() -> None:
    """docs/reference/cli.md has one row per exit code."""
    page = (Path(__file__).parents[2] / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    rows = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    assert rows == {*OTHER_CODES, *(code for _, code, _ in EXIT_CODES)}


async def _raise(error: BaseException) -> None:
    raise error


def _end(error: BaseException, *, as_json: bool = False, debug: bool = False) -> int:
    """The exit code of a command that fails so. Runs in a thread: a loop is running already here."""
    with pytest.raises(typer.Exit) as caught:
        run(_raise(error), as_json=as_json, debug=debug)
    return caught.value.exit_code


def test_a_person_gets_a_panel(capsys: pytest.CaptureFixture[str]) -> None:
    """The panel names class, code and message on standard error; nothing is on standard output."""
    assert _end(UnknownMarketError("no market 'vDOGE'; there are vETH", market="vDOGE")) == 5
    out, err = capsys.readouterr()
    assert out == ""
    assert "UnknownMarketError · exit 5" in err
    assert "no market 'vDOGE'; there are vETH" in " ".join(err.split())
    assert "Traceback" not in err


def test_a_program_gets_json(capsys: pytest.CaptureFixture[str]) -> None:
    """--json puts one object with the error's facts on standard output."""
    error = OutcomeUnknownError("sent, not seen", tx_hash="0xab", nonce=7)
    assert _end(error, as_json=True) == 6
    out, err = capsys.readouterr()
    assert err == ""
    assert json.loads(out) == {
        "error": {
            "class": "OutcomeUnknownError",
            "message": "sent, not seen",
            "exit_code": 6,
            "facts": {"tx_hash": "0xab", "nonce": 7},
        }
    }


def test_facts_are_plain() -> None:
    """Bytes become hex and Decimals text, so that any fact can be JSON."""
    error = SimulationRevertedError("no", reason="NE", data=b"\x01\x02", args_by_name={"a": b"\x03"})
    assert describe(error)["error"]["facts"] == {
        "reason": "NE",
        "data": "0x0102",
        "args_by_name": {"a": "0x03"},
    }


def test_a_task_groups_wrapping_is_taken_off(capsys: pytest.CaptureFixture[str]) -> None:
    """An error inside an exception group counts as itself; ours before another's."""
    inner = RpcTimeoutError("no answer in 5 s")
    group = BaseExceptionGroup("tasks", [ValueError("other"), BaseExceptionGroup("more", [inner])])
    assert _end(group) == 4
    assert "no answer in 5 s" in capsys.readouterr().err


def test_a_fault_of_ours_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """An unexpected exception is told without a traceback, with what to do."""
    assert _end(KeyError("x")) == 1
    err = capsys.readouterr().err
    assert "Run again with --debug" in " ".join(err.split())
    assert "Traceback" not in err


def test_debug_shows_the_traceback() -> None:
    """With --debug the exception itself comes through."""
    with pytest.raises(KeyError):
        run(_raise(KeyError("x")), debug=True)


def test_interruption_is_130() -> None:
    """Ctrl-C ends with the shell's code for it."""
    assert _end(asyncio.CancelledError()) != 0
    assert exit_code(KeyboardInterrupt()) == 130
