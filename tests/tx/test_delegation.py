"""Authorisations (EIP-7702) through the whole engine: signed, carried, replaced, cancelled and executed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
import rlp  # type: ignore[import-untyped]
from eth_account import Account
from tests.tx.conftest import GWEI, KEY, QUICK, SHOP, Desk, pay

from trimtab.chain.address import checksum
from trimtab.chain.call import Call
from trimtab.errors import IntentError, NotSentError
from trimtab.model.ids import Address
from trimtab.tx import Cancelled, Succeeded, TxIntent
from trimtab.tx.delegation import authority_of, check_authorizations, check_own_nonces, is_delegation
from trimtab.tx.envelope import Authorization
from trimtab.tx.signers import LocalSigner
from trimtab.tx.states import Attempt

CHAIN = 31_337
WALLET = Address("0x" + "dd" * 20)
WALLET_CODE = "0x5f5f5f5f600173" + SHOP[2:] + "5af100"
"""Whoever runs this pays 1 wei to the shop: call(gas, SHOP, 1, 0, 0, 0, 0) stop."""
OTHER = LocalSigner.from_key(b"\x07" * 32)
CALL = Call(WALLET, b"\x01")


def signed_by_oracle(key: bytes, nonce: int, chain_id: int = CHAIN) -> Authorization:
    made = Account.sign_authorization({"chainId": chain_id, "address": checksum(WALLET), "nonce": nonce}, key)
    return Authorization(chain_id, WALLET, nonce, made.y_parity, made.r, made.s)


def test_an_authorisation_tells_who_signed_it() -> None:
    """As eth-account signs it."""
    assert authority_of(signed_by_oracle(b"\x07" * 32, 3)) == OTHER.address


@pytest.mark.parametrize("field", ["r", "s", "y_parity", "chain_id"])
def test_what_the_chain_would_skip_is_refused(field: str) -> None:
    """Of another chain, or of nobody: it would cost its gas and do nothing. Chain 0 is any chain."""
    good = signed_by_oracle(b"\x07" * 32, 0)
    check_authorizations(TxIntent("k", CALL, authorizations=(good,)), CHAIN)
    check_authorizations(TxIntent("k", CALL, authorizations=(signed_by_oracle(b"\x07" * 32, 0, 0),)), CHAIN)
    broken = replace(good, **{field: 2**256 if field != "chain_id" else 1})  # type: ignore[arg-type]
    with pytest.raises(IntentError) as caught:
        check_authorizations(TxIntent("k", CALL, authorizations=(broken,)), CHAIN)
    assert caught.value.field == "authorizations"


def test_only_its_own_delegation_keeps_an_account_to_itself() -> None:
    """A sponsor of others' delegations sends as many as ever."""
    theirs = signed_by_oracle(b"\x07" * 32, 0)
    assert not is_delegation(TxIntent("k", CALL, authorizations=(theirs,)), WALLET)
    assert is_delegation(TxIntent("k", CALL, authorizations=(theirs,)), OTHER.address)
    assert is_delegation(TxIntent("k", CALL, delegate_to=WALLET), WALLET)


def test_an_own_authorisation_has_the_nonce_after_the_transactions() -> None:
    """The chain counts the transaction before it looks at its list; others' nonces are their own affair."""
    own = signed_by_oracle(b"\x07" * 32, 5)
    check_own_nonces([own], OTHER.address, 4)
    check_own_nonces([own], WALLET, 17)
    with pytest.raises(IntentError, match="it must be 6") as caught:
        check_own_nonces([own], OTHER.address, 5)
    assert caught.value.value == 5


def authorizations_of(attempt: Attempt) -> object:
    """The authorisation list inside signed bytes of type 4."""
    assert attempt.raw[0] == 4
    return rlp.decode(attempt.raw[1:])[9]


async def put_wallet(desk: Desk) -> None:
    await desk.client.request("anvil_setCode", [WALLET, WALLET_CODE])


@pytest.mark.node
async def test_an_account_runs_the_code_that_it_delegated_to(desk: Desk) -> None:
    """Signed, simulated with that code in place, executed in the very transaction that delegates, which uses
    two nonces; from then on the account has one in flight at a time, and each still happens once."""
    await put_wallet(desk)
    own = desk.signer.address
    async with desk.sender() as sender:
        await (await sender.submit(pay("before"))).outcome(timeout=60)
        handle = await sender.submit(TxIntent("code", Call(own, b"\x01"), delegate_to=WALLET))
        outcome = await handle.outcome(timeout=60)
        assert isinstance(outcome, Succeeded)
        transaction = await desk.client.request("eth_getTransactionByHash", [handle.tx_hash])
        assert int(transaction["type"], 16) == 4
        assert int(transaction["authorizationList"][0]["nonce"], 16) == handle.nonce + 1 == 2
        assert await desk.client.code(own) == bytes.fromhex("ef0100" + WALLET[2:])
        assert await desk.executions() == 2
        again = await sender.submit(TxIntent("run", Call(own, b"\x01")))
        assert isinstance(await again.outcome(timeout=60), Succeeded)
        assert again.nonce == handle.nonce + 2
    async with desk.sender() as sender:  # a new life finds the code by itself
        assert sender._driver.state.is_delegated
        await desk.set_automine(False)
        await sender.submit(pay("a"))
        assert await desk.pool_size() == 1
        waiting = asyncio.create_task(sender.submit(pay("b")))
        await asyncio.sleep(0)
        await desk.quiet()
        assert not waiting.done()
        assert await desk.pool_size() == 1
        await desk.set_automine(True)
        await desk.mine()
        assert isinstance(await (await waiting).outcome(timeout=60), Succeeded)
    assert await desk.executions() == 5


