"""The development node's special methods do what their names say."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.errors import RpcError
from trimtab.model.ids import Address
from trimtab.world.accounts import ACCOUNTS
from trimtab.world.control import NodeControl
from trimtab.world.node import AnvilNode
from trimtab.world.operator import Operator

pytestmark = pytest.mark.node

ALICE, BOB = ACCOUNTS["maker"].address, ACCOUNTS["trader"].address
NOBODY = Address("0x" + "ab" * 20)


@pytest_asyncio.fixture(loop_scope="session")
async def bare(anvil: AnvilNode) -> AsyncIterator[Client]:
    async with Client.open(anvil.url) as opened:
        yield opened


async def _pay(client: Client, sender: Address, to: Address, wei: int) -> str:
    tx = {"from": sender, "to": to, "value": hex(wei)}
    return str(await client.request("eth_sendTransaction", [tx]))


async def test_a_snapshot_restores_once(bare: Client) -> None:
    """Reverting brings blocks and balances back; the second time the node does not know the id."""
    control = NodeControl(bare)
    before = await bare.balance(NOBODY)
    snapshot = await control.snapshot()
    await Operator(bare).transact(ALICE, Call(NOBODY, b"", value=5))
    assert await bare.balance(NOBODY) == before + 5
    await control.revert(snapshot)
    assert await bare.balance(NOBODY) == before
    assert await bare.block_number() == 0
    with pytest.raises(RpcError, match="no snapshot"):
        await control.revert(snapshot)


async def test_the_clock_is_ours(bare: Client) -> None:
    """A block gets the second that was set; with an interval the following ones keep pace."""
    control = NodeControl(bare)
    start = (await bare.block()).at
    await control.set_block_interval(7)
    await control.mine_at(start + 1000)
    assert (await bare.block()).at == start + 1000
    await control.mine(3)
    assert (await bare.block()).at == start + 1021


async def test_blocks_are_as_large_as_we_say(bare: Client) -> None:
    """The gas limit holds from the next block on."""
    control = NodeControl(bare)
    await control.set_gas_limit(50_000_000)
    await control.mine()
    assert (await bare.block()).gas_limit == 50_000_000


async def test_balance_and_storage_are_ours(bare: Client) -> None:
    """Balances and storage words are set to the wei and to the bit."""
    control = NodeControl(bare)
    await control.set_balance(NOBODY, 12345)
    assert await bare.balance(NOBODY) == 12345
    await control.set_storage(NOBODY, 3, b"\x2a")
    assert int(await bare.request("eth_getStorageAt", [NOBODY, "0x3", "latest"]), 16) == 42


async def test_impersonation_ends(bare: Client) -> None:
    """A keyless address sends while it is impersonated, and not after."""
    control = NodeControl(bare)
    await control.set_balance(NOBODY, 10**18)
    await control.impersonate(NOBODY)
    await Operator(bare).transact(NOBODY, Call(BOB, b"", value=1))
    await control.stop_impersonating(NOBODY)
    with pytest.raises(RpcError):
        await _pay(bare, NOBODY, BOB, 1)


async def test_the_pool_waits_and_drops(bare: Client) -> None:
    """Without automine a transaction waits; it can be dropped alone or with all others."""
    control = NodeControl(bare)
    await control.set_automine(False)
    first, second = await _pay(bare, ALICE, NOBODY, 1), await _pay(bare, BOB, NOBODY, 2)
    await control.drop(first)
    await control.mine()
    assert await bare.receipt(first) is None
    assert await bare.receipt(second) is not None
    third = await _pay(bare, ALICE, NOBODY, 4)
    await control.drop_all()
    await control.mine()
    assert await bare.receipt(third) is None
    assert await bare.balance(NOBODY) == 2


async def test_the_next_base_fee_is_ours(bare: Client) -> None:
    """The next block has the base fee that was set."""
    control = NodeControl(bare)
    await control.set_next_base_fee(123 * 10**9)
    await control.mine()
    assert (await bare.block()).base_fee == 123 * 10**9


async def test_a_reorg_replaces_the_last_blocks(bare: Client) -> None:
    """After a reorg the height is the same, the hashes are others, and the payment is undone."""
    control = NodeControl(bare)
    await control.mine(2)
    await Operator(bare).transact(ALICE, Call(NOBODY, b"", value=9))
    old = await bare.block()
    await control.reorg(1)
    new = await bare.block()
    assert new.number == old.number
    assert new.hash != old.hash
    assert await bare.balance(NOBODY) == 0
