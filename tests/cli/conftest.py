"""The command line on a world: `cli` runs a command in process, with settings for the test's world."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pytest_asyncio import fixture as async_fixture
from typer.testing import CliRunner

from trimtab.cli.app import app
from trimtab.config import (
    ChainSettings,
    Config,
    HedgeSettings,
    JournalSettings,
    PrivateRouteSettings,
    RouteSettings,
    write_config,
)
from trimtab.hedging.policy import FixedBand
from trimtab.model.ids import Address
from trimtab.tx.routes.protect import ProtectOptions
from trimtab.world.accounts import Account
from trimtab.world.relay import Relay, RelayOptions
from trimtab.world.world import World, WorldOptions

# Nothing of the caller's own settings may leak into a test.
CLEAN = {
    "TRIMTAB_CONFIG": "",
    "TRIMTAB_PRIVATE_KEY": "",
    "TRIMTAB_KEYSTORE_PASSWORD": "",
    "TRIMTAB_PKCS11_PIN": "",
    "TRIMTAB_RELAY_KEY": "",
    "TRIMTAB_RPC_URL": "",
    "COLUMNS": "160",
}


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = self.json["error"]
        return found

    @property
    def words(self) -> str:
        """Both outputs as one line, without the frames of tables and panels."""
        return " ".join((self.out + self.err).replace("│", " ").split())


@dataclass
class Cli:
    """Runs `trimtab WORDS` with the settings file and the key of one account of the world."""

    world: World
    folder: Path
    account: Account
    env: dict[str, str] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.folder / "trimtab.toml"

    async def run(self, *words: str, env: dict[str, str] | None = None) -> Ended:
        """The command's end. It runs in a thread because a command starts a loop of its own."""
        chosen = CLEAN | {"TRIMTAB_PRIVATE_KEY": self.account.key.hex()} | self.env | (env or {})
        chosen["TRIMTAB_CONFIG"] = str(self.config)
        done = await asyncio.to_thread(CliRunner().invoke, app, words, env=chosen)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Ended(done.exit_code, done.stdout, done.stderr)

    async def nonce(self) -> int:
        """How many transactions the account has sent or has pending."""
        return await self.world.client.nonce(self.account.address, "pending")

    async def open_book(self) -> None:
        """Margin, 3 ETH long in the perp, and two written calls."""
        for words in (
            ("deposit", "USDC", "4000"),
            ("perp", "vETH", "buy", "3"),
            ("option", "sETH", "4", "short_call_base", "2", "--collateral", "2"),
        ):
            done = await self.run("trade", *words, "--yes")
            assert done.code == 0, done.words

    def edit(self, old: str, new: str) -> None:
        """Change the settings file."""
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new))

    def limit(self, lines: str) -> None:
        """Put [limits] into the settings file."""
        self.edit("[hedge]\n", f"[limits]\n{lines}\n[hedge]\n")


@pytest.fixture
def cli(world: World, tmp_path: Path) -> Cli:
    """Settings for the test's world, and Alice's key: she has tokens and no position."""
    made = Cli(world, tmp_path, world.accounts["alice"])
    write_config(
        made.config,
        Config(
            ChainSettings((world.url,), world.client.chain_id),
            journal=JournalSettings(tmp_path / "journal.db"),
            venues={"perp_v2": world.perp, "lyra": world.lyra},
            hedge=HedgeSettings("ETH", "sETH", "vETH", fixed_band=FixedBand(Decimal("0.2"))),
        ),
    )
    return made


NOBODY = Address("0x" + "99" * 20)


@dataclass
class RelayCli(Cli):
    """The same, on a chain whose blocks a builder makes behind a relay, with private routes to it."""

    relay: Relay | None = None

    @property
    def public_log(self) -> list[str]:
        """The methods of what the public node was sent."""
        assert self.relay is not None
        return [item.method for item in self.relay.public_log if item.method.startswith("eth_send")]


@async_fixture
async def relay_cli(tmp_path: Path) -> AsyncIterator[RelayCli]:
    """Alice's settings, with a private relay and a service that tells what became of things."""
    options = RelayOptions(block_seconds=0.1)
    async with World.open(WorldOptions(order="fifo")) as world, _relay_of(world, options) as relay:
        made = RelayCli(world, tmp_path, world.accounts["alice"], relay=relay)
        protect = PrivateRouteSettings(
            "protect", (relay.url,), options=ProtectOptions(status_url=relay.url, may_publish=True)
        )
        routes = RouteSettings(
            window=100, private=(PrivateRouteSettings("private_tx", (relay.url,)), protect)
        )
        write_config(
            made.config,
            Config(
                ChainSettings((relay.public_url,), 31337),
                journal=JournalSettings(tmp_path / "journal.db"),
                routes=routes,
                venues={"perp_v2": world.perp, "lyra": world.lyra},
            ),
        )
        yield made


@asynccontextmanager
async def _relay_of(world: World, options: RelayOptions) -> AsyncIterator[Relay]:
    await world.deploy()
    async with Relay.open(world, options) as relay:
        yield relay
