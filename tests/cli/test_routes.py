"""A command line's word on the route, and the settings' routes opened as they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from trimtab.cli.routes import RouteFlags, load_identity, open_routes
from trimtab.config import (
    ChainSettings,
    Config,
    JournalSettings,
    PrivateRouteSettings,
    RouteSettings,
    Secret,
)
from trimtab.errors import ConfigError, TrimtabError
from trimtab.tx import Lane, RoutePolicy
from trimtab.tx.signers import LocalSigner

KEY = "11" * 32
ONE = RouteSettings(window=9, private=(PrivateRouteSettings("private_tx", ("http://relay/v1/SECRET",)),))


def _config(tmp_path: Path, routes: RouteSettings) -> Config:
    return Config(
        ChainSettings(("http://node",), 1), journal=JournalSettings(tmp_path / "j.db"), routes=routes
    )


@pytest.mark.parametrize(
    ("flags", "policy"),
    [
        (RouteFlags(), None),
        (RouteFlags(public=True), RoutePolicy.public()),
        (RouteFlags(private=True), RoutePolicy.private(9)),
        (RouteFlags(private=True, window=3), RoutePolicy.private(3)),
        (RouteFlags(then_public=True), RoutePolicy.private_then_public(9)),
        (RouteFlags(then_public=True, window=2), RoutePolicy.private_then_public(2)),
    ],
)
def test_flags_are_a_policy(flags: RouteFlags, policy: RoutePolicy | None) -> None:
    """With the settings' window unless one is given; nothing said is left to the rule."""
    assert flags.policy(ONE) == policy


@pytest.mark.parametrize(
    ("flags", "routes", "words"),
    [
        (RouteFlags(private=True, public=True), ONE, "--private and --public contradict each other"),
        (RouteFlags(private=True, then_public=True), ONE, "choose one"),
        (RouteFlags(window=3), ONE, "--window is of private routes: add --private"),
        (RouteFlags(public=True, window=3), ONE, "--window is of private routes"),
        (RouteFlags(private=True, window=0), ONE, "window must be 1 to 1000 blocks, got 0"),
        (RouteFlags(private=True), RouteSettings(), r"--private needs a private route: add \[\[routes"),
        (RouteFlags(then_public=True), RouteSettings(), "--private-then-public needs a private route"),
    ],
)
def test_flags_that_cannot_be_meant(flags: RouteFlags, routes: RouteSettings, words: str) -> None:
    """Refused with what to say instead."""
    with pytest.raises(TrimtabError, match=words):
        flags.policy(routes)


async def test_every_route_of_the_settings_is_opened_under_its_name(tmp_path: Path) -> None:
    """In their order, each with its endpoints; the key that relays know us by is made once, and kept."""
    routes = RouteSettings(
        private=(
            PrivateRouteSettings("bundle", ("http://a", "http://b"), "many"),
            PrivateRouteSettings("mev_blocker", ("http://c",)),
        )
    )
    config = _config(tmp_path, routes)
    async with open_routes(config, may_make_key=False) as opened:
        assert [route.endpoints for route in opened] == [("many:a", "many:b"), ("mev_blocker:c",)]
        assert all(Lane.PRIVATE in route.lanes for route in opened)
        assert not (tmp_path / "j.db.relay-key").exists()
    async with open_routes(config):
        assert load_identity(config).address == load_identity(config, may_make_key=False).address
    async with open_routes(_config(tmp_path, RouteSettings())) as opened:
        assert list(opened) == []


def test_a_given_key_is_the_identity(tmp_path: Path) -> None:
    """And a text that is no key is an error that does not show it."""
    routes = RouteSettings(identity=Secret(KEY))
    assert load_identity(_config(tmp_path, routes)).address == LocalSigner.from_hex(KEY).address
    with pytest.raises(ConfigError, match="TRIMTAB_RELAY_KEY") as caught:
        load_identity(_config(tmp_path, RouteSettings(identity=Secret("s3cret"))))
    assert "s3cret" not in str(caught.value)


async def test_a_url_that_is_none_is_told_without_it(tmp_path: Path) -> None:
    """It may hold a key."""
    routes = RouteSettings(private=(PrivateRouteSettings("bundle", ("ftp://relay/SECRET",)),))
    with pytest.raises(ConfigError, match="needs a URL of http or https") as caught:
        async with open_routes(_config(tmp_path, routes)):
            pass
    assert "SECRET" not in str(caught.value)
