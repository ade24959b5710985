"""FundingGrowth: what it tells without asking is what the view would have said, for any sizes and signs."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from trimtab.chain.abi import Abi
from trimtab.chain.client import Client
from trimtab.world.node import AnvilNode

pytestmark = pytest.mark.node
MOCK = Path(__file__).parents[2] / "data" / "contracts" / "GrowthBook.json"
CASES, TRADERS = 256, 16


def draw(draws: random.Random) -> tuple[int, list[int], list[int]]:
    """Growth, sizes and last growths: of every magnitude, many of them close to each other."""

    def signed(digits: int) -> int:
        return draws.choice((1, -1)) * draws.randint(0, 10 ** draws.randint(0, digits))

    growth, narrow = signed(40), draws.randint(20, 38)
    return growth, [signed(26) for _ in range(TRADERS)], [growth + signed(narrow) for _ in range(TRADERS)]


async def test_what_is_not_asked_is_proven(anvil: AnvilNode) -> None:
    """256 markets of 16 traders: each number is the view's, and the growth stays between its bounds."""
    built = json.loads(MOCK.read_text(encoding="utf-8"))
    abi, draws = Abi.parse(built, name="GrowthBook"), random.Random(1)
    async with Client.open(anvil.url) as client:
        (sender, *_) = await client.request("eth_accounts")
        fields = {"from": sender, "data": built["bytecode"], "gas": hex(5_000_000)}
        book = (await client.request("eth_sendTransactionSync", [fields]))["contractAddress"]
        for _ in range(CASES):
            data = abi.function("set").encode(*draw(draws))
            fields = {"from": sender, "to": book, "data": f"0x{data.hex()}", "gas": hex(5_000_000)}
            assert (await client.request("eth_sendTransactionSync", [fields]))["status"] == "0x1"
            viewed, told, _ = await client.call(abi.function("read").read(book))
            assert told == viewed


async def test_one_large_answer_spares_the_small_ones(anvil: AnvilNode) -> None:
    """After a trader of a million, the growth is known to less than a trader of one could tell."""
    built = json.loads(MOCK.read_text(encoding="utf-8"))
    abi, wad = Abi.parse(built, name="GrowthBook"), 10**18
    async with Client.open(anvil.url) as client:
        (sender, *_) = await client.request("eth_accounts")
        fields = {"from": sender, "data": built["bytecode"], "gas": hex(5_000_000)}
        book = (await client.request("eth_sendTransactionSync", [fields]))["contractAddress"]
        data = abi.function("set").encode(7 * 2**96 * 3_600, [10**6 * wad, wad], [0, 0])
        fields = {"from": sender, "to": book, "data": f"0x{data.hex()}", "gas": hex(5_000_000)}
        await client.request("eth_sendTransactionSync", [fields])
        _, (large, small), width = await client.call(abi.function("read").read(book))
        assert large == 10**6 * small + 10**6 * (7 * 3_600 * wad % 86_400) // 86_400
        assert width <= 2**96 * 86_400 // (10**6 * wad) + 2
