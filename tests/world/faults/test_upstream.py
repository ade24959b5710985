"""The node behind a proxy, asked by the proxy itself."""

from __future__ import annotations

import pytest

from trimtab.errors import ConfigError, ConnectionLostError
from trimtab.world.faults.calls import Call
from trimtab.world.faults.upstream import Upstream, both_urls
from trimtab.world.node import AnvilNode


@pytest.mark.node
async def test_a_node_is_asked_and_ordered(anvil: AnvilNode) -> None:
    """Results, refusals as None or False, calls in their order."""
    async with Upstream.open(anvil.ws_url) as node:
        assert await node.ask("eth_chainId") == "0x7a69"
        assert await node.ask("no_method") is None
        assert await node.order("anvil_mine", ["0x2"])
        assert not await node.order("no_method")
        assert await node.head() == 2
        calls = [Call("eth_blockNumber", id=b"5"), Call("eth_chainId", id=b'"x"')]  # type: ignore[arg-type]
        assert [bytes(a.result) for a in await node.forward(calls)] == [b'"0x2"', b'"0x7a69"']


async def test_a_node_that_is_not_there() -> None:
    """The error hides the key of its URL."""
    async with Upstream.open("http://127.0.0.1:1/secret") as node:
        with pytest.raises(ConnectionLostError, match=r"127.0.0.1:1/\*\*\*") as caught:
            await node.ask("eth_chainId")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "urls"),
    [
        ("http://h:1/k", ("http://h:1/k", "ws://h:1/k")),
        ("wss://h/k?q=1", ("https://h/k?q=1", "wss://h/k?q=1")),
    ],
)
def test_both_urls(url: str, urls: tuple[str, str]) -> None:
    """Either form gives both."""
    assert both_urls(url) == urls


def test_what_is_no_url() -> None:
    """A path or a word is none."""
    with pytest.raises(ConfigError, match="is not a node"):
        both_urls("localhost:8545")