@pytest.mark.node
async def test_a_sponsor_carries_anothers_authorisation(desk: Desk) -> None:
    """Its gas is in the simulated limit; the other account has the code, and pays out of its own pocket."""
    await put_wallet(desk)
    await desk.client.request("anvil_setBalance", [OTHER.address, hex(1)])
    signed = await OTHER.sign_authorization(CHAIN, WALLET, 0)
    async with desk.sender() as sender:
        handle = await sender.submit(
            TxIntent("sponsor", Call(OTHER.address, b"\x01"), authorizations=(signed,))
        )
        outcome = await handle.outcome(timeout=60)
    assert isinstance(outcome, Succeeded)
    assert await desk.client.code(OTHER.address) == bytes.fromhex("ef0100" + WALLET[2:])
    assert await desk.executions() == 1
    assert await desk.client.balance(OTHER.address) == 0


@pytest.mark.node
async def test_a_replacement_keeps_the_authorisations(desk: Desk) -> None:
    """Dearer, of the same type and with the same list; a cancellation is a plain transfer; a restart sends
    identical bytes."""
    await put_wallet(desk)
    await desk.set_automine(False)
    intent = TxIntent("code", Call(desk.signer.address, b"\x01"), gas_limit=200_000, delegate_to=WALLET)
    async with desk.sender(simulate=False) as sender:
        handle = await sender.submit(intent)
        for _ in range(QUICK.bump_after_blocks):
            await desk.client.request("anvil_setNextBlockBaseFeePerGas", [hex(20 * GWEI)])
            await desk.mine()
        await desk.until(lambda: sender.record("code").attempts == 2)
        slot = sender._driver.state.slot_of("code")
        assert slot is not None
        first, second = slot.attempts
        assert authorizations_of(first) == authorizations_of(second)
        assert second.fees.fee_cap > first.fees.fee_cap
    async with desk.sender(simulate=False) as sender:
        (handle,) = sender.recovered
        assert handle.tx_hash == second.tx_hash
        assert (await sender.submit(intent)).nonce == handle.nonce
        handle.cancel()
        await desk.until(lambda: sender.record("code").attempts == 3)
        slot = sender._driver.state.slot_of("code")
        assert slot is not None
        assert slot.last.raw[0] == 2
        await desk.pool_has(1)
        await desk.until(lambda: not sender._driver.state.slots[handle.nonce].last.pending)
        await desk.mine()
        assert isinstance(await handle.outcome(timeout=60), Cancelled)
    assert await desk.client.code(desk.signer.address) == b""


@pytest.mark.node
async def test_an_own_authorisation_of_another_nonce_is_refused(desk: Desk) -> None:
    """Nothing is exposed, the key is free; with the right nonce it is taken."""
    await put_wallet(desk)
    own = LocalSigner.from_hex(KEY)
    late = await own.sign_authorization(CHAIN, WALLET, 0)
    right = await own.sign_authorization(CHAIN, WALLET, 1)
    async with desk.sender() as sender:
        with pytest.raises(IntentError, match="it must be 1"):
            await sender.submit(TxIntent("code", Call(own.address, b"\x01"), authorizations=(late,)))
        foreign = await own.sign_authorization(1, WALLET, 1)
        with pytest.raises(IntentError, match="chain 1"):
            await sender.submit(TxIntent("code", Call(own.address, b"\x01"), authorizations=(foreign,)))
        assert await desk.sent_nonce() == 0
        handle = await sender.submit(TxIntent("code", Call(own.address, b"\x01"), authorizations=(right,)))
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
    assert await desk.executions() == 1


class SlowToAuthorize(LocalSigner):
    """Its owner looks at an authorisation before it is signed."""

    __slots__ = ("has_begun", "may_go")

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.has_begun, self.may_go = asyncio.Event(), asyncio.Event()

    async def sign_authorization(self, chain_id: int, address: Address, nonce: int) -> Authorization:
        self.has_begun.set()
        await self.may_go.wait()
        return await super().sign_authorization(chain_id, address, nonce)


@pytest.mark.node
async def test_a_delegation_that_is_withdrawn_while_it_is_signed_happens_never(desk: Desk) -> None:
    """The authorisation comes when its nonce is free again: it is not used, the next one takes the nonce."""
    await put_wallet(desk)
    signer = SlowToAuthorize.from_hex(KEY)
    assert isinstance(signer, SlowToAuthorize)
    async with desk.sender(signer=signer) as sender:
        intent = TxIntent("code", Call(signer.address, b"\x01"), delegate_to=WALLET)
        asked = asyncio.create_task(sender.submit(intent))
        await signer.has_begun.wait()
        sender.handle("code").cancel()
        with pytest.raises(NotSentError, match="cancelled by the caller"):
            await asked
        signer.may_go.set()
        handle = await sender.submit(pay("a"))
        assert handle.nonce == 0
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
    assert await desk.client.code(signer.address) == b""
    assert await desk.executions() == 1
