"""The hedger's memory, over restarts."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.errors import ConfigError, HaltError
from trimtab.hedging.decisions import VOID, Decision, DecisionLog, Ending, ending_of
from trimtab.hedging.exposure import UnderlyingExposure
from trimtab.journal import Journal
from trimtab.model.ids import ZERO_ADDRESS, TxHash
from trimtab.model.order import ExecutionReport, Fill, OrderStatus, TxRecord, TxStatus

D = Decimal
HASH = TxHash("0x" + "cd" * 32)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal.open(tmp_path / "j.db") as opened:
        yield opened


def decide(log: DecisionLog, reason: str = "block-7", size: str = "-1.25", at: int = 100) -> Decision:
    exposure = UnderlyingExposure("ETH", 7, at, D(2000), D(2000), (), ())
    return log.decide(reason, exposure, held=D(0), band=D("0.5"), size=D(size), limit=D("1980.5"))


def restart(log: DecisionLog, journal: Journal) -> DecisionLog:
    log.close()
    return DecisionLog(journal, 10, "ETH", ZERO_ADDRESS)


def test_a_decision_survives_the_process(journal: Journal) -> None:
    """After a restart the unfinished decision is there, digit by digit, under the same key."""
    log = DecisionLog(journal, 10, "ETH", ZERO_ADDRESS)
    decision = decide(log)
    assert decision.key == "hedge/ETH/1"
    log = restart(log, journal)
    assert log.unfinished == decision
    log.close()


def test_an_ending_survives_too(journal: Journal) -> None:
    """A finished decision stays finished, and its price keeps every digit."""
    log = DecisionLog(journal, 10, "ETH", ZERO_ADDRESS)
    ending = Ending("filled", D("-1.25"), D("1999.123456789012345678"), D("2.5"), 21_000, HASH, 8)
    ended = log.end(decide(log), ending)
    log = restart(log, journal)
    assert log.unfinished is None
    assert log.decisions == (ended,)
    log.close()


def test_while_one_is_unfinished_nothing_new_is_decided(journal: Journal) -> None:
    """Not even for another reason: the position is not known."""
    log = DecisionLog(journal, 10, "ETH", ZERO_ADDRESS)
    decide(log)
    with pytest.raises(HaltError, match="must not be decided"):
        decide(log, "block-8")
    log.close()


def test_a_reason_is_used_once_unless_it_was_void(journal: Journal) -> None:
    """A hedge that left, whatever became of it, uses up its reason; one that never left does not."""
    log = DecisionLog(journal, 10, "ETH", ZERO_ADDRESS)
    log.end(decide(log), Ending(VOID, text="the node was down"))
    log.end(decide(log), Ending("rejected", gas_wei=9))
    with pytest.raises(HaltError, match="block-7 must not be decided"):
        decide(log)
    log = restart(log, journal)
    found = log.find("block-7")
    assert found is not None
    assert found.sequence == 2
    assert log.find("block-8") is None
    log.close()


def test_a_decision_ends_once(journal: Journal) -> None:
    """A second ending is a fault of ours, and halts."""
    log = DecisionLog(journal, 10, "ETH", ZERO_ADDRESS)
    decision = decide(log)
    log.end(decision, Ending("filled"))
    with pytest.raises(HaltError, match="has ended before"):
        log.end(decision, Ending("filled"))
    log.close()


def test_two_hedgers_of_one_account_cannot_run(journal: Journal) -> None:
    """The second is refused at start, before it could decide."""
    log = DecisionLog(journal, 10, "ETH", ZERO_ADDRESS)
    with pytest.raises(ConfigError, match="is being written by process"):
        DecisionLog(journal, 10, "ETH", ZERO_ADDRESS)
    DecisionLog(journal, 10, "BTC", ZERO_ADDRESS).close()
    log.close()


@settings(max_examples=20)  # each opens a journal on disk
@given(st.lists(st.tuples(st.integers(0, 200), st.sampled_from(["filled", "rejected", VOID])), max_size=8))
def test_the_history_is_what_left_since_then(
    tmp_path_factory: pytest.TempPathFactory, past: list[tuple[int, str]]
) -> None:
    """Void decisions never count; everything else since the given second does, the unfinished one too."""
    with Journal.open(tmp_path_factory.mktemp("j") / "j.db") as journal:
        log = DecisionLog(journal, 10, "ETH", ZERO_ADDRESS)
        for number, (at, status) in enumerate(past):
            log.end(decide(log, f"block-{number}", at=at), Ending(status, gas_wei=5))
        decide(log, "now", at=200)
        expected = [at for at, status in past if at >= 100 and status != VOID] + [200]
        assert [p.at for p in log.history(100)] == expected
        log.close()


def report(status: OrderStatus, *, fills: tuple[Fill, ...] = (), txs: int = 1) -> ExecutionReport:
    tx = TxRecord("k/0", 7, HASH, TxStatus.SUCCEEDED, 12, 5, 21_000, 1, "final")
    return ExecutionReport("k", "perp_v2", "vETH", status, None, fills, (tx,) * txs, reason=None)


def test_an_ending_is_told_by_fills_never_by_a_receipt() -> None:
    """Price is the size-weighted average of the fills; without terminal status there is no ending."""
    zero = D(0)
    fills = tuple(
        Fill("perp_v2", "vETH", D(s), D(p), D("0.1"), zero, zero, HASH, 12, 3)
        for s, p in (("-1", "2000"), ("-3", "2004"))
    )
    ending = ending_of(report(OrderStatus.FILLED, fills=fills))
    assert ending is not None
    assert (ending.filled, ending.price, ending.fee) == (D(-4), D(2003), D("0.2"))
    assert ending.gas_wei == 21_000
    for status in (OrderStatus.UNKNOWN, OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED):
        assert ending_of(report(status)) is None


def test_a_rejection_without_transaction_is_void() -> None:
    """Nothing was sent, so nothing counts; a mined revert does count."""
    nothing, mined = ending_of(report(OrderStatus.REJECTED, txs=0)), ending_of(report(OrderStatus.REJECTED))
    assert nothing is not None
    assert mined is not None
    assert (nothing.status, mined.status) == (VOID, "rejected")


def test_two_chains_in_one_journal_do_not_share_decisions(journal: Journal) -> None:
    """The same account and underlying on another chain: what is open on one is not void because the other
    never saw it."""
    with_open = DecisionLog(journal, 10, "ETH", ZERO_ADDRESS)
    decide(with_open)
    other = DecisionLog(journal, 8453, "ETH", ZERO_ADDRESS)
    assert other.unfinished is None
    assert other.decisions == ()
    assert with_open.unfinished is not None
    for log in (with_open, other):
        log.close()
