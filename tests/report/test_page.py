"""The page: complete, self-contained, safe, and content with little."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from trimtab.errors import ConfigError
from trimtab.report import render_report

DATA = Path(__file__).parents[1] / "data" / "report" / "record.json"
NASTY = '</script><script>alert(1)</script><img src=x onerror="alert(2)">&amp;'


@pytest.fixture
def record() -> dict[str, Any]:
    """A whole run of 30 steps with everything that a record may hold."""
    return json.loads(DATA.read_text())


@pytest.fixture
def minimal(record: dict[str, Any]) -> dict[str, Any]:
    """Only the keys that `trimtab demo --json` promises."""
    step_keys = ("t", "block", "spot", "delta_before", "delta_after", "hedge")
    summary_keys = (
        "max_abs_delta_after", "hedges", "transactions", "duplicate_hedges", "orphans", "pnl", "unexplained",
        "wall_seconds",
    )  # fmt: skip
    return {
        "seed": record["seed"],
        "band": record["band"],
        "steps": [{key: step[key] for key in step_keys} for step in record["steps"]],
        "summary": {key: record["summary"][key] for key in summary_keys},
    }


class Page(HTMLParser):
    """The tags, the visible text and the figures of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._inside = ""
        self.figures: dict[str, Any] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag if tag != "script" or not dict(attrs).get("id") else "figures"

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "figures":
            self.figures = json.loads(data)
        elif self._inside not in ("script", "style"):
            self.text += data


def test_the_whole_record_is_shown(record: dict[str, Any]) -> None:
    """Every chart has a place and a figure, every transaction, account and position a row."""
    page = Page(render_report(record))
    places = [attrs["data-figure"] for _, attrs in page.tags if "data-figure" in attrs]
    assert places == ["price", "delta", "profit", "waterfall", "attribution", "iv", "health"]
    assert sorted(page.figures) == sorted(str(place) for place in places)
    for line in record["transactions"]:
        assert line["label"] in page.text
        assert line["tx"] in str(page.tags)
    for line in [*record["accounts"]]:
        assert line["name"] in page.text
    for line in record["positions"]:
        assert line["instrument"] in page.text


def test_the_parts_add_up_to_the_cent(record: dict[str, Any]) -> None:
    """Where every cent went: the printed parts, sum and account values agree with the record."""
    page = Page(render_report(record))
    total = Decimal(record["summary"]["pnl"]["total"])
    change = sum(Decimal(a["end"]) - Decimal(a["start"]) for a in record["accounts"])
    assert abs(change - total) < Decimal("0.005")
    assert page.text.count(f"{abs(total):,.2f}") >= 4  # the tile, the sum, the change of values, the accounts


