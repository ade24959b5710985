"""The hedger's side of the pipe."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from trimtab.demo.hedger_process import serve
from trimtab.demo.protocol import Answer, Failed, Look, encode_line


async def answers_to(*lines: bytes) -> tuple[int, list[Answer]]:
    orders = asyncio.StreamReader()
    orders.feed_data(b"".join(line + b"\n" for line in lines))
    orders.feed_eof()
    said: list[Answer] = []
    return await serve(orders, said.append), said


async def test_it_wants_to_be_started_first() -> None:
    """A look before the start, or a closed pipe, is answered with what is missing."""
    for lines in ((encode_line(Look("step-0")),), ()):
        code, (failed,) = await answers_to(*lines)
        assert code == 2
        assert isinstance(failed, Failed)
        assert "the first order must be start" in failed.message


async def test_it_talks_to_the_demo_only() -> None:
    """Started by hand it says which command to run instead of waiting for ever."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "trimtab.demo.hedger_process",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=Path.cwd(),
    )
    _, words = await process.communicate()
    assert process.returncode == 2
    assert b"trimtab demo" in words
