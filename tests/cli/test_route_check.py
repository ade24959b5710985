"""`trimtab doctor` on routes: each relay is asked, signed, and nothing is sent."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.cli.conftest import RelayCli

from trimtab.cli.route_check import check_routes
from trimtab.config import ChainSettings, Config, JournalSettings, PrivateRouteSettings, RouteSettings, Secret
from trimtab.model.exposure_rule import ExposureRule
from trimtab.tx.signers import LocalSigner

pytestmark = pytest.mark.node
KEY = "11" * 32


async def test_relays_that_are_there_and_know_us(relay_cli: RelayCli) -> None:
    """The policy, the identity and every endpoint; the key is not made, and no transaction was sent."""
    done = await relay_cli.run("doctor", "--json")
    assert done.code == 0, done.words
    found = {item["check"]: item for item in done.json["findings"]}
    assert found["routes"]["found"] == "public; exposed by more than 0: private"
    assert "relay-key" in found["relay identity"]["found"]
    told = {
        name.partition(":")[0]: item["found"] for name, item in found.items() if name.startswith("route ")
    }
    assert "takes our signature" in told["route private_tx"]
    assert "is of this chain" in told["route protect"]
    assert relay_cli.relay is not None
    assert not [item for item in relay_cli.relay.log if item.method.startswith("eth_send")]
    assert not list(relay_cli.folder.glob("*.relay-key"))


async def _findings(tmp_path: Any, routes: RouteSettings, account: Any = None) -> dict[str, Any]:
    config = Config(
        ChainSettings(("http://node",), 31337), journal=JournalSettings(tmp_path / "j.db"), routes=routes
    )
    return {finding.check.partition(":")[0]: finding async for finding in check_routes(config, account)}


async def _answering(status: int, body: dict[str, Any]) -> TestServer:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(body, status=status)

    app = web.Application()
    app.router.add_post("/", answer)
    server = TestServer(app)
    await server.start_server()
    return server


@pytest.mark.parametrize(
    ("kind", "status", "body", "verdict", "words"),
    [
        ("bundle", 401, {"error": "invalid flashbots signature"}, "fail", "does not take our signature"),
        ("bundle", 200, {"error": {"code": -32601, "message": "no such method"}}, "ok", "no such method"),
        ("bundle", 200, {"result": None}, "ok", "takes our signature"),
        ("protect", 200, {"result": "0x1"}, "fail", "serves chain 0x1, not 31337"),
        ("protect", 503, {}, "fail", "HTTP 503"),
    ],
)
async def test_what_an_answer_means(
    tmp_path: Any, kind: str, status: int, body: dict[str, Any], verdict: str, words: str
) -> None:
    """A signature that is not taken, another chain and no answer are to be mended; a word about a question of
    nothing shows that it is there."""
    server = await _answering(status, body)
    try:
        routes = RouteSettings(private=(PrivateRouteSettings(kind, (str(server.make_url("/")),)),))
        found = await _findings(tmp_path, routes)
    finally:
        await server.close()
    assert (found[f"route {kind}"].verdict, words in found[f"route {kind}"].found) == (verdict, True)


async def test_what_is_wrong_without_asking(tmp_path: Any) -> None:
    """A relay that is not there, a rule that says private where nothing is, the account's own key, a key that
    is none."""
    down = RouteSettings(private=(PrivateRouteSettings("bundle", ("http://127.0.0.1:9/SECRET",)),))
    found = await _findings(tmp_path, down)
    assert (found["route bundle"].verdict, "SECRET" in found["route bundle"].found) == ("fail", False)
    assert (await _findings(tmp_path, RouteSettings(exposure=ExposureRule())))["routes"].verdict == "warn"
    assert "no rule" in (await _findings(tmp_path, RouteSettings()))["routes"].found
    own = RouteSettings(private=down.private, identity=Secret(KEY))
    found = await _findings(tmp_path, own, LocalSigner.from_hex(KEY).address)
    assert "the account's own key" in found["relay identity"].found
    found = await _findings(tmp_path, RouteSettings(private=down.private, identity=Secret("no key")))
    assert found["private routes"].verdict == "fail"