def test_the_page_needs_no_network(record: dict[str, Any]) -> None:
    """Nothing is loaded: no link, no source, no import; scripts and styles are inside."""
    html = render_report(record)
    page = Page(html)
    assert not {tag for tag, _ in page.tags} & {"link", "img", "iframe", "object", "embed"}
    assert not [attrs for _, attrs in page.tags if {"src", "href", "srcset"} & set(attrs)]
    style = html[html.index("<style>") : html.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert "Plotly" in html


def test_a_minimal_record_is_enough(minimal: dict[str, Any]) -> None:
    """The promised keys alone make a page: price, delta, waterfall, and the hedges as its table."""
    page = Page(render_report(minimal))
    assert sorted(page.figures) == ["delta", "price", "waterfall"]
    assert minimal["steps"][0]["hedge"]["tx"] in str(page.tags)


def test_no_hedges_and_no_steps(minimal: dict[str, Any]) -> None:
    """A run without a single hedge, and one without a single step, are pages too."""
    for step in minimal["steps"]:
        step["hedge"] = None
    minimal["summary"] |= {"hedges": 0, "transactions": 0}
    assert "No hedge was traded" in Page(render_report(minimal)).text
    minimal["steps"] = []
    assert "no hedge was sent twice" in Page(render_report(minimal)).text


def test_steps_without_a_clock(minimal: dict[str, Any]) -> None:
    """Where `t` is a step number the axis counts steps."""
    for number, step in enumerate(minimal["steps"]):
        step["t"] = number
    page = Page(render_report(minimal))
    assert page.figures["price"]["data"][0]["x"][:3] == [0, 1, 2]
    assert "Steps 0 to 29" in page.text


def test_text_from_the_record_is_only_text(record: dict[str, Any]) -> None:
    """Markup anywhere in a record comes out as text: no tag, no attribute, no end of a script."""
    harmless = [tag for tag, _ in Page(render_report(record)).tags]
    for key in ("title", "description", "underlying", "quote_currency", "version"):
        record[key] = NASTY
    record["settings"] = {NASTY: NASTY}
    record["steps"][3]["event"] = NASTY
    record["summary"]["pnl"][NASTY] = 1
    for step in record["steps"]:
        step["pnl"][NASTY] = 1
        if step["hedge"]:
            step["hedge"] |= {"tx": NASTY, "reason": NASTY}
    record["positions"][0] |= {"venue": NASTY, "instrument": NASTY}
    record["transactions"][0] |= {"key": NASTY, "tx": NASTY, "label": NASTY, "journal_state": NASTY}
    record["accounts"][0]["name"] = NASTY
    html = render_report(record)
    page = Page(html)
    new_tags = [tag for tag, _ in page.tags]
    assert new_tags.count("script") == harmless.count("script") == 3
    assert "img" not in new_tags
    assert not [attrs for _, attrs in page.tags if "onerror" in attrs]
    assert "<img" not in json.dumps(page.figures)
    assert NASTY in page.text


def test_trouble_is_not_hidden(record: dict[str, Any]) -> None:
    """Duplicates, orphans and a delta outside the band are named in the headlines and marked."""
    record["summary"] |= {"duplicate_hedges": 1, "orphans": 2, "max_abs_delta_after": "1.7"}
    record["steps"][5]["delta_after"] = "1.7"
    page = Page(render_report(record))
    assert "1 duplicate and 2 orphans" in page.text
    assert "Net delta was outside ±0.50 ETH after 1 of 30 steps" in page.text
    assert len([attrs for _, attrs in page.tags if attrs.get("class") == "tile bad"]) == 2


@pytest.mark.parametrize(("alone", "told"), [("-5.5", "lost $5.50"), ("5.5", "made $5.50")])
def test_the_lead_speaks_plainly(record: dict[str, Any], alone: str, told: str) -> None:
    """A loss is called one, instead of a negative gain."""
    record["summary"]["unhedged_pnl"] = alone
    assert f"left alone it would have {told}." in Page(render_report(record)).text


@pytest.mark.parametrize(
    ("unexplained", "told"), [("0", "0.0000 % of all"), ("-0.0000001", "under 0.0001 %"), ("100", "% of all")]
)
def test_a_tiny_share_is_not_called_nothing(record: dict[str, Any], unexplained: str, told: str) -> None:
    """What rounds to no percent at all is told as a bound."""
    record["summary"]["unexplained"] = unexplained
    text = Page(render_report(record)).text
    assert told in text
    assert ("under 0.0001 %" in text) == told.startswith("under")


def test_an_unhedged_run_says_so(record: dict[str, Any]) -> None:
    """Without the hedger the page claims no hedging: one profit line, no comparison."""
    record["is_hedged"] = False
    page = Page(render_report(record))
    assert [trace["name"] for trace in page.figures["profit"]["data"]] == ["Unhedged"]
    assert "left alone" not in page.text
    assert "Nobody hedged" in page.text
    assert "Net delta of the options." in page.text
    assert "Before" not in [trace.get("name") for trace in page.figures["delta"]["data"]]
    assert "Variance left" not in page.text


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("band",), None, "band"),
        (("steps", 2, "spot"), "dear", "spot"),
        (("steps", 2, "spot"), "NaN", r"steps\[2\].spot is NaN"),
        (("summary", "pnl"), 5, "pnl"),
        (("summary", "pnl", "delta"), "Infinity", "summary.pnl.delta is Infinity"),
    ],
)
def test_a_bad_record_is_refused(
    record: dict[str, Any], path: tuple[Any, ...], value: object, said: str
) -> None:
    """What is no record is a ConfigError that names the place, not a broken page."""
    place: Any = record
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(ConfigError, match=said):
        render_report(record)


def test_a_missing_key_is_named(record: dict[str, Any]) -> None:
    """A record without its summary is refused by name."""
    del record["summary"]
    with pytest.raises(ConfigError, match="summary"):
        render_report(record)


def test_every_color_is_defined_in_both_themes(record: dict[str, Any]) -> None:
    """Each colour that a figure names is a variable of the light and of both dark blocks of the style."""
    html = render_report(record)
    style = html[html.index("<style>") : html.index("</style>")]
    used = set(re.findall(r'"(--[a-z_-]+)"', json.dumps(Page(html).figures)))
    assert len(used) > 10
    for name in used:
        assert len(re.findall(rf"{name}: #|{name}: rgba", style)) == 3, name
