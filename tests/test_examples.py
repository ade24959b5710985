"""The examples run, and the README shows them as they are."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "hedge_an_option.py"


@pytest.mark.node
def test_hedging_an_option_takes_25_lines_and_works(tmp_path: Path) -> None:
    """The script writes two calls and buys exactly their delta in perpetuals, on the genuine contracts."""
    code = [line for line in EXAMPLE.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert len(code) <= 26  # 25 and the docstring
    done = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLE], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    sold, hedged = (float(n) for n in re.findall(r"delta ([+-]\d+\.\d+)", done.stdout))
    assert sold < 0
    assert hedged == -sold


def test_the_readme_shows_the_script_as_it_is() -> None:
    """The README's Python block is the example, line by line, and the README is one page."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    assert block == EXAMPLE.read_text(encoding="utf-8")
    assert len(readme.splitlines()) <= 150


def test_the_readmes_links_lead_somewhere() -> None:
    """Every relative link and picture of README, CONTRIBUTING and ARCHITECTURE exists."""
    for page in ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
            assert (ROOT / target).exists(), f"{page}: {target}"
