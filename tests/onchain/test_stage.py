"""The stage that every other test here stands on: genuine protocols, named people, and their money."""

from __future__ import annotations

import os

import ape
import pytest
from ape.utils import ZERO_ADDRESS

WAD = 10**18


def test_the_genuine_protocols_answer_ape(world, genuine, trader):
    """A trade at Perp v2 by ape's own calls opens the position that its view tells."""
    perp, usdc = world.perp, world.addresses.tokens["USDC"]
    house = genuine("ClearingHouse", perp.contracts["ClearingHouse"])
    vault = genuine("Vault", perp.contracts["Vault"])
    accounts = genuine("AccountBalance", perp.contracts["AccountBalance"])
    token = genuine("MintableERC20", usdc)
    base = perp.markets["vETH"].base_token
    token.approve(vault, 10**10, sender=trader)
    vault.deposit(usdc, 10**10, sender=trader)
    house.openPosition((base, False, True, WAD, 0, 2**256 - 1, 0, b"\x00" * 32), sender=trader)
    assert accounts.getTakerPositionSize(trader, base) != 0


def test_a_fork_goes_on_where_its_upstream_stands(world, chain):
    """Over a fork (scripts/ape_fork.py) the chain is the upstream's, and so are the protocols."""
    is_fork = "TRIMTAB_UPSTREAM" in os.environ
    assert chain.chain_id == world.client.chain_id == (1 if is_fork else 31337)


def test_what_a_test_did_is_gone_in_the_next(world, genuine, trader):
    """Isolation: the trade of the test before has left nothing."""
    perp = world.perp
    accounts = genuine("AccountBalance", perp.contracts["AccountBalance"])
    assert accounts.getTakerPositionSize(trader, perp.markets["vETH"].base_token) == 0


def test_a_genuine_revert_is_seen(world, genuine, attacker):
    """Who has no margin cannot trade: Perp v2's own short reason arrives."""
    house = genuine("ClearingHouse", world.perp.contracts["ClearingHouse"])
    base = world.perp.markets["vETH"].base_token
    with ape.reverts("CH_NEFCI"):
        house.openPosition((base, False, True, WAD, 0, 2**256 - 1, 0, b"\x00" * 32), sender=attacker)


def test_an_account_takes_on_code(contract, deploy, owner, networks):
    """EIP-7702 reaches ape's node: the owner's address answers as the contract that it delegates to."""
    executor = deploy("Executor", ZERO_ADDRESS, sender=owner)
    owner.set_delegate(executor)
    code = networks.provider.get_code(owner.address)
    assert code == b"\xef\x01\x00" + bytes.fromhex(executor.address[2:])
    hashed = contract("Executor").at(owner.address).hashPlan(((), ((), (), (), (), ()), 1, b"", (), ()))
    assert hashed == executor.hashPlan(((), ((), (), (), (), ()), 1, b"", (), ()))


def test_gas_that_moves_is_named(gas):
    """A number more than 1 % away from the table fails with both, a smaller step passes, as does an update; a
    name that the table lacks says how to add it."""
    known = {"a thing": {"gas": 10_000, "plain": "by hand", "plain_gas": 20_000}}
    book = type(gas)(known, updating=False)
    book.record("a thing", 10_100, plain=("by hand", 19_800))
    with pytest.raises(pytest.fail.Exception, match=r"a thing: gas was 10,000 in .* and is 10,101 now"):
        book.record("a thing", 10_101, plain=("by hand", 20_000))
    with pytest.raises(pytest.fail.Exception, match="plain_gas was 20,000"):
        book.record("a thing", 10_000, plain=("by hand", 19_700))
    with pytest.raises(pytest.fail.Exception, match="--update-gas"):
        book.record("another", 1)
    update = type(gas)(known, updating=True)
    update.record("a thing", 5, why="cheaper now")
    assert update.recorded == {"a thing": {"gas": 5, "why": "cheaper now"}}


def test_the_clock_is_the_same_in_every_run(world, chain, run):
    """Times come from the world's clock, not from the day of the run; ape sees what the world sees."""
    assert chain.pending_timestamp >= 2_000_000_000
    run(world.warp(3600))
    assert chain.blocks.head.timestamp == run(world.now())
