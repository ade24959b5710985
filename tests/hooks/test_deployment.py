"""Where our contracts are, and whether what is there is ours: by CREATE2 on real nodes."""

from __future__ import annotations

import pytest
from eth_account import Account as EthAccount

from trimtab.chain.address import create_address
from trimtab.chain.client import Client
from trimtab.chain.hashing import keccak256
from trimtab.errors import ConfigError, IntentError
from trimtab.hooks import deployment as d
from trimtab.hooks.artifacts import load_artifact
from trimtab.model.ids import ZERO_ADDRESS, Address
from trimtab.venues.registry import VENUES
from trimtab.world.accounts import ACCOUNTS
from trimtab.world.node import AnvilNode
from trimtab.world.operator import Operator
from trimtab.world.world import World

SHOP = Address("0x" + "dd" * 20)
OWNER, AGENT, GUARDIAN = (ACCOUNTS[name].address for name in ("deployer", "trader", "keeper"))
SHARED = d.executor_contract()


def test_the_proxys_transaction_is_the_known_one() -> None:
    """Its hash is the one on every chain that has it; its signer makes the proxy's address with its first
    transaction; the code that it creates is the proxy's."""
    known = "eddf9e61fb9d8f5111840daef55e5fde0041f5702856532cdbb5a02998033d26"
    assert keccak256(d.PROXY_TRANSACTION).hex() == known
    assert EthAccount.recover_transaction(d.PROXY_TRANSACTION).lower() == d.PROXY_SIGNER
    assert create_address(d.PROXY_SIGNER, 0) == d.PROXY
    assert d.PROXY_CODE in d.PROXY_TRANSACTION


def test_an_address_depends_on_salt_and_arguments_alone() -> None:
    """Each owner and each salt has an address of its own."""
    places = {
        d.address_of(SHARED),
        d.address_of(SHARED, b"\x01" * 32),
        d.address_of(d.executor_contract(OWNER)),
        d.address_of(d.guard_contract(OWNER, AGENT, GUARDIAN)),
        d.address_of(d.guard_contract(OWNER, GUARDIAN, AGENT)),
    }
    assert len(places) == 5


@pytest.mark.parametrize(
    ("people", "words"),
    [
        ((ZERO_ADDRESS, AGENT, GUARDIAN), "a guard needs an owner"),
        ((OWNER, OWNER, GUARDIAN), "a leaked agent's key would be the owner's"),
        ((OWNER, AGENT, AGENT), "it could not stop itself when its key leaks"),
    ],
)
def test_a_guards_people_keep_each_other_in_check(people: tuple[Address, ...], words: str) -> None:
    """Roles that would make a leak unstoppable are refused."""
    with pytest.raises(IntentError, match=words):
        d.guard_contract(*people)


def test_a_short_salt_is_refused() -> None:
    """The proxy would take the code's first bytes for the rest of it."""
    with pytest.raises(IntentError, match="the salt must be 32 bytes, got 3"):
        d.encode_deploy(SHARED, b"123")


@pytest.mark.node
async def test_deployed_where_it_was_foretold(anvil: AnvilNode) -> None:
    """Missing, then ours at the address that was known before; its own address among the immutables is no
    difference. Deploying again reverts."""
    async with Client.open(anvil.url) as client:
        await d.check_proxy(client)
        operator = Operator(client)
        for contract in (SHARED, d.executor_contract(OWNER), d.guard_contract(OWNER, AGENT, GUARDIAN)):
            (before,) = await d.read_standings(client, [contract])
            assert before == d.Standing(contract, d.address_of(contract), d.Presence.MISSING)
            await operator.transact(OWNER, d.encode_deploy(contract), gas=8_000_000)
            (after,) = await d.read_standings(client, [contract])
            assert (after.presence, after.problem) == (d.Presence.OURS, "")
            assert after.address == d.address_of(contract)
        with pytest.raises(Exception, match="reverted"):
            await operator.transact(OWNER, d.encode_deploy(SHARED), gas=8_000_000)


