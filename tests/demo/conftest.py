"""Runs of the demo through the real command line, each in a process of its own."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_asyncio import fixture as async_fixture

RunDemo = Callable[..., Awaitable[dict[str, Any]]]


async def _run(folder: Path, *words: str) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from trimtab.cli import main; main()",
        "demo",
        *words,
        "--json",
        str(folder / "run.json"),
        "--report",
        str(folder / "report.html"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    record: dict[str, Any] = json.loads((folder / "run.json").read_text())
    record["report"] = (folder / "report.html").read_text(encoding="utf-8")
    record["output"] = output.decode()
    return record


@pytest.fixture(scope="session")
def run_demo(tmp_path_factory: pytest.TempPathFactory) -> RunDemo:
    """`await run_demo("--steps", "6")`: the record, with the report's text and what was printed."""

    async def run(*words: str) -> dict[str, Any]:
        return await _run(tmp_path_factory.mktemp("demo"), *words)

    return run


@async_fixture(scope="session", loop_scope="session")
async def six_steps(run_demo: RunDemo) -> dict[str, Any]:
    """The run that the others are compared with."""
    return await run_demo("--steps", "6", "--seed", "2")
