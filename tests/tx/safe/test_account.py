"""A Safe as the chain has it: recognised, simulated, and watched without believing half a truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from tests.tx.safe.conftest import DEPLOYER, ETHER, OWNERS, REVERTER, SHOP, SafeDesk

from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.chain.receipt import Log
from trimtab.errors import ConfigError, InsufficientFundsError, SimulationRevertedError
from trimtab.model.ids import Address
from trimtab.tx.safe.account import MULTI_SENDS, SafeAccount
from trimtab.tx.safe.safe_tx import SafeTx, plan_calls
from trimtab.world.safe import execute_safe_tx

pytestmark = pytest.mark.node


class ForgetfulClient:
    """A node that answers a range of logs without its newest, as one behind a load balancer does."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.forgets = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def logs(self, *args: Any) -> Sequence[Log]:
        found = await self._client.logs(*args)
        return found[:-1] if self.forgets else found


def pays(nonce: int, value: int = 1) -> SafeTx:
    return SafeTx(SHOP, value, b"", nonce)


async def execute(desk: SafeDesk, tx: SafeTx) -> None:
    await execute_safe_tx(desk.client, DEPLOYER, desk.safe.address, tx, OWNERS[:2])


async def test_a_safe_is_recognised(safes: SafeDesk) -> None:
    """Its version is known and its owner one of its own; both versions pass."""
    account = SafeAccount(safes.client, safes.safe.address, 2, 1)
    for owner in OWNERS:
        await account.check(owner.address)
    with pytest.raises(ConfigError, match=f"{DEPLOYER} is not an owner"):
        await account.check(DEPLOYER)


async def test_what_is_no_safe_is_refused(safe: SafeDesk) -> None:
    """An address without code, and a contract that is something else."""
    for address in (SHOP, REVERTER, safe.safe.multi_send):
        with pytest.raises(ConfigError, match="is no Safe that is known here"):
            await SafeAccount(safe.client, address, 2, 1).check(OWNERS[0].address)


async def test_only_the_genuine_multi_send_is_let_in(safe: SafeDesk) -> None:
    """It runs in the Safe's place: other code, or none at the usual places, is refused."""
    account = SafeAccount(safe.client, safe.safe.address, 2, 1)
    assert await account.find_multi_send(safe.safe.multi_send) == safe.safe.multi_send
    for other in (REVERTER, SHOP):
        with pytest.raises(ConfigError, match=f"{other} has not the code of MultiSendCallOnly"):
            await account.find_multi_send(other)
    with pytest.raises(ConfigError, match="none of its usual places"):
        await account.find_multi_send(None)
    code = await safe.client.code(safe.safe.multi_send)
    await safe.client.request("anvil_setCode", [MULTI_SENDS[1], "0x" + code.hex()])
    assert await account.find_multi_send(None) == MULTI_SENDS[1]


async def test_a_simulation_runs_as_the_safe(safes: SafeDesk) -> None:
    """With its balance and as its caller, one call or several: what would revert is known before."""
    account = SafeAccount(safes.client, safes.safe.address, 2, 1)
    multi_send = safes.safe.multi_send
    await account.simulate(pays(0, ETHER))
    await account.simulate(SafeTx(*_several(multi_send, ETHER // 2, ETHER // 2)))
    with pytest.raises(InsufficientFundsError, match="nothing was proposed"):
        await account.simulate(pays(0, ETHER + 1))
    for wrong in (
        SafeTx(REVERTER, 0, b"\x01\x02\x03\x04", 0),
        SafeTx(*_several(multi_send, ETHER // 2, ETHER // 2 + 1)),
    ):
        with pytest.raises(SimulationRevertedError, match="nothing was proposed"):
            await account.simulate(wrong)


def _several(multi_send: Address, *amounts: int) -> tuple[Any, ...]:
    to, value, data, operation = plan_calls([Call(SHOP, b"", amount) for amount in amounts], multi_send)
    return to, value, data, 0, operation


async def test_each_use_of_a_nonce_is_seen(safes: SafeDesk) -> None:
    """In order, once deep enough, from the block where the looking began; both forms of the events."""
    account = SafeAccount(safes.client, safes.safe.address, 2, 1)
    assert (await account.look()).next_nonce == 0
    txs = [pays(0), pays(1, 2), pays(2)]
    for tx in txs:
        await execute(safes, tx)
    assert (await account.look()).next_nonce == 2  # the third is in the newest block
    await safes.mine()
    ledger = await account.look()
    names = [tx.hash(safes.client.chain_id, safes.safe.address) for tx in txs]
    assert [ledger.user_of(n).safe_tx_hash for n in range(3)] == names  # type: ignore[union-attr]
    assert ledger.user_of(3) is None


async def test_a_node_that_forgets_logs_is_not_believed(safe: SafeDesk) -> None:
    """Its nonce and its logs disagree: what was known stays, until a look that fits together."""
    forgetful = ForgetfulClient(safe.client)
    account = SafeAccount(forgetful, safe.safe.address, 1, 1)  # type: ignore[arg-type]
    await account.look()
    await execute(safe, pays(0))
    await execute(safe, pays(1))
    assert (await account.look()).next_nonce == 0
    forgetful.forgets = False
    assert (await account.look()).next_nonce == 2


async def test_a_reorg_is_followed(safe: SafeDesk) -> None:
    """What is told at depth 1 and undone is told no more, and another execution of the same nonce takes its
    place, even one as many blocks high; what is settled is not read again."""
    account = SafeAccount(safe.client, safe.safe.address, 1, 10)
    chain_id, address = safe.client.chain_id, safe.safe.address
    await safe.mine(3)
    assert (await account.look()).next_nonce == 0
    snapshot = await safe.client.request("evm_snapshot")
    await execute(safe, pays(0))
    used = (await account.look()).user_of(0)
    assert used is not None
    assert used.safe_tx_hash == pays(0).hash(chain_id, address)
    assert not account.is_settled(used)
    await safe.client.request("evm_revert", [snapshot])
    snapshot = await safe.client.request("evm_snapshot")
    await safe.mine()
    assert (await account.look()).user_of(0) is None
    await safe.client.request("evm_revert", [snapshot])
    await execute(safe, pays(0, 7))
    used = (await account.look()).user_of(0)
    assert used is not None
    assert used.safe_tx_hash == pays(0, 7).hash(chain_id, address)
    await safe.mine(8)
    await account.look()
    assert not account.is_settled(used)
    await safe.mine()
    await execute(safe, pays(1, 8))
    ledger = await account.look()
    assert account.is_settled(used)
    assert ledger.next_nonce == 2
    assert ledger.user_of(0) == used
