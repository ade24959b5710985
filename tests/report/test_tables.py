"""The tables: sums, escapes, states."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from trimtab.report import render_report, tables
from trimtab.report.record import RunRecord, decode_record

DATA = Path(__file__).parents[1] / "data" / "report" / "record.json"


@pytest.fixture
def record() -> dict[str, Any]:
    return json.loads(DATA.read_text())


def rows(html: str) -> list[list[str]]:
    """The text of every cell, row by row."""
    return [
        [unescape(re.sub("<[^>]+>", "", cell)) for cell in re.findall(r"<t[dh][^>]*>.*?</t[dh]>", row)]
        for row in re.findall(r"<tr>.*?</tr>", html)
    ]


def amount(text: str) -> Decimal:
    return Decimal(text.replace("−", "-").replace("$", "").replace(",", "").replace("+", ""))


def run(record: dict[str, Any]) -> RunRecord:
    return decode_record(record)


def test_printed_parts_add_up_to_the_printed_sum(record: dict[str, Any]) -> None:
    """Adding the printed parts gives the printed sum within the rounding of a cent each; sum plus unexplained
    is what the contracts say."""
    _, *parts, total, change, unexplained = rows(tables.parts_table(run(record)))
    assert total[0] == "Sum of the parts"
    assert abs(sum(amount(row[1]) for row in parts) - amount(total[1])) <= Decimal("0.005") * len(parts)
    assert amount(total[1]) + amount(unexplained[1]) == amount(change[1])


def test_a_total_that_is_not_the_sum_is_shown(record: dict[str, Any]) -> None:
    """A record whose total is not the sum of its parts is not smoothed over: the gap is a row."""
    record["summary"]["pnl"]["total"] = str(Decimal(record["summary"]["pnl"]["total"]) + 5)
    named = {row[0]: row[1] for row in rows(tables.parts_table(run(record)))}
    assert named["Rounding"] == "+$5.00"


def test_accounts_add_up(record: dict[str, Any]) -> None:
    """Start, end and change of all accounts are the sums of the rows."""
    _, *accounts, foot = rows(tables.accounts_table(run(record)))
    for column in (1, 2, 3):
        total = sum(amount(row[column]) for row in accounts)
        assert abs(total - amount(foot[column])) <= Decimal("0.005") * len(accounts)


def test_net_delta_of_the_venues_counts_the_perp(record: dict[str, Any]) -> None:
    """A perp has no delta of the venue's own: its size counts in both sums."""
    book = rows(tables.positions_table(run(record)))
    net = book[-1]
    ours, theirs = net[3], net[4]
    assert amount(ours) == pytest.approx(amount(theirs), abs=Decimal("0.02"))
    assert abs(amount(ours)) <= Decimal("0.5")


@pytest.mark.parametrize(
    ("state", "kind"),
    [("final", "good"), ("safe", "good"), ("Confirmed", "good"), ("broadcast", "warn"), ("unknown", "warn")],
)
def test_states_are_colored_by_meaning(record: dict[str, Any], state: str, kind: str) -> None:
    """Only a settled state is calm; anything else asks for a look."""
    record["transactions"] = [record["transactions"][0] | {"journal_state": state}]
    assert f'<span class="pill {kind}">{state}</span>' in tables.transactions_table(run(record))


def test_cells_are_escaped() -> None:
    """Text and titles of a cell are text."""
    assert tables.cell("<b>", title='"x"') == '<td title="&quot;x&quot;">&lt;b&gt;</td>'


def test_several_calls_are_told_by_their_number_and_the_last(record: dict[str, Any]) -> None:
    """All of them are in the title; what our contracts took stands beside the plain way."""
    labels = "approve 5 USDC; deposit 5 USDC; buy 2 vETH"
    record["transactions"][0]["label"] = labels
    html = tables.transactions_table(run(record))
    assert "3 calls, the last: buy 2 vETH" in html
    assert f": {labels}" in html
    parts = [("Open", 1, 900, 7, 1_000), ("Hedges", 3, 5_000, 3, 2_000)]
    keys = ("name", "transactions", "gas", "plain_transactions", "plain_gas")
    record["atomic"] = [dict(zip(keys, part, strict=True)) for part in parts]
    told = rows(tables.atomic_table(run(record)))
    assert told[-2:] == [
        ["Open", "1", "7", "900", "1,000", "−100"],
        ["Hedges", "3", "3", "5,000", "2,000", "+3,000"],
    ]
    assert "4 transactions instead of 10, whole or not at all" in render_report(record)
