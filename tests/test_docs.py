"""The documentation builds strictly, and shows every public name."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from tests.tx.conftest import KEY
from tests.tx.safe.conftest import DEPLOYER, OWNERS, SHOP, open_desk

import trimtab
from trimtab import PerpV2, World, checksum
from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.config import PrivateRouteSettings, RouteSettings, load_config
from trimtab.journal import Journal
from trimtab.model.exposure_rule import ExposureRule
from trimtab.model.limits import Limits
from trimtab.testing.plugin import OpenFaultProxy
from trimtab.tx import Finality, Sender, SenderOptions, Succeeded, TxIntent, TxPolicy
from trimtab.tx.lanes import Lane
from trimtab.tx.routes import ROUTES
from trimtab.tx.routes.preferences import HINTS
from trimtab.tx.safe.safe_tx import SafeTx
from trimtab.tx.signers import LocalSigner
from trimtab.world.faults import FaultPlan, Rule
from trimtab.world.faults.drill import Drill
from trimtab.world.faults.kinds import KINDS, kind_of, summary_of
from trimtab.world.faults.plan_file import load_plan
from trimtab.world.node import AnvilNode, NodeOptions
from trimtab.world.relay import RELAY_FAULTS, Ignored, Relay, RelayOptions
from trimtab.world.safe import execute_safe_tx

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def test_every_page_is_in_the_navigation() -> None:
    """mkdocs.yml lists each page once, and lists no page that is not there."""
    listed = re.findall(
        r":\s+([\w/-]+\.md)\s*$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE
    )
    pages = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}
    assert len(listed) == len(set(listed))
    assert set(listed) == pages


def test_the_reference_covers_every_public_name() -> None:
    """The module of each public name, and of each kind of route, is on a page of the API reference."""
    pages = "".join(p.read_text(encoding="utf-8") for p in (DOCS / "reference").rglob("*.md"))
    shown = set(re.findall(r"^::: (trimtab[\w.]*)", pages, re.MULTILINE))
    assert {f"trimtab.{home}" for home in trimtab._HOMES.values()} <= shown
    assert {kind.module for kind in ROUTES.values()} <= shown


@pytest.mark.soak
def test_the_site_builds_strictly(tmp_path: Path) -> None:
    """mkdocs builds without a warning, and fetches nothing from elsewhere at view time."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    env = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr
    html = (tmp_path / "reference" / "api" / "hedging" / "index.html").read_text(encoding="utf-8")
    assert "WhalleyWilmott" in html
    loaded = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(https?://[^"]+)"', html)
    assert loaded == []


@pytest.mark.node
@pytest.mark.parametrize(
    "page",
    ["run-a-world", "use-web3-contracts", "limit-the-damage", "see-what-a-mempool-costs", "deploy-hooks"],
)
async def test_the_guides_code_runs(page: str, world: World) -> None:
    """Every Python block of a guide runs as it stands, on a world of its own or on the test's."""
    text = (DOCS / "how-to" / f"{page}.md").read_text(encoding="utf-8")
    token, owner = world.addresses.tokens["USDC"], world.accounts["alice"].address
    abi = json.loads((ROOT / "abis" / "perp_v2" / "ERC20.json").read_text(encoding="utf-8"))
    names: dict[str, Any] = {"token": checksum(token), "owner": checksum(owner), "abi": abi}
    names["perp"] = PerpV2(world.client, world.perp)
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert blocks
    for block in blocks:
        here = block.replace("http://127.0.0.1:8545", world.url)
        code = compile(here, f"{page}.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        if (running := eval(code, names)) is not None:  # a block without await is done by now
            await running
    if page == "limit-the-damage":
        assert names["options"].limits.calls
    if page == "use-web3-contracts":
        assert names["balance"] > 0
        assert names["balances"] == [names["balance"]] * 3


@pytest.mark.node
async def test_the_page_on_depth_runs(tmp_path: Path, anvil: AnvilNode) -> None:
    """Each of its levels is reached, in order."""
    text = (DOCS / "concepts" / "fees-and-depth.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    code = compile(block, "fees-and-depth.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    options = SenderOptions(
        limits=Limits.unrestricted(), policy=TxPolicy(finality_depth=4), poll_interval=0.05
    )
    async with Client.open(anvil.url) as client:
        with Journal.open(tmp_path / "journal.db") as journal:
            async with Sender.open(client, LocalSigner.from_hex(KEY), journal, options) as sender:
                handle = await sender.submit(TxIntent("k", Call(SHOP, b"", 1)))
                names: dict[str, Any] = {"handle": handle, "Finality": Finality}
                running = asyncio.ensure_future(eval(code, names))
                while not running.done():
                    await client.request("anvil_mine", ["0x1"])
                    await asyncio.wait([running], timeout=0.1)
                await running
    assert isinstance(names["final"], Succeeded)
    assert names["included"] == names["confirmed"] == names["safe"] == names["final"]


@pytest.mark.node
async def test_the_guide_to_events_runs(
    tmp_path: Path, anvil: AnvilNode, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its code runs as it stands: a transaction is followed to its end, and read again beside its sender."""
    text = (DOCS / "how-to" / "follow-a-transaction.md").read_text(encoding="utf-8")
    signer = LocalSigner.from_hex(KEY)
    async with Client.open(anvil.url) as client:
        options = SenderOptions(limits=Limits.unrestricted())
        names: dict[str, Any] = {"client": client, "signer": signer, "shop": SHOP, "options": options}
        miner = asyncio.create_task(_mine_for_ever(client))
        for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
            code = block.replace('"journal.db"', f"{str(tmp_path / 'journal.db')!r}")
            async with asyncio.timeout(60):
                running = eval(compile(code, "page", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
                if running is not None:  # a block without await is done
                    await running
        miner.cancel()
    told = capsys.readouterr().out
    assert "over: succeeded" in told
    assert "rent-7 succeeded 0x" in told


@pytest.mark.node
async def test_the_guide_to_private_routes_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its code runs as it stands: a private transaction and a bundle, before a relay that makes blocks."""
    text = (DOCS / "how-to" / "send-privately.md").read_text(encoding="utf-8")
    async with (
        AnvilNode.open(NodeOptions(order="fifo")) as node,
        Relay.open(node, RelayOptions(name="one", block_seconds=0.5)) as relay,
        Client.open(relay.public_url) as client,
    ):
        names: dict[str, Any] = {"client": client, "signer": LocalSigner.from_hex(KEY), "shop": SHOP}
        names |= {"limits": Limits.unrestricted(), "relay_url": relay.url}
        for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
            code = block.replace('"journal.db"', f"{str(tmp_path / 'journal.db')!r}")
            async with asyncio.timeout(60):
                await eval(compile(code, "page", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
        sends = [seen for seen in relay.public_log if seen.method == "eth_sendRawTransaction"]
        assert (await client.balance(SHOP), sends) == (4, [])
    told = capsys.readouterr().out
    assert "private: may be included up to block" in told
    assert told.count("Succeeded(") == 3


@pytest.mark.node
async def test_the_page_on_private_orderflow_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its code runs as it stands: before a relay that does nothing the switch is told, and what a sequencer
    takes on conditions happens."""
    text = (DOCS / "concepts" / "private-orderflow.md").read_text(encoding="utf-8")
    options = RelayOptions(block_seconds=0.2, faults=FaultPlan((Rule(Ignored()),)))
    async with (
        AnvilNode.open(NodeOptions(order="fifo")) as node,
        Relay.open(node, options) as relay,
        Client.open(relay.public_url) as client,
    ):
        names: dict[str, Any] = {"client": client, "signer": LocalSigner.from_hex(KEY), "shop": SHOP}
        names |= {"limits": Limits.unrestricted(), "relay_url": relay.url}
        names |= {"sequencer_url": f"{relay.url}/sequencer"}
        for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
            code = block.replace('"journal.db"', f"{str(tmp_path / 'journal.db')!r}")
            async with asyncio.timeout(60):
                await eval(compile(code, "page", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
            relay.faults = FaultPlan()
        assert await client.balance(SHOP) == 2
    told = capsys.readouterr().out
    assert re.search(r"^private to \d+: as asked$", told, re.MULTILINE)
    assert re.search(r"^public to any block: its private window ended with block \d+", told, re.MULTILINE)
    assert "Succeeded(" in told


async def _mine_for_ever(client: Client) -> None:
    while True:
        await client.request("anvil_mine", ["0x20"])
        await asyncio.sleep(0.1)


@pytest.mark.node
async def test_the_guide_to_a_safe_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its code runs as it stands on a genuine Safe, with a local service in the place of the public one."""
    text = (DOCS / "how-to" / "propose-to-a-safe.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    async with open_desk(tmp_path, "1.4.1") as desk:
        code = block.replace("https://api.safe.global/tx-service/eth", desk.service.url)
        code = code.replace('"safe.db"', f"{str(desk.path)!r}")

        async def owners_execute(tx: SafeTx) -> None:
            await execute_safe_tx(desk.client, DEPLOYER, desk.safe.address, tx, OWNERS[1:])
            await desk.mine()

        names = {"client": desk.client, "signer": OWNERS[0], "safe": desk.safe.address, "shop": SHOP}
        names |= {"multi_send": desk.safe.multi_send, "owners_execute": owners_execute}
        await eval(compile(code, "page", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
        assert await desk.paid() == 3
    assert "done in 0x" in capsys.readouterr().out


@pytest.mark.node
async def test_the_guide_to_drills_runs(fault_proxy: OpenFaultProxy, drill: Drill) -> None:
    """Its first code runs as it stands, its second is a test that passes on the plugin's fixtures."""
    text = (DOCS / "how-to" / "drill-failures.md").read_text(encoding="utf-8")
    script, example = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {}
    await eval(compile(script, "page", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
    assert names["numbers"]
    exec(compile(example, "page", "exec"), names)
    await names["test_my_bot_outlives_a_bad_day"](fault_proxy, drill)


def test_the_guide_to_drills_names_every_fault() -> None:
    """With the sentence of its class; and its plan is one that loads."""
    text = (DOCS / "how-to" / "drill-failures.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", text, re.MULTILINE))
    assert rows == {name: summary_of(kind) for name, kind in KINDS.items()}
    plan = load_plan(DOCS / "how-to" / "fault-plan.toml")
    assert [type(rule.fault).__name__ for rule in plan.rules[:4]] == [
        "LostAnswer", "StaleNonce", "RateLimited", "Disconnect",
    ]  # fmt: skip
    assert plan.rules[4:] == FaultPlan.calm().rules
    assert [rule.at_seconds for rule in plan.chain] == [(20.0, 50.0), (35.0,)]


@pytest.mark.node
async def test_the_guide_to_drills_of_private_routes_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its first code runs as it stands, its second is a test that passes."""
    text = (DOCS / "how-to" / "drill-private-routes.md").read_text(encoding="utf-8")
    script, example = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {"signer": LocalSigner.from_hex(KEY), "shop": SHOP}
    names |= {"limits": Limits.unrestricted()}
    code = script.replace('"journal.db"', f"{str(tmp_path / 'drill.db')!r}")
    async with asyncio.timeout(60):
        await eval(compile(code, "page", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
    told = capsys.readouterr().out
    assert "Succeeded(" in told
    assert "'refused': 1" in told
    assert "eth_sendBundle" in told
    exec(compile(example, "page", "exec"), names)
    await names["test_my_bot_keeps_its_secret_on_a_bad_day"](tmp_path)


def test_the_guide_to_drills_of_private_routes_names_every_fault() -> None:
    """With the sentence of its class, and those that may have happened all the same."""
    text = (DOCS / "how-to" / "drill-private-routes.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", text, re.MULTILINE))
    assert rows == {kind_of(fault): summary_of(fault) for fault in RELAY_FAULTS}
    told = re.search(r"`forwarded=True` \(on (.*?)\)", text, re.DOTALL)
    assert told is not None
    lies = [fault for fault in RELAY_FAULTS if "forwarded" in {field.name for field in fields(fault)}]
    assert re.findall(r"`(\w+)`", told[1]) == [kind_of(fault) for fault in lies]


def test_the_settings_page_names_every_kind_of_route() -> None:
    """With its lanes, each of its options and what that is left out; and every hint."""
    text = (DOCS / "reference" / "settings.md").read_text(encoding="utf-8")
    kinds = dict(re.findall(r"^\| `(\w+)` \| ([\w, ]+) \| \D.* \|$", text, re.MULTILINE))
    lanes = {kind: ", ".join(lane for lane in Lane if lane in ROUTES[kind].lanes()) for kind in ROUTES}
    assert kinds == lanes
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (?:–|`(.+?)`) \| .+ \|$", text, re.MULTILINE)
    assert [row[:2] for row in rows] == [
        (kind, field.name) for kind in ROUTES for field in fields(ROUTES[kind].options_type())
    ]
    for kind, option, left_out in rows:
        default = getattr(ROUTES[kind].options_type()(), option)
        told = tomllib.loads(f"value = {left_out}")["value"] if left_out else None
        assert told == (list(default) if isinstance(default, tuple) else default), (kind, option)
    assert set(re.findall(r"`(\w+)`", text.rpartition("Hints are")[2])) == set(HINTS)


def test_the_documented_settings_have_every_key_on_routes() -> None:
    """Set, or as a comment that says what it is."""
    text = (DOCS / "reference" / "trimtab.toml").read_text(encoding="utf-8")
    part = text[text.index("[routes]") : text.index("[venues.")]
    asked = (RouteSettings, PrivateRouteSettings, ExposureRule)
    keys = {field.name for kind in asked for field in fields(kind) if "env" not in field.metadata}
    tables = set(re.findall(r"^\[+routes\.(\w+)", part, re.MULTILINE))
    assert set(re.findall(r"^(?:# )?(\w+) = ", part, re.MULTILINE)) | tables == keys


def test_the_guide_to_keys_holds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its Python runs as it stands, and its settings load."""
    monkeypatch.setenv("TRIMTAB_PRIVATE_KEY", "11" * 32)
    text = (DOCS / "how-to" / "keys.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(block, "keys.md", "exec"), names)
    assert names["signer"].address == "0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a"
    kinds = set()
    for table in re.findall(r"```toml\n(.*?)```", text, re.DOTALL):
        file = tmp_path / "trimtab.toml"
        file.write_text('[chain]\nurls = ["http://node"]\nchain_id = 1\n' + table)
        kinds.add(load_config(file, {}).account.kind)
    assert kinds == {"pkcs11", "kms"}
