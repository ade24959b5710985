"""The operator: whole blocks at once, addresses known beforehand, and no silent failure."""

from __future__ import annotations

import pytest

from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.errors import RevertedError
from trimtab.model.ids import Address
from trimtab.world.accounts import ACCOUNTS
from trimtab.world.artifacts import Artifacts
from trimtab.world.node import AnvilNode, NodeOptions
from trimtab.world.operator import Operator

pytestmark = pytest.mark.node

OWNER, OTHER = ACCOUNTS["deployer"].address, ACCOUNTS["alice"].address
USDC = ("USD Coin", "USDC", 6)


async def test_one_block_with_known_addresses(anvil: AnvilNode) -> None:
    """A contract is used in the block that creates it, by the address that was foretold."""
    artifact = Artifacts.find()["MintableERC20"]
    async with Client.open(anvil.url) as client:
        async with Operator(client).block(OWNER, at=2_000_000_000) as block:
            foretold = block.next_addresses(OWNER, 1)[0]
            token = block.deploy(OWNER, artifact, *USDC)
            block.send(OWNER, token, "mint(address,uint256)", OTHER, 77)
        assert token.address == foretold
        head = await client.block()
        assert (head.number, head.at) == (1, 2_000_000_000)
        assert await client.call(token.read("balanceOf", OTHER)) == 77


async def test_a_long_plan_takes_several_blocks() -> None:
    """What does not fit into a block by its gas limits is mined in the next ones, in order."""
    artifact = Artifacts.find()["MintableERC20"]
    async with AnvilNode.open(NodeOptions(gas_limit=9_000_000)) as node, Client.open(node.url) as client:
        async with Operator(client).block(OWNER) as block:
            tokens = [block.deploy(OWNER, artifact, *USDC) for _ in range(5)]
            for token in tokens:
                block.send(OWNER, token, "mint(address,uint256)", OTHER, 3)
        assert [await client.call(token.read("balanceOf", OTHER)) for token in tokens] == [3] * 5
        assert await client.block_number() > 1


async def test_a_revert_in_a_block_is_raised_with_its_reason(anvil: AnvilNode) -> None:
    """One failed transaction of many fails the whole, by name, sender and decoded reason."""
    artifact = Artifacts.find()["MintableERC20"]
    async with Client.open(anvil.url) as client:

        async def overdraw() -> None:
            async with Operator(client).block(OWNER, OTHER) as block:
                token = block.deploy(OWNER, artifact, *USDC)
                block.send(OWNER, token, "transfer", OTHER, 1)

        with pytest.raises(RevertedError, match=r"MintableERC20.transfer from 0x.*exceeds balance") as caught:
            await overdraw()
        assert caught.value.nonce == 1
        # the node mines by itself again
        await Operator(client).transact(OWNER, Call(OTHER, b"", value=1))


async def test_a_single_revert_is_raised(anvil: AnvilNode) -> None:
    """`transact` raises with the reason, the hash and the nonce."""
    artifact = Artifacts.find()["MintableERC20"]
    async with Client.open(anvil.url) as client:
        operator = Operator(client)
        async with operator.block(OWNER) as block:
            token = block.deploy(OWNER, artifact, *USDC)
        with pytest.raises(RevertedError, match="exceeds balance") as caught:
            await operator.transact(OWNER, token.call("transfer", OTHER, 5), label="a transfer")
        assert caught.value.nonce == 1
        assert (await client.receipt(caught.value.tx_hash)) is not None


async def test_an_empty_block_mines_nothing(anvil: AnvilNode) -> None:
    """Nothing planned, nothing sent."""
    async with Client.open(anvil.url) as client:
        async with Operator(client).block(OWNER):
            pass
        assert await client.block_number() == 0


async def test_a_failing_plan_sends_nothing(anvil: AnvilNode) -> None:
    """An error while planning leaves the chain as it was."""
    artifact = Artifacts.find()["MintableERC20"]
    async with Client.open(anvil.url) as client:

        async def plan_and_fail() -> None:
            async with Operator(client).block(OWNER) as block:
                block.deploy(OWNER, artifact, *USDC)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await plan_and_fail()
        assert await client.block_number() == 0
        assert await client.nonce(Address(OWNER), "pending") == 0
