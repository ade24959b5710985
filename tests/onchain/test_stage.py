"""The stage that every other test here stands on: genuine protocols, named people, and their money."""

from __future__ import annotations

import ape
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


def test_the_clock_is_the_same_in_every_run(world, chain, run):
    """Times come from the world's clock, not from the day of the run; ape sees what the world sees."""
    assert chain.pending_timestamp >= 2_000_000_000
    run(world.warp(3600))
    assert chain.blocks.head.timestamp == run(world.now())
