"""Private routes in the settings: strict about kinds and options, and nothing of them is shown."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.config.conftest import CHAIN, KEY, Write

from trimtab.config import PrivateRouteSettings, RouteSettings, Secret, load_config
from trimtab.errors import ConfigError
from trimtab.model.exposure_rule import ExposureAction, ExposureRule
from trimtab.model.ids import Address
from trimtab.tx import RoutePolicy
from trimtab.tx.routes.mev_blocker import MevBlockerOptions, Privacy
from trimtab.tx.routes.mev_share import MevShareOptions
from trimtab.tx.routes.preferences import Refund

ONE = '[[routes.private]]\nkind = "private_tx"\nurls = ["https://relay/SECRET"]\n'


def test_without_a_section_everything_is_public(write: Write) -> None:
    """And there is no way to hide anything."""
    routes = load_config(write(CHAIN), {}).routes
    assert routes == RouteSettings()
    assert routes.policy == RoutePolicy.public()
    assert routes.private_policy is None


@pytest.mark.parametrize(
    ("default", "policy"),
    [
        ("public", RoutePolicy(window=7)),
        ("private", RoutePolicy.private(7)),
        ("private_then_public", RoutePolicy.private_then_public(7)),
    ],
)
def test_the_default_is_a_policy(write: Write, default: str, policy: RoutePolicy) -> None:
    """With the window of the settings, which is also that of an order that is to be hidden."""
    routes = load_config(write(f'{CHAIN}[routes]\ndefault = "{default}"\nwindow = 7\n{ONE}'), {}).routes
    assert routes.policy == policy
    assert routes.private_policy == RoutePolicy.private(7)


def test_options_are_those_of_the_kind(write: Write) -> None:
    """Each kind's own values, typed and checked; the rule for exposed orders beside them."""
    text = f"""{CHAIN}
[routes.exposure]
max_exposure = 2.5
prefer = ["private", "refuse"]
[[routes.private]]
kind = "mev_blocker"
urls = ["https://rpc.mevblocker.io"]
options = {{privacy = "noreverts", soft_cancellations = true}}
[[routes.private]]
kind = "mev_share"
name = "share"
urls = ["https://a", "https://b"]
timeout = 2
requests_per_second = 5
options = {{hints = ["hash"], refunds = [{{address = "0x{"11" * 20}", percent = 90}}]}}
"""
    routes = load_config(write(text), {}).routes
    assert routes.exposure == ExposureRule(Decimal("2.5"), (ExposureAction.PRIVATE, ExposureAction.REFUSE))
    blocker, share = routes.private
    assert blocker.options == MevBlockerOptions(Privacy.NO_REVERTS, soft_cancellations=True)
    assert share == PrivateRouteSettings(
        "mev_share",
        ("https://a", "https://b"),
        "share",
        Decimal(2),
        5,
        MevShareOptions(hints=("hash",), refunds=(Refund(Address("0x" + "11" * 20), 90),)),
    )


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ('[routes]\ndefault = "hidden"\n', "routes.default", "must be one of public, private, private_then"),
        ('[routes]\ndefault = "private"\n', "routes.default", "there is no private route: add [[routes.p"),
        ("[routes]\nwindow = 0\n", "routes.window", "1 to 1000 blocks, got 0"),
        ("[routes]\nwindow = 1001\n", "routes.window", "1 to 1000 blocks, got 1001"),
        ("[routes]\nwindwo = 1\n", "routes.windwo", "did you mean 'window'?"),
        ('[routes]\nidentity = "0x11"\n', "routes.identity", "set TRIMTAB_RELAY_KEY"),
        ('[[routes.private]]\nurls = ["https://a"]\n', "routes.private.kind", "is missing"),
        ('[[routes.private]]\nkind = "flashbots"\nurls = ["https://a"]\n', "routes.private.kind",
         "is not known: 'flashbots'. Private routes are bundle, mev_blocker, mev_share, private_tx, protect"),
        ('[[routes.private]]\nkind = "conditional"\nurls = ["https://a"]\n', "routes.private.kind",
         "is public"),
        ('[[routes.private]]\nkind = 1\nurls = ["https://a"]\n', "routes.private.kind", "is not known: 1"),
        ('[[routes.private]]\nkind = "bundle"\nurls = []\n', "routes.private.urls", "at least one URL"),
        ('[routes]\nprivate = {}\n', "routes.private", "must be a list"),
        (ONE + ONE, "routes.private", "has two routes 'private_tx': give each a name"),
        (ONE + "timeout = 0\n", "routes.private.timeout", "above 0"),
        (ONE + "requests_per_second = 0\n", "routes.private.requests_per_second", "above 0"),
        (ONE + "options = {hint = []}\n", "routes.private.options.hint", "did you mean 'hints'?"),
        (ONE + "options = {zzz = 1}\n", "routes.private.options.zzz", "known here: builders, fast, hints"),
        (ONE + 'options = {hints = ["all"]}\n', "routes.private.options.hints", "there is no hint 'all'"),
        (ONE + 'options = {fast = "yes"}\n', "routes.private.options.fast", "must be true or false"),
        ('[[routes.private]]\nkind = "mev_blocker"\nurls = ["https://a"]\noptions = {privacy = "dark"}\n',
         "routes.private.options.privacy", "must be one of fast, noreverts, fullprivacy, maxbackruns"),
        ('[routes.exposure]\nprefer = ["hide"]\n', "routes.exposure.prefer",
         "must be one of private, tighten, split, refuse, got 'hide'"),
        ("[routes.exposure]\nprefer = []\n", "routes.exposure.prefer", "needs actions"),
        ("[routes.exposure]\nmax_exposure = -1\n", "routes.exposure.max_exposure", "0 or more"),
        ("[routes.exposure]\nmax_parts = 1\n", "routes.exposure.max_parts", "2 to 100, got 1"),
        ("[routes.exposure]\nmax_profit = 1\n", "routes.exposure.max_profit", "did you mean"),
    ],
)  # fmt: skip
def test_a_word_that_means_nothing_stops_everything(write: Write, text: str, key: str, words: str) -> None:
    """Each with its key, and what there is instead."""
    with pytest.raises(ConfigError) as caught:
        load_config(write(CHAIN + text), {})
    assert caught.value.key == key
    assert words in str(caught.value)


def test_keys_are_not_shown(write: Write) -> None:
    """URLs and options may hold some, and the identity is one: it comes from the environment."""
    text = ONE + '[[routes.private]]\nkind = "protect"\nurls = ["https://b/SECRET"]\n'
    text += 'options = {status_url = "https://c/SECRET"}\n'
    routes = load_config(write(CHAIN + text), {"TRIMTAB_RELAY_KEY": KEY}).routes
    assert routes.identity == Secret(KEY)
    assert "SECRET" not in repr(routes)
    assert KEY not in repr(routes)
