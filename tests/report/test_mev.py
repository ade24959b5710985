"""The MEV page: complete, self-contained, safe, and right about its own sums."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from trimtab.errors import ConfigError
from trimtab.report import render_mev_report

DATA = Path(__file__).parents[1] / "data" / "report" / "mev.json"
NASTY = '</script><img src=x onerror="alert(1)">'


@pytest.fixture
def record() -> dict[str, Any]:
    """A run of eight hedges as `trimtab demo mev --json` wrote it."""
    return json.loads(DATA.read_text())


def visible(html: str) -> str:
    """What stands on the page, without scripts and styles."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_the_page_tells_what_the_record_says(record: dict[str, Any]) -> None:
    """Losses of both routes, the prediction, sandwiches and leaks; every hedge with both hashes."""
    text = visible(render_mev_report(record))
    for told in ("$6,537.92", "$0.00", "5 · 0", "5 of 8 hedges lost money in public, none in private"):
        assert told in text
    assert "3 hedges were too small for a sandwich to pay" in text
    assert "bounds the public loss" in text
    html = render_mev_report(record)
    for hedge in record["hedges"]:
        assert hedge["public"]["tx"] in html
        assert hedge["private"]["tx"] in html
    assert 'src="http' not in html
    assert html.count("data-figure=") == 4


def test_the_money_adds_up(record: dict[str, Any]) -> None:
    """What the trader lost is what searcher, gas and venue had: nothing is unexplained."""
    text = visible(render_mev_report(record))
    assert re.search(r"Unexplained \$0\.00", text)
    searcher = record["searcher"]
    net = Decimal(searcher["profit"]) - Decimal(searcher["gas"])
    assert f"${net:,.2f}" in text


def test_a_broken_promise_is_not_hidden(record: dict[str, Any]) -> None:
    """A leak, a private loss and a prediction below the loss are all told, and marked."""
    record |= {"leaks": 2, "private_loss": "12.5", "predicted_loss": "1", "private_sandwiches": 1}
    record["hedges"][0]["private"]["loss"] = "12.5"
    html = render_mev_report(record)
    text = visible(html)
    assert "none in private" not in text
    assert "1 in private" in text
    assert "below the public loss" in text
    assert html.count('class="tile bad"') == 4
    assert "5 · 1" in text


def test_a_quiet_run_is_told_without_a_sandwich(record: dict[str, Any]) -> None:
    """Small hedges only: no loss, no division by it."""
    record["hedges"] = record["hedges"][2:4]
    record |= {"public_loss": "0", "predicted_loss": "0", "sandwiches": 0}
    record["searcher"] = dict.fromkeys(("profit", "fees", "gas"), "0") | {"attacks": 0, "failures": 0}
    text = visible(render_mev_report(record))
    assert "0 of 2 hedges lost money in public, none in private" in text
    assert "0 sandwiches" in text


def test_what_a_record_says_is_text(record: dict[str, Any]) -> None:
    """Names and settings cannot become markup."""
    record |= {"market": NASTY, "underlying": NASTY, "quote_currency": NASTY, "settings": {NASTY: NASTY}}
    record["hedges"][0] |= {"side": NASTY}
    assert "<img src=x" not in render_mev_report(record)


def test_no_hedge_is_no_run(record: dict[str, Any]) -> None:
    """A record without hedges is refused like one of another kind."""
    for broken in (record | {"hedges": []}, {"seed": 1}):
        with pytest.raises(ConfigError, match="MEV run"):
            render_mev_report(broken)
