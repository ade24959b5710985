"""Many reads and simulations of one block in one request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from tests.venues.perp_v2.stage import Stage

from trimtab.chain.call import Read
from trimtab.chain.client import Client
from trimtab.errors import AbiError, CallRevertedError, RpcError
from trimtab.model.ids import Address
from trimtab.venues.perp_v2 import contracts
from trimtab.venues.perp_v2.batch import Simulation, read_batch
from trimtab.world.world import World

pytestmark = pytest.mark.node

NOBODY = Address("0x" + "5a" * 20)


@pytest.fixture
def stage(world: World) -> Stage:
    return Stage(world)


async def test_reads_and_simulations_come_together(stage: Stage) -> None:
    """One round trip: the header, an answer, a revert in its place, and a call as somebody else."""
    at = stage.deployment.contracts
    token = stage.deployment.markets["vETH"].base_token
    reads = [
        contracts.BASE_TOKEN.function("isOpen").read(token),
        contracts.BASE_TOKEN.function("getClosedPrice").read(token),
    ]
    withdraw = contracts.VAULT.function("withdraw").read(at["Vault"], stage.token("USDC"), 1)
    paused = contracts.VAULT.function("paused").read(at["Vault"])
    before = stage.client.stats.round_trips
    found = await read_batch(
        stage.client,
        stage.deployment,
        reads,
        "latest",
        [Simulation(NOBODY, withdraw), Simulation(NOBODY, paused)],
    )
    assert stage.client.stats.round_trips == before + 1
    (is_open, closed), (refused, is_paused) = found.answers, found.simulated
    assert found.ref == found.head.number
    assert found.head == await stage.client.block()
    assert is_open is True
    assert isinstance(closed, CallRevertedError)
    assert closed.reason == "BT_NC"
    assert isinstance(refused, CallRevertedError)
    assert refused.reason == "V_NEFC"
    assert is_paused is False


async def test_the_pending_block_is_the_next_one(stage: Stage) -> None:
    """Its number and time are those that the next transaction will see."""
    found = await read_batch(stage.client, stage.deployment, [], "pending")
    latest = await stage.client.block()
    assert found.ref == "pending"
    assert found.head.number == latest.number + 1
    assert found.head.at > latest.at


class NoPending:
    """A client of a node that refuses the pending tag, as some do."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def batch(self, requests: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        results = await self._client.batch(requests)
        refusal = RpcError("pending block is not available", code=-32000)
        return [refusal if "pending" in p else r for (_, p), r in zip(requests, results, strict=True)]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


async def test_a_node_without_a_pending_block_answers_for_the_latest(stage: Stage) -> None:
    """The answer says which block it is of."""
    client = cast("Client", NoPending(stage.client))
    found = await read_batch(client, stage.deployment, [], "pending")
    assert found.head == await stage.client.block()
    assert found.ref == found.head.number


async def test_a_block_that_is_not_there(stage: Stage) -> None:
    """An RpcError, not an empty answer."""
    with pytest.raises(RpcError):
        await read_batch(stage.client, stage.deployment, [], 10**9)


async def test_no_contract_at_the_multicall(stage: Stage) -> None:
    """A wrong address of the deployment is named."""
    wrong = replace(stage.deployment, contracts={**stage.deployment.contracts, "Multicall2": NOBODY})
    with pytest.raises(AbiError, match=r"Multicall2 at .* is there a contract"):
        await read_batch(stage.client, wrong, [], "latest")


async def test_a_read_of_no_contract_is_a_typed_error(stage: Stage) -> None:
    """An empty answer where a value is due says that nobody is there."""
    read: Read[object] = contracts.BASE_TOKEN.function("isOpen").read(NOBODY)
    with pytest.raises(AbiError, match="is there a contract"):
        await read_batch(stage.client, stage.deployment, [read], "latest")


async def test_words_of_storage_come_along(stage: Stage) -> None:
    """In the same request and of the same block, also where the block asked for is not there."""
    pool, before = stage.deployment.markets["vETH"].pool, stage.client.stats.round_trips
    read = contracts.POOL.function("slot0").read(pool)
    found = await read_batch(stage.client, stage.deployment, [read], "pending", slots=[(pool, 0), (pool, 4)])
    assert stage.client.stats.round_trips == before + 1
    slot0, liquidity = found.words
    assert slot0 & (2**160 - 1) == found.answers[0].sqrtPriceX96
    assert liquidity == await stage.client.call(contracts.POOL.function("liquidity").read(pool))
    refusing = cast("Client", NoPending(stage.client))
    again = await read_batch(refusing, stage.deployment, [read], "pending", slots=[(pool, 0), (pool, 4)])
    assert again.words == found.words
