"""What every report shares: text is text, exhibits are numbered, and the page needs nothing else."""

from __future__ import annotations

from decimal import Decimal

from trimtab.report.style import figure, line
from trimtab.report.template import Page, Section, chart, render_page

NASTY = "</script><b>&"


def page(**changes: object) -> str:
    x: list[str | Decimal] = [Decimal(0), Decimal(1)]
    plain = {name: name.upper() for name in ("kind", "title", "description", "dateline", "lead", "notes")}
    parts: dict[str, object] = {
        "tiles": [("Loss", "−$1.00", "of −$2.00", "bad")],
        "sections": [
            Section("First", "one", chart("loss")),
            Section("Second", "two", "<p></p>", is_half=True),
        ],
        "charts": {"loss": figure([line(x, [Decimal(1), None], "a", "--ink", "")], x, y_title="y")},
        "settings": {"seed": "1"},
        "colophon": "made",
    }
    return render_page(Page(**(plain | parts | changes)))  # type: ignore[arg-type]


def test_everything_stands_in_its_place() -> None:
    """Exhibits are numbered in their order, and the figure of a chart is in the page."""
    html = page()
    for text in ("KIND", "TITLE", "DESCRIPTION", "DATELINE", "LEAD", "NOTES", "<dt>Seed</dt>"):
        assert text in html
    assert html.index("Exhibit 1") < html.index("First") < html.index("Exhibit 2") < html.index("Second")
    assert 'data-figure="loss"' in html
    assert '"loss":{"data"' in html
    assert 'class="value negative"' in html


def test_text_is_escaped_wherever_it_stands() -> None:
    """Nothing that a record says becomes markup, and a figure cannot end its script."""
    x: list[str | Decimal] = [Decimal(0)]
    words = dict.fromkeys(("kind", "title", "description", "dateline", "lead", "notes", "colophon"), NASTY)
    html = page(
        **words,
        tiles=[(NASTY, NASTY, NASTY, "")],
        sections=[Section(NASTY, NASTY, "")],
        settings={NASTY: NASTY},
        charts={"loss": figure([line(x, [None], NASTY, "--ink", "")], x, y_title="")},
    )
    assert "<b>" not in html
