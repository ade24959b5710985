"""Plans are checked when they are made, and say whom they strike."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest

from trimtab.errors import ConfigError
from trimtab.world.faults import ChainRule, FaultPlan, Rule
from trimtab.world.faults.kinds import (
    KINDS,
    BaseFeeStorm,
    Disconnect,
    DroppedSend,
    HtmlBody,
    LaggingNode,
    LostReceipt,
    NullLie,
    OtherNode,
    PartialBatch,
    PoolDrop,
    RefusedSend,
    Reorg,
    RepeatedSend,
    ServerError,
    SideBranch,
    SlowAnswer,
    StaleNonce,
)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Rule(HtmlBody(), probability=1.2), "probability of 1.2"),
        (lambda: Rule(HtmlBody(), probability=float("nan")), "probability of nan"),
        (lambda: Rule(HtmlBody(), probability=0.1, every=2), "give one of probability and every"),
        (lambda: Rule(HtmlBody(), every=0), "every is 0; it must be at least 1"),
        (lambda: Rule(HtmlBody(), first=-1), "first is -1"),
        (lambda: Rule(HtmlBody(), limit=0), "limit is 0"),
        (lambda: Rule(HtmlBody(), skip=-1), "skip is -1"),
        (lambda: Rule(HtmlBody(), after_seconds=5, until_seconds=5), "is not after its begin"),
        (lambda: Rule(StaleNonce(), methods=("eth_call",)), "cannot strike eth_call"),
        (lambda: Rule(Reorg()), r"make it a ChainRule \(\[\[chain\]\]\)"),
        (lambda: ChainRule(HtmlBody(), every_seconds=1), r"make it a Rule \(\[\[rule\]\]\)"),
        (lambda: ChainRule(Reorg()), "give either at_seconds or every_seconds"),
        (lambda: ChainRule(Reorg(), at_seconds=(1,), every_seconds=1), "give either"),
        (lambda: ChainRule(Reorg(), at_seconds=(-1,)), "must lie ahead"),
        (lambda: ChainRule(Reorg(), every_seconds=0), "must lie ahead"),
        (lambda: ChainRule(Reorg(depth=0), every_seconds=1), "above 0"),
        (lambda: ChainRule(PoolDrop(percent=101), every_seconds=1), "101 is more than all"),
        (lambda: ChainRule(BaseFeeStorm(percent=-1), every_seconds=1), "cannot be below 0"),
        (lambda: Rule(StaleNonce(blocks=0)), "blocks or lower must be above 0"),
        (lambda: Rule(RepeatedSend(answer="third")), '"first" or "second"'),
        (lambda: Rule(RefusedSend(send_class="nonce_lo")), "there is no send_class 'nonce_lo'"),
        (lambda: Rule(RefusedSend(client="gethh")), "only of anvil"),
        (lambda: Rule(ServerError(status=404)), "not within 500 and 599"),
        (lambda: Rule(SideBranch(depth=3, period=3)), "below period 3"),
        (lambda: Rule(OtherNode()), "the other node's"),
        (lambda: Rule(LaggingNode(blocks=0)), "above 0"),
        (lambda: Rule(PartialBatch(missing=0)), "above 0"),
        (lambda: Rule(SlowAnswer(seconds=float("nan"))), "cannot be below 0"),
        (lambda: Rule(SlowAnswer(seconds=float("inf"))), "cannot be below 0"),
    ],
)
def test_what_makes_no_sense_is_refused(make: Any, words: str) -> None:
    """Each refusal names the kind and what is wrong with which value."""
    with pytest.raises(ConfigError, match=words):
        make()


@pytest.mark.parametrize(
    ("rule", "struck", "spared"),
    [
        (Rule(HtmlBody()), ("eth_call", "net_version", "websocket"), ("anvil_mine", "evm_mine")),
        (Rule(HtmlBody(), methods=("anvil_*",)), ("anvil_mine",), ("eth_call",)),
        (Rule(NullLie()), ("eth_getBalance",), ("eth_sendRawTransaction", "eth_subscribe")),
        (Rule(DroppedSend()), ("eth_sendRawTransaction", "eth_sendTransaction"), ("eth_call",)),
        (Rule(Disconnect(), methods=("sends",)), ("eth_sendRawTransactionSync",), ("eth_getBalance",)),
        (Rule(Disconnect(), methods=("eth_get*", "reads")), ("eth_getLogs", "eth_call"), ("eth_subscribe",)),
        (Rule(LostReceipt(), methods=("*",)), ("eth_getTransactionReceipt",), ("eth_call",)),
    ],
)
def test_whom_a_rule_strikes(rule: Rule, struck: tuple[str, ...], spared: tuple[str, ...]) -> None:
    """Names, patterns and groups; never what the fault makes no sense for."""
    assert [m for m in struck if not rule.strikes(m)] == []
    assert [m for m in spared if rule.strikes(m)] == []


def test_the_moments_of_the_chains_faults() -> None:
    """At given seconds in order, or every so many without end, or up to a limit."""
    assert list(ChainRule(Reorg(), at_seconds=(9, 3)).moments()) == [3, 9]
    assert list(islice(ChainRule(Reorg(), every_seconds=5).moments(), 3)) == [5, 10, 15]
    assert list(ChainRule(Reorg(), every_seconds=5, limit=2).moments()) == [5, 10]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule(HtmlBody()), "always"),
        (Rule(HtmlBody(), every=1), "always"),
        (Rule(HtmlBody(), every=4), "every 4."),
        (Rule(HtmlBody(), first=3), "the first 3"),
        (Rule(HtmlBody(), probability=0.005), "0.5 %"),
        (ChainRule(Reorg(), at_seconds=(3, 9.5)), "at 3, 9.5 s"),
        (ChainRule(Reorg(), every_seconds=2), "every 2 s"),
    ],
)
def test_how_often_in_words(rule: Rule | ChainRule, words: str) -> None:
    """As the command line tells it."""
    assert rule.frequency == words


def test_a_plan_without_rules_is_peace() -> None:
    """It is a value like any other."""
    assert FaultPlan() == FaultPlan((), ())
    assert len({FaultPlan(), FaultPlan.storm(), FaultPlan.calm(), FaultPlan.flaky()}) == 4


def test_the_storm_holds_every_kind() -> None:
    """But the one that needs a second node."""
    plan = FaultPlan.storm()
    held = {type(rule.fault) for rule in plan.rules} | {type(rule.fault) for rule in plan.chain}
    assert set(KINDS.values()) - held == {OtherNode}
