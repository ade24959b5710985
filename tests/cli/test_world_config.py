"""The settings that a world writes: complete, private, and never over somebody's own."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from trimtab.cli.world_config import MARK, write_world_config
from trimtab.config import load_config, read_password
from trimtab.errors import ConfigError
from trimtab.tx import RoutePolicy
from trimtab.tx.signers import LocalSigner
from trimtab.world.world import World

pytestmark = pytest.mark.node


def _modes(folder: Path) -> dict[str, int]:
    """The permissions of every file."""
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


async def test_it_reads_back_whole(world: World, tmp_path: Path) -> None:
    """The file loads strictly; it names the node, both deployments, the trader with its key, and a book."""
    path = tmp_path / "world.toml"
    await write_world_config(path, world)
    config = load_config(path, {})
    assert config.chain.urls == (world.url,)
    assert config.venues == {"perp_v2": world.perp, "lyra": world.lyra}
    assert config.hedge is not None
    password = read_password(config.account)
    assert password is not None
    assert config.account.keystore is not None
    signer = LocalSigner.from_keystore(config.account.keystore, password.reveal())
    assert signer.address == config.account.address == world.accounts["trader"].address
    assert set(_modes(tmp_path).values()) == {0o600}


async def test_relays_become_private_routes(world: World, tmp_path: Path) -> None:
    """The public face of the node in its place, all relays as one route, and the first as one that tells."""
    path, relays = tmp_path / "world.toml", ("http://127.0.0.1:1", "http://127.0.0.1:2")
    await write_world_config(path, world, public_url="http://127.0.0.1:3", relays=relays)
    config = load_config(path, {})
    assert config.chain.urls == ("http://127.0.0.1:3",)
    assert [(route.title, route.kind, route.urls) for route in config.routes.private] == [
        ("relays", "private_tx", relays),
        ("protect", "protect", relays[:1]),
    ]
    assert config.routes.private[1].options.status_url == relays[0]
    assert config.routes.policy == RoutePolicy.public()


async def test_the_next_world_may_overwrite_it(world: World, tmp_path: Path) -> None:
    """Another world takes the place of the first, with a journal of its own: it is another chain."""
    path = tmp_path / "world.toml"
    await write_world_config(path, world)
    first = load_config(path, {})
    await world.mine()
    await write_world_config(path, world)
    second = load_config(path, {})
    assert path.read_text().startswith(MARK)
    assert first.journal.path != second.journal.path


async def test_it_never_overwrites_another_file(world: World, tmp_path: Path) -> None:
    """A settings file that somebody wrote stays as it is, and no key is put beside it."""
    path = tmp_path / "trimtab.toml"
    path.write_text("[chain]\n")
    with pytest.raises(ConfigError, match="not overwritten"):
        await write_world_config(path, world)
    assert list(_modes(tmp_path)) == ["trimtab.toml"]
    assert path.read_text() == "[chain]\n"
