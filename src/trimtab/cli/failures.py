"""How a command ends: errors to exit codes and to one clear message, in one place."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Coroutine, Mapping
from typing import Any

import typer

from trimtab.errors import (
    ChainError,
    ConfigError,
    HaltError,
    SentError,
    TrimtabError,
)

# The first class that fits counts. What stands on 5 has sent nothing: it is safe to try again.
EXIT_CODES: tuple[tuple[type[BaseException], int, str], ...] = (
    (ConfigError, 3, "a setting is bad, missing or unknown"),
    (ChainError, 4, "the node cannot be reached, or does not answer as it must"),
    (SentError, 6, "something was sent, and it reverted or its outcome is unknown: reconcile, do not repeat"),
    (HaltError, 8, "a circuit breaker halted the account: a person must look"),
    (TrimtabError, 5, "refused, and nothing was sent: by our own checks, the venue, or before broadcast"),
    (KeyboardInterrupt, 130, "interrupted"),
)
OTHER_CODES: Mapping[int, str] = {
    0: "done",
    1: "a fault of trimtab itself: please report it, with --debug",
    2: "the command line is wrong: see --help",
    7: "`trimtab doctor` or `trimtab hooks verify` found something unhealthy",
    141: "the reader of the output went away",
}
UNHEALTHY = 7
READER_GONE = 141


def exit_code(error: BaseException) -> int:
    """The exit code of an error; 1 for one that is not ours."""
    return next((code for cls, code, _ in EXIT_CODES if isinstance(error, cls)), 1)


def run(job: Coroutine[Any, Any, None], *, as_json: bool = False, debug: bool = False) -> None:
    """Run a command to its end. An error becomes one message and its exit code, never a traceback unless
    `debug`: as JSON on standard output when `as_json`, else as a panel on standard error."""
    import asyncio  # help texts do without

    try:
        asyncio.run(job)
    except (typer.Exit, typer.Abort):
        raise
    except (BrokenPipeError, SystemExit):  # rich turns the first into the second
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(READER_GONE) from None
    except KeyboardInterrupt:
        raise typer.Exit(exit_code(KeyboardInterrupt())) from None
    except BaseException as caught:
        error = _cause(caught)
        if debug:
            raise
        show_error(error, as_json=as_json)
        raise typer.Exit(exit_code(error)) from None


def show_error(error: BaseException, *, as_json: bool) -> None:
    """Tell an error: what happened, with which values, and what to do next."""
    if as_json:
        json.dump(describe(error), sys.stdout, indent=2)
        sys.stdout.write("\n")
        return
    from rich.console import Console
    from rich.panel import Panel
    from rich.text import Text

    ours = isinstance(error, TrimtabError)
    text = Text(str(error) if ours else f"{error!r}: a fault of trimtab itself. Run again with --debug")
    title = f"{type(error).__name__} · exit {exit_code(error)}"
    Console(stderr=True).print(Panel(text, title=title, title_align="left", border_style="red"))


def describe(error: BaseException) -> dict[str, Any]:
    """An error as plain JSON: class, message, exit code and its facts."""
    facts = {k: _plain(v) for k, v in getattr(error, "__dict__", {}).items() if not k.startswith("_")}
    return {
        "error": {
            "class": type(error).__name__,
            "message": str(error) or repr(error),
            "exit_code": exit_code(error),
            "facts": {k: v for k, v in facts.items() if v not in (None, "", {}, "0x")},
        }
    }


def _cause(error: BaseException) -> BaseException:
    """The first of our errors in a group: task groups wrap what their tasks raise."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    leaves = [_cause(inner) for inner in error.exceptions]
    return next((leaf for leaf in leaves if isinstance(leaf, TrimtabError)), leaves[0])


def _plain(value: object) -> Any:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    return value if isinstance(value, bool | int | str | None) else str(value)
