"""Who hedges for the demo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trimtab.demo.options import DemoOptions
from trimtab.demo.runner import Idle, Runner, open_runner


async def test_without_a_hedger_nothing_is_started(tmp_path: Path) -> None:
    """No process, no log; every look is nobody's."""
    no_start: Any = None
    async with open_runner(DemoOptions(is_hedged=False), no_start, tmp_path) as runner:
        assert type(runner) is Idle
        asked: Runner = runner
        assert await asked.look("step-0") is None
    assert not any(tmp_path.iterdir())  # noqa: ASYNC240  one look at an empty folder
