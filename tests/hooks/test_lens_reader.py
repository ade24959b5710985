"""The lens on a real node, by each way that a node may take."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import ClientSession, web
from tests.chain.conftest import refusal, result, scripted_node

from trimtab.chain.client import Client
from trimtab.errors import CallRevertedError, RpcError
from trimtab.hooks.artifacts import load_artifact
from trimtab.hooks.lens import LENS, LensAnswer, OptionRequest, PerpReading, PerpRequest, Unread
from trimtab.hooks.lens_reader import LensOptions, LensReader
from trimtab.model.ids import Address
from trimtab.venues.perp_v2.books import request_of
from trimtab.world.crowd import CrowdOptions, gather_crowd
from trimtab.world.world import World

pytestmark = pytest.mark.node
CROWD = CrowdOptions(traders=6, makers=1, holders=3)


def option_of(world: World) -> OptionRequest:
    contracts, at = world.lyra.contracts, world.lyra.markets["sETH"].contracts
    return OptionRequest(contracts["OptionMarketViewer"], at["OptionMarket"], contracts["BlackScholes"])


async def read(world: World, reader: LensReader, crowd: Any) -> LensAnswer:
    block = await world.client.block_number()
    return await reader.read(crowd, block, [request_of(world.perp)], [option_of(world)])


async def deploy(world: World) -> Address:
    code = load_artifact(LENS).creation_code
    fields = {"from": world.accounts["deployer"].address, "data": f"0x{code.hex()}", "gas": hex(8_000_000)}
    receipt = await world.client.request("eth_sendTransactionSync", [fields])
    return Address(receipt["contractAddress"])


async def test_placed_or_deployed_it_answers_alike(world: World) -> None:
    """The code as a state override and the lens on the chain, once it was compared: the same answer, each by
    one request."""
    crowd = await gather_crowd(world, CROWD)
    placed = LensReader(world.client)
    deployed = LensReader(world.client, LensOptions(deployed=await deploy(world)))
    answers = []
    for reader in (placed, deployed):
        await reader.read([], "latest", [request_of(world.perp)])
        before = world.client.stats.requests.total()
        answers.append(await read(world, reader, crowd))
        assert world.client.stats.requests.total() - before == 2  # the block's number, and the call
    assert answers[0] == answers[1]
    assert all(isinstance(account, PerpReading) for account in answers[0].perps[0].accounts)


async def test_a_lens_that_is_not_ours_is_not_asked(world: World) -> None:
    """Foreign code at the address, none at all, and ours at a block before it was there: the code travels."""
    before = await world.client.block_number()
    crowd = await gather_crowd(world, CROWD)
    expected = await read(world, LensReader(world.client), crowd)
    for place in (world.perp.contracts["Vault"], Address("0x" + "22" * 20)):
        assert await read(world, LensReader(world.client, LensOptions(deployed=place)), crowd) == expected
    early = LensReader(world.client, LensOptions(deployed=await deploy(world)))
    told = await early.read(crowd, before, [request_of(world.perp)])
    assert told == await LensReader(world.client).read(crowd, before, [request_of(world.perp)])


@pytest.mark.parametrize("way", ["ignored", "refused"])
async def test_a_node_that_takes_no_code_runs_a_constructor(world: World, way: str) -> None:
    """It ignores the override, or refuses it: the constructor's way is found, remembered, and answers alike;
    reverts of the lens come through it."""
    crowd = await gather_crowd(world, CROWD)
    expected = await read(world, LensReader(world.client), crowd)
    async with scripted_node() as proxy, ClientSession() as session:

        async def forward(request: Any) -> Any:
            if request["method"] == "eth_call" and len(request["params"]) == 3:
                if way == "refused":
                    return refusal(request, -32602, "too many arguments, want at most 2")
                request["params"].pop()
            async with session.post(world.url, json=request) as response:
                return web.json_response(await response.json())

        proxy.answer = forward
        async with Client.open(proxy.url) as client:
            reader = LensReader(client)
            assert await read(world, reader, crowd) == expected
            asked = len(proxy.requests)
            assert await read(world, reader, crowd) == expected
            assert len(proxy.requests) == asked + 1
            with pytest.raises(CallRevertedError):
                await reader.read(crowd, "latest", [PerpRequest(world.perp.markets["vETH"].base_token, ())])


async def test_a_node_that_runs_no_constructor_is_said(world: World) -> None:
    """An answer that is no revert with the lens's error is no answer; the message says what to do."""
    async with scripted_node() as proxy:
        proxy.answer = lambda request: result(
            request, "0x7a69" if request["method"] == "eth_chainId" else "0x"
        )
        async with Client.open(proxy.url) as client:
            with pytest.raises(RpcError, match="deployed"):
                await LensReader(client).read([], "latest", [request_of(world.perp)])


async def test_too_little_gas_is_asked_in_halves(world: World) -> None:
    """A call that runs out, and one in which single accounts do, are halved until all are read."""
    crowd = await gather_crowd(world, CROWD)
    expected = await read(world, LensReader(world.client), crowd)
    for gas in (2_200_000, 1_500_000):
        reader = LensReader(world.client, LensOptions(gas=gas))
        before = world.client.stats.requests.total()
        assert await read(world, reader, crowd) == expected
        assert world.client.stats.requests.total() - before > 2


async def test_an_account_that_no_gas_is_enough_for_is_unread(world: World) -> None:
    """Alone and still without its share: the rest of the answer stands, without a reason for that one."""
    crowd = await gather_crowd(world, CROWD)
    reader = LensReader(world.client, LensOptions(gas=620_000))
    answer = await reader.read([crowd[0]], "latest", [request_of(world.perp)])
    assert answer.perps[0].accounts == (Unread(b""),)


async def test_sizes_are_kept(world: World) -> None:
    """So many accounts to a request; the answer is one."""
    crowd = await gather_crowd(world, CROWD)
    expected = await read(world, LensReader(world.client), crowd)
    before = world.client.stats.requests.total()
    assert await read(world, LensReader(world.client, LensOptions(size=4)), crowd) == expected
    assert world.client.stats.requests.total() - before == 3


async def test_a_question_about_nothing_there_reverts(world: World) -> None:
    """A house that is none: the call's own error, by the override and by the deployed lens."""
    wrong = PerpRequest(world.perp.markets["vETH"].base_token, ())
    for options in (LensOptions(), LensOptions(deployed=await deploy(world))):
        with pytest.raises(CallRevertedError):
            await LensReader(world.client, options).read([], "latest", [wrong])
