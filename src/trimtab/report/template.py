"""One self-contained HTML page round headlines, tiles, charts and tables, by the template in `page.html`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib import resources
from string import Template

import msgspec

from trimtab.report.format import MINUS
from trimtab.report.style import Figure

_JOINER = "\N{WORD JOINER}"  # else a line may break between a minus sign and its number
_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True, slots=True)
class Section:
    """One exhibit: a headline that says what it shows, a caption that says what it is, and its content."""

    headline: str
    caption: str
    body: str
    is_half: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says. `kind` stands beside the brand, `notes` tell how to read it; `tiles` are (label,
    value, note, tone), `charts` figures by the name that sections ask for them with, `settings` a name with
    its value. All plain text but the bodies of the sections."""

    kind: str
    title: str
    description: str
    dateline: str
    lead: str
    tiles: Iterable[tuple[str, str, str, str]]
    sections: Iterable[Section]
    charts: Mapping[str, Figure]
    notes: str
    settings: Mapping[str, str]
    colophon: str


def render_page(page: Page) -> str:
    """The page as HTML: no network, nothing to install."""
    numbered = enumerate(page.sections, 1)
    return Template(_data("page.html")).substitute(
        kind=escape(page.kind),
        title=escape(page.title),
        lead=escape(page.lead),
        description=escape(page.description),
        dateline=escape(page.dateline),
        tiles="".join(_tile(*tile) for tile in page.tiles),
        sections="".join(_exhibit(number, section) for number, section in numbered),
        notes=escape(page.notes),
        settings=_settings(page.settings),
        colophon=escape(page.colophon),
        figures=_inline_json(page.charts),
        css=_data("page.css"),
        script=_data("page.js"),
        plotly=_plotly(),
    )


def chart(name: str, *, tall: bool = False) -> str:
    """Where the page's script draws the figure of this name."""
    return f'<div class="chart{" tall" if tall else ""}" data-figure="{name}"></div>'


def _settings(settings: Mapping[str, str]) -> str:
    return "".join(
        f"<div><dt>{escape(name[:1].upper() + name[1:])}</dt><dd>{escape(value)}</dd></div>"
        for name, value in settings.items()
    )


def _tile(label: str, value: str, note: str, tone: str) -> str:
    sign = " negative" if value.startswith(MINUS) else ""
    return (
        f'<div class="tile {tone}"><dt>{escape(label)}</dt><dd class="value{sign}">{escape(value)}</dd>'
        f'<dd class="note">{escape(note.replace(MINUS, MINUS + _JOINER))}</dd></div>'
    )


def _exhibit(number: int, section: Section) -> str:
    half = " half" if section.is_half else ""
    return (
        f'<section class="exhibit{half}"><header><p class="exhibit-number">Exhibit {number}</p>'
        f'<h2>{escape(section.headline)}</h2><p class="caption">{escape(section.caption)}</p></header>'
        f"{section.body}</section>"
    )


def _inline_json(charts: Mapping[str, Figure]) -> str:
    """JSON that cannot end the script element it stands in."""
    text = _encode(charts).decode()
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def _data(name: str) -> str:
    return resources.files("trimtab.report").joinpath(name).read_text(encoding="utf-8")


@cache
def _plotly() -> str:
    return resources.files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8")
