"""Plans from TOML: what they may say, and what is said of what they may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from trimtab.errors import ConfigError
from trimtab.world.faults import ChainRule, FaultPlan, Rule
from trimtab.world.faults.kinds import LostReceipt, RefusedSend, Reorg, SlowAnswer, StaleNonce
from trimtab.world.faults.plan_file import load_plan, parse_plan


def test_rules_chain_and_preset() -> None:
    """The file's own rules come before its preset's; one method needs no list, seconds may be whole."""
    plan = parse_plan(
        """
        preset = "calm"
        [[rule]]
        fault = "stale_nonce"
        lower = 2
        probability = 0.25
        [[rule]]
        fault = "slow_answer"
        seconds = 1
        methods = "eth_getLogs"
        every = 3
        until_seconds = 60
        [[rule]]
        fault = "refused_send"
        send_class = "nonce_low"
        forwarded = true
        methods = ["eth_sendRawTransaction"]
        [[chain]]
        fault = "reorg"
        depth = 4
        at_seconds = [10, 30.5]
        """
    )
    assert plan.rules[:3] == (
        Rule(StaleNonce(lower=2), probability=0.25),
        Rule(SlowAnswer(seconds=1.0), methods=("eth_getLogs",), every=3, until_seconds=60.0),
        Rule(RefusedSend("nonce_low", forwarded=True), methods=("eth_sendRawTransaction",)),
    )
    assert plan.rules[3:] == FaultPlan.calm().rules
    assert plan.chain == (ChainRule(Reorg(depth=4), at_seconds=(10.0, 30.5)),)


def test_nothing_is_peace() -> None:
    """An empty file is a plan."""
    assert parse_plan("") == FaultPlan()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rules = 1", r"p.toml: there is no key 'rules'; did you mean 'rule'\?"),
        ("zzz = 1", "p.toml: there is no key 'zzz'; it takes preset, rule, chain"),
        ('preset = "strom"', "p.toml: preset 'strom' is none of calm, flaky, storm"),
        ("preset = 1", "preset 1 is none of"),
        ("[rule]", r"p.toml: write each rule under a line \[\[rule\]\]"),
        ("rule = [1]", r"write each rule under"),
        ("[[rule]]", "p.toml, rule 1: say which fault: stale_nonce, dropped_send"),
        (
            '[[rule]]\nfault="stale_nonc"',
            r"p.toml, rule 1: there is no fault 'stale_nonc'; did you mean 'stale_nonce'\?",
        ),
        ("[[rule]]\nfault=7", "there is no fault 7"),
        ('[[rule]]\nfault="reorg"', r"rule 1: reorg belongs under \[\[chain\]\]"),
        ('[[chain]]\nfault="null_lie"', r"chain 1: null_lie belongs under \[\[rule\]\]"),
        (
            '[[rule]]\nfault="null_lie"\n[[rule]]\nfault="stale_nonce"\nblock=1',
            r"p.toml, rule 2 \(stale_nonce\): there is no key 'block'; did you mean 'blocks'\?",
        ),
        ('[[rule]]\nfault="stale_nonce"\nblocks="1"', "rule 1: blocks is '1', and must be a whole number"),
        ('[[rule]]\nfault="stale_nonce"\nblocks=true', "rule 1: blocks is True, and must be a whole number"),
        ('[[rule]]\nfault="slow_answer"\nseconds="1"', "seconds is '1', and must be a number"),
        ('[[rule]]\nfault="server_error"\nforwarded=1', "forwarded is 1, and must be true or false"),
        ('[[rule]]\nfault="null_lie"\nmethods=[1]', "methods is 1, and must be text"),
        ('[[rule]]\nfault="null_lie"\nprobability=7', "rule 1: null_lie: a probability of 7.0"),
        ('[[rule]]\nfault="slow_answer"\nseconds=nan', "rule 1: slow_answer: seconds is nan"),
        ('[[chain]]\nfault="reorg"', "chain 1: reorg: give either at_seconds or every_seconds"),
        ("rule = ", "p.toml is not TOML"),
    ],
)
def test_what_is_wrong_is_named(text: str, words: str) -> None:
    """File, rule, key, value, and the nearest there is."""
    with pytest.raises(ConfigError, match=words):
        parse_plan(text, "p.toml")


def test_a_file(tmp_path: Path) -> None:
    """By its path; one that is not there, or is no text, is named."""
    path = tmp_path / "plan.toml"
    path.write_text('[[rule]]\nfault = "lost_receipt"\n')
    assert load_plan(path) == FaultPlan((Rule(LostReceipt()),))
    with pytest.raises(ConfigError, match=r"no plan to be read at .*absent.toml \(No such file"):
        load_plan(tmp_path / "absent.toml")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        load_plan(path)
