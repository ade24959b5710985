"""The guide to our contracts, followed on a world."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from tests.cli.conftest import Cli

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "deploy-hooks.md"


@pytest.mark.node
async def test_the_guides_commands_run_in_their_order(cli: Cli) -> None:
    """Each command of the page ends well, with the settings that stand between them."""
    words = 0
    for kind, block in re.findall(
        r"```(console|toml)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL
    ):
        if kind == "toml":
            cli.limit(block.removeprefix("[limits]\n"))
            continue
        for line in block.splitlines():
            command = shlex.split(line.removeprefix("$ trimtab "))
            here = [str(cli.config) if word == "trimtab.toml" else word for word in command]
            done = await cli.run(*here)
            assert done.code == 0, (line, done.words)
            words += 1
    assert words == 9
    shown = await cli.run("hooks", "limits", "show")
    assert "A leaked agent's key can lose at most 0.05 ETH as fees" in shown.words
