"""What became of a trade, told and turned into an exit code."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trimtab.cli.report_view import failure_of, print_report
from trimtab.errors import DroppedError, OrderRejectedError, OutcomeUnknownError, RevertedError
from trimtab.model.exposure_rule import ExposureAction, ExposureVerdict
from trimtab.model.ids import TxHash
from trimtab.model.order import ExecutionReport, OrderStatus, TxRecord, TxStatus


def _report(status: OrderStatus, *, sent: bool) -> ExecutionReport:
    record = TxRecord("k/0", 7, TxHash("0xab"), TxStatus.REVERTED, 1, 21_000, 1, 1, "final")
    return ExecutionReport("k", "perp_v2", "vETH", status, None, (), (record,) if sent else (), "NEMR")


def test_a_report_that_did_not_fill_is_an_error() -> None:
    """Rejected before sending, reverted on chain, dropped and unknown are four errors; filled is none."""
    assert failure_of(_report(OrderStatus.FILLED, sent=True)) is None
    assert isinstance(failure_of(_report(OrderStatus.REJECTED, sent=False)), OrderRejectedError)
    reverted = failure_of(_report(OrderStatus.REJECTED, sent=True))
    assert isinstance(reverted, RevertedError)
    assert (reverted.nonce, reverted.reason) == (7, "NEMR")
    dropped = _report(OrderStatus.EXPIRED, sent=True)
    gone = replace(dropped.transactions[0], status=TxStatus.DROPPED)
    error = failure_of(replace(dropped, transactions=(gone,)))
    assert isinstance(error, DroppedError)
    assert "(--key k)" in str(error)
    unknown = failure_of(_report(OrderStatus.UNKNOWN, sent=True))
    assert isinstance(unknown, OutcomeUnknownError)
    assert "ask again with --key k, never send it under another key" in str(unknown)


@pytest.mark.parametrize("wide", ["80", "160"])
def test_a_report_shows_hashes_whole_at_any_width(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, wide: str
) -> None:
    """On a narrow terminal they stand below the table, each on a line of its own, to be copied."""
    monkeypatch.setenv("COLUMNS", wide)
    record = TxRecord("k/0", 7, TxHash("0x" + "ab" * 32), TxStatus.SUCCEEDED, 1, 21_000, 1, 1, "final", "buy")
    report = ExecutionReport("k", "perp_v2", "vETH", OrderStatus.FILLED, None, (), (record,))
    print_report(report, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if record.tx_hash in line]
    assert max(map(len, lines)) <= int(wide)
    assert lines[-1] == "key k"


def test_a_report_says_what_was_done_about_its_exposure(capsys: pytest.CaptureFixture[str]) -> None:
    """Below the transactions, with the lane of each beside it."""
    record = TxRecord(
        "k/0", 7, TxHash("0x1"), TxStatus.SUCCEEDED, 1, 21_000, 1, 1, "final", "buy", "private", 9
    )
    verdict = ExposureVerdict(ExposureAction.PRIVATE, "a sandwich could earn 6 on it, more than 5")
    report = ExecutionReport("k", "perp_v2", "vETH", OrderStatus.FILLED, None, (), (record,), verdict=verdict)
    print_report(report, as_json=False)
    out = capsys.readouterr().out
    assert "more than 5: send by private routes only" in out
    assert " private " in out
