"""An EOA with the executor's code (EIP-7702): what it still can do, and what no one gains by it."""

from __future__ import annotations

import ape
import pytest
from eth_abi import encode
from eth_account import Account
from eth_utils import keccak

from trimtab.hooks.executor import encode_execute
from trimtab.hooks.plans import HookCall, HookPlan
from trimtab.model.ids import Address
from trimtab.tx.envelope import SetCodeTx
from trimtab.tx.signers.local import LocalSigner

WAD = 10**18
MAGIC, INVALID = bytes.fromhex("1626ba7e"), b"\xff" * 4
BAND = WAD // 2


@pytest.mark.fork
def test_one_transaction_delegates_and_hedges(desk, shared, trader, run, world):
    """The type-4 transaction that gives the account its code carries the plan too."""
    calls = tuple(HookCall(call) for call in desk.hedge())
    plan = encode_execute(_low(trader), HookPlan(calls, 2**40))
    receipt = run(_delegate(world, "trader", _low(shared), plan.data))
    assert receipt["status"] == "0x1"
    assert receipt["type"] == "0x4"
    assert (desk.options(trader), desk.size(trader)) == (10 * WAD, -55 * WAD // 10)
    assert ape.chain.provider.get_code(trader.address) == bytes.fromhex("ef0100" + _low(shared)[2:])


def test_a_plan_that_fails_leaves_the_code_alone(desk, shared, trader, run, world):
    """The chain takes the delegation before it runs the plan: the legs are undone, the code stays."""
    calls = tuple(HookCall(call) for call in (*desk.option(10 * WAD), desk.perp(-5 * WAD)))
    plan = encode_execute(_low(trader), HookPlan(calls, 2**40))
    receipt = run(_delegate(world, "trader", _low(shared), plan.data))
    assert receipt["status"] == "0x0"
    assert desk.options(trader) == 0
    assert ape.chain.provider.get_code(trader.address)


def test_it_takes_coins_and_nfts_as_before(desk, delegated, trader, owner, genuine, world):
    """An option's token by the safe transfer that asks code for its leave, and plain coins."""
    delegated.execute(desk.plan(*desk.option(10 * WAD)), sender=trader)
    at = world.lyra.markets["sETH"].contracts["OptionToken"]
    option_token = genuine("OptionToken", at)
    position = option_token.getOwnerPositions(trader)[0].positionId
    option_token.transferFrom(trader, owner, position, sender=trader)
    option_token.safeTransferFrom(owner, trader, position, sender=owner)
    assert option_token.ownerOf(position) == trader.address
    before = trader.balance
    owner.transfer(trader, 7)
    assert trader.balance == before + 7


def test_it_takes_tokens_of_many_kinds(delegated, attacker):
    """ERC-1155, one and many, and says so by ERC-165."""
    one = delegated.onERC1155Received(attacker, attacker, 1, 1, b"")
    many = delegated.onERC1155BatchReceived(attacker, attacker, [1], [1], b"")
    assert (bytes(one).hex(), bytes(many).hex()) == ("f23a6e61", "bc197c81")
    assert delegated.supportsInterface(bytes.fromhex("4e2312e0"))


def test_its_own_signature_is_valid(delegated, trader, world, attacker):
    """For apps that ask code by ERC-1271: what the key signed, and nothing else."""
    digest = b"\x07" * 32
    signature = _sign(world, "trader", digest)
    assert bytes(delegated.isValidSignature(digest, signature)) == MAGIC
    for wrong in (
        _sign(world, "searcher", digest),
        signature[:-1] + b"\x07",
        signature[:-1],
        b"",
        b"\0" * 65,
    ):
        assert bytes(delegated.isValidSignature(digest, wrong)) == INVALID
    assert bytes(delegated.isValidSignature(b"\x08" * 32, signature)) == INVALID


def test_a_deployed_executor_signs_nothing(shared, own, owner, world):
    """It has no key; its owner's signature is not its own."""
    digest = b"\x07" * 32
    for executor in (shared, own):
        for signature in (_sign(world, "alice", digest), b"\0" * 65, b""):
            assert bytes(executor.isValidSignature(digest, signature)) == INVALID


def test_an_owned_executor_gives_its_owner_no_account(desk, own, owner, trader, contract, bell, call_of):
    """Who delegates to somebody's own executor by mistake stays alone in command."""
    trader.set_delegate(own)
    account = contract("Executor").at(trader.address)
    assert account.owner() == "0x" + "00" * 20
    plan = desk.plan(call_of(bell, "ring"))
    refused = {"caller": owner.address, "account": trader.address}
    for method, arguments in ((account.execute, (plan,)), (account.approve, (b"\x01" * 32, owner))):
        with ape.reverts(account.CallerNotAllowed, **refused):
            method(*arguments, sender=owner)
    account.execute(plan, sender=trader)
    assert bell.rung() == 1


def test_approvals_survive_a_change_of_code_and_can_be_revoked(
    desk, shared, delegated, trader, keeper, contract, bell, call_of, deploy, deployer
):
    """They are the account's storage: asleep without the code, awake with it, until they are taken back."""
    plan = desk.plan(call_of(bell, "ring"))
    plan_hash = delegated.hashPlan(plan)
    delegated.approve(plan_hash, keeper, sender=trader)
    trader.remove_delegate()
    trader.set_delegate(deploy("Bell", sender=deployer))
    assert contract("Bell").at(trader.address).rung() == 0  # its first slot is free: approvals have their own
    trader.set_delegate(shared)
    assert delegated.isApproved(trader, plan_hash, keeper)
    delegated.revoke(plan_hash, keeper, sender=trader)
    with ape.reverts(delegated.PlanNotApproved):
        delegated.run(trader, plan, sender=keeper)


def test_approvals_lie_in_a_namespace(delegated, trader, keeper, run, world):
    """ERC-7201: keccak256(keccak256("trimtab.Executor") - 1) without its last byte, then the mappings."""
    root = keccak((int.from_bytes(keccak(text="trimtab.Executor")) - 1).to_bytes(32))[:-1] + b"\0"
    slot = root
    delegated.approve(b"\x01" * 32, keeper, sender=trader)
    for key in (encode(["address"], [trader.address]), b"\x01" * 32, encode(["address"], [keeper.address])):
        slot = keccak(key + slot)
    word = run(world.client.request("eth_getStorageAt", [trader.address, "0x" + slot.hex(), "latest"]))
    assert int(word, 16) == 1


def test_approvals_are_of_one_account(
    desk, delegated, trader, owner, shared, keeper, contract, call_of, bell
):
    """One account's approval is none of another with the same code, nor of the code's own address."""
    owner.set_delegate(shared)
    other = contract("Executor").at(owner.address)
    plan = desk.plan(call_of(bell, "ring"))
    delegated.approve(delegated.hashPlan(plan), keeper, sender=trader)
    with ape.reverts(other.PlanNotApproved):
        other.run(owner, plan, sender=keeper)
    with ape.reverts(other.CallerNotAllowed):
        other.run(trader, plan, sender=keeper)
    with ape.reverts(shared.PlanNotApproved):
        shared.run(trader, plan, sender=keeper)


def test_calls_that_nobody_knows_are_refused(delegated, attacker):
    """There is no fallback: no data makes the account do or accept anything else."""
    with ape.reverts():
        attacker.transfer(delegated.address, 1, data=b"\x12\x34\x56\x78")


@pytest.mark.parametrize("door", ["execute", "executeFrom", "run", "approve", "revoke"])
def test_an_attacker_finds_no_door(door, desk, delegated, trader, attacker, tokens, call_of, refused):
    """Each entry with a plan that would take the account's tokens."""
    theft = desk.plan(call_of(tokens["USDC"], "transfer", attacker, 10**6))
    plan_hash = delegated.hashPlan(theft)
    arguments = {
        "execute": (theft,),
        "executeFrom": (trader, theft),
        "run": (trader, theft),
        "approve": (plan_hash, attacker),
        "revoke": (plan_hash, attacker),
    }[door]
    name, _ = refused(getattr(delegated, door), *arguments, sender=attacker)
    assert name == ("PlanNotApproved" if door == "run" else "CallerNotAllowed")
    assert tokens["USDC"].balanceOf(attacker) == 0


async def _delegate(world, name, code, data):
    """One transaction of the account to itself, with its own authorisation in it."""
    client, account = world.client, world.accounts[name]
    signer = LocalSigner.from_key(account.key)
    nonce = await client.nonce(account.address, "latest")
    leave = await signer.sign_authorization(client.chain_id, code, nonce + 1)
    fields = SetCodeTx(client.chain_id, nonce, 10**9, 10**11, 6_000_000, account.address, (leave,), 0, data)
    signed = await signer.sign_transaction(fields)
    return await client.request("eth_sendRawTransactionSync", ["0x" + signed.raw.hex()])


def _sign(world, name, digest):
    return bytes(Account.unsafe_sign_hash(digest, world.accounts[name].key).signature)


def _low(thing) -> Address:
    return Address(str(thing.address).lower())
