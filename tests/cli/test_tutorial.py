"""The tutorial is true: its commands run as they are written, in their order."""

from __future__ import annotations

import re
import shlex
from decimal import Decimal
from pathlib import Path

import pytest
from tests.cli.conftest import Cli

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"


@pytest.mark.node
async def test_the_tutorials_commands_work(cli: Cli) -> None:
    """From the doctor to the hedge every command ends well, and the last one leaves the delta in its band."""
    blocks = re.findall(r"```sh\n(.*?)```", TUTORIAL.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("trimtab ")]
    commands = [shlex.split(line)[1:] for line in lines if not line.startswith("trimtab world up")]
    assert len(commands) >= 9
    for words in commands:
        done = await cli.run(*words)
        assert done.code == 0, f"{words}: {done.words}"
    parts = (await cli.run("greeks", "--json")).json["underlyings"]
    eth = next(part for part in parts if part["underlying"] == "ETH")
    assert abs(Decimal(eth["delta"])) <= Decimal("0.2")