@pytest.mark.node
async def test_one_byte_or_immutable_that_differs_is_told(anvil: AnvilNode) -> None:
    """Another contract's code, a changed byte, and our code with other immutables are all foreign."""
    async with Client.open(anvil.url) as client:
        await Operator(client).transact(OWNER, d.encode_deploy(SHARED), gas=8_000_000)
        place = d.address_of(SHARED)
        code = await client.code(place)

        async def look(contract: d.HookContract, changed: bytes) -> d.Standing:
            await client.request("anvil_setCode", [SHOP, f"0x{changed.hex()}"])
            (found,) = await d.read_standings(client, [contract], at={contract.label: SHOP})
            return found

        changed = await look(SHARED, code[:-1] + bytes([code[-1] ^ 1]))
        assert (changed.presence, changed.problem) == (d.Presence.FOREIGN, "its code is not our Executor's")
        moved = await look(SHARED, code)  # it thinks that it is elsewhere, so it would act as delegated code
        assert moved.presence is d.Presence.FOREIGN
        assert f"{place[2:]} where 0x" in moved.problem
        mine = await look(SHARED, code.replace(bytes.fromhex(place[2:]), bytes.fromhex(SHOP[2:])))
        assert mine.presence is d.Presence.OURS
        other = await look(
            d.executor_contract(OWNER), code.replace(bytes.fromhex(place[2:]), bytes.fromhex(SHOP[2:]))
        )
        assert other.presence is d.Presence.FOREIGN
        assert f"where 0x{'00' * 12}{OWNER[2:]} should be" in other.problem


@pytest.mark.node
async def test_a_chain_without_the_proxy_is_told_how_to_get_it(anvil: AnvilNode) -> None:
    """The error holds the signer to fund and the transaction to send; doing both brings it there."""
    async with Client.open(anvil.url) as client:
        await client.request("anvil_setCode", [d.PROXY, "0x"])
        with pytest.raises(ConfigError) as caught:
            await d.check_proxy(client)
        assert d.PROXY_SIGNER in str(caught.value)
        assert d.PROXY_TRANSACTION.hex() in str(caught.value)
        await client.request("anvil_setNonce", [d.PROXY, "0x0"])
        await client.request("anvil_setBalance", [d.PROXY_SIGNER, hex(d.PROXY_COST_WEI)])
        await client.request("eth_sendRawTransaction", [f"0x{d.PROXY_TRANSACTION.hex()}"])
        await client.request("evm_mine")
        await d.check_proxy(client)
        await client.request("anvil_setCode", [d.PROXY, "0x00"])
        with pytest.raises(ConfigError, match="this chain cannot be used"):
            await d.check_proxy(client)


@pytest.mark.node
async def test_the_probes_of_a_world_are_deployed_and_compared(world: World) -> None:
    """Each venue says which probes it has; their immutables are what the venue's contracts answer."""
    venues = {"perp_v2": world.perp, "lyra": world.lyra}
    probes = [probe for name, found in venues.items() for probe in VENUES[name].list_probes(found)]
    assert [probe.label for probe in probes] == ["perp_v2", "lyra/sETH", "lyra/sBTC"]
    for probe in probes:
        await world.operator.transact(OWNER, d.encode_deploy(probe), gas=8_000_000)
    standings = await d.read_standings(world.client, probes)
    assert [found.presence for found in standings] == [d.Presence.OURS] * len(probes)
    assert all(found.immutables for found in standings)
    broken = d.HookContract("perp_v2", "PerpV2Probe", (SHOP,))
    (found,) = await d.read_standings(world.client, [broken], at={"perp_v2": standings[0].address})
    assert found.presence is d.Presence.FOREIGN
    assert "its constructor refuses these arguments" in found.problem


def test_creation_code_holds_the_arguments() -> None:
    """What the proxy gets is the compiled code and the constructor's arguments behind it."""
    code = d.encode_deploy(d.executor_contract(OWNER)).data
    assert code == d.DEFAULT_SALT + load_artifact("Executor").creation_code + bytes(12) + bytes.fromhex(
        OWNER[2:]
    )
