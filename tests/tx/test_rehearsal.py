"""What may be rehearsed together, and what is concluded from what came of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from trimtab.chain.receipt import Log
from trimtab.chain.reverts import Revert
from trimtab.errors import NonceConflictError, SimulationRevertedError
from trimtab.model.ids import Address, BlockHash, TxHash
from trimtab.tx.differences import Differences
from trimtab.tx.envelope import Authorization, DynamicFeeTx, SetCodeTx
from trimtab.tx.opening import OpenedTx, open_signed
from trimtab.tx.rehearsal import (
    Method,
    Rehearsal,
    RehearsedTx,
    Target,
    check_succeeds,
    line_up,
    receipt_of,
)
from trimtab.tx.signers import LocalSigner

SHOP = Address("0x" + "12" * 20)
SIGNER, OTHER = LocalSigner.from_key(bytes([1] * 32)), LocalSigner.from_key(bytes([2] * 32))
TARGET = Target(parent=9, at=1_000, base_fee=10, coinbase=SHOP)


def tx(nonce: int, signer: LocalSigner = SIGNER) -> OpenedTx:
    return open_signed(signer.sign_nowait(DynamicFeeTx(1, nonce, 2, 50, 30_000, SHOP)).raw)


async def with_code(nonce: int, *nonces: int, signer: LocalSigner = SIGNER, chain: int = 1) -> OpenedTx:
    signed = [await signer.sign_authorization(chain, SHOP, item) for item in nonces]
    broken = Authorization(chain, SHOP, nonce + 1, 0, 0, 0)
    fields = SetCodeTx(1, nonce, 2, 50, 90_000, SHOP, (*signed, broken))
    return open_signed(SIGNER.sign_nowait(fields).raw)


def test_what_is_ahead_comes_first_and_what_is_mined_not_at_all() -> None:
    """Each sender has its own nonces; those that the chain has used by then are part of the state."""
    ahead = [tx(3), tx(4), tx(7, OTHER), tx(5)]
    lineup = line_up(ahead, [tx(6), tx(8, OTHER)], {SIGNER.address: 4, OTHER.address: 7}, TARGET)
    assert lineup.ahead == (tx(4), tx(7, OTHER), tx(5))
    assert lineup.txs == (tx(6), tx(8, OTHER))
    assert lineup.missing == ()


def test_a_far_nonce_is_a_gap_and_costs_no_memory() -> None:
    """Nonces have 64 bits."""
    lineup = line_up([], [tx(2**60)], {SIGNER.address: 4}, TARGET)
    assert lineup.missing == (range(4, 2**60),)


async def test_an_authorisation_of_the_account_takes_a_nonce_too() -> None:
    """EIP-7702: the sender counts first, then each that is valid, in order; others count nothing."""
    used = {SIGNER.address: 0, OTHER.address: 5}
    own = await with_code(0, 1)
    assert line_up([own], [tx(2)], used, TARGET).missing == ()
    with pytest.raises(NonceConflictError, match="nonce 1 "):
        line_up([own], [tx(1)], used, TARGET)
    for skipped in (await with_code(0, 0), await with_code(0, 1, chain=7), await with_code(0)):
        assert line_up([skipped], [tx(1)], used, TARGET).missing == ()
    others = await with_code(0, 5, signer=OTHER)
    assert line_up([others], [tx(1), tx(6, OTHER)], used, TARGET).missing == ()


def item(nonce: int = 0, **given: Any) -> RehearsedTx:
    known: dict[str, Any] = {"is_ok": True, "price": 12, "gas_used": 21_000, "logs": (), "returned": b""}
    return RehearsedTx(tx(nonce), **(known | {"differences": Differences({SHOP: 5})} | given))


def test_what_one_does_not_tell_all_do_not_tell() -> None:
    """The sum of differences is unknown as soon as one of them is: nothing is guessed."""
    both = Rehearsal(Method.SIMULATE_V1, TARGET, (item(0), item(1)))
    assert both.differences == Differences({SHOP: 10})
    assert Rehearsal(Method.CALL, TARGET, (item(0), item(1, differences=None))).differences is None
    assert (both.is_ok, both.is_complete) == (True, True)
    assert both.find(tx(1).tx_hash) == item(1)
    assert both.find(tx(2).tx_hash) is None


def test_the_first_revert_is_the_error() -> None:
    """With the contract's own name and arguments, and the raw data for the venue's meaning."""
    revert = Revert("Sorry", {"code": 7}, "Sorry(code=7)")
    failed = item(1, is_ok=False, revert=revert, returned=b"abcd")
    rehearsal = Rehearsal(Method.SIMULATE_V1, TARGET, (item(0), failed, item(2, is_ok=False)))
    with pytest.raises(
        SimulationRevertedError, match=r"nonce 1 to 0x12.* in block 10: Sorry\(code=7\)"
    ) as caught:
        check_succeeds(rehearsal)
    error = caught.value
    assert (error.reason, error.data, error.args_by_name) == ("Sorry", b"abcd", {"code": 7})
    check_succeeds(replace(rehearsal, txs=rehearsal.txs[:1]))
    check_succeeds(replace(rehearsal, unseen=("an approval is in flight",)))  # it may be what is missing


def test_the_receipt_is_what_the_chain_would_give() -> None:
    """For venues, which decode receipts; without logs there is none."""
    log = Log(SHOP, (), b"", 10, BlockHash(""), TxHash("0x1"), 0)
    receipt = receipt_of(item(3, logs=(log,)), TARGET)
    assert receipt is not None
    assert (receipt.tx_hash, receipt.block, receipt.sender, receipt.to) == (
        tx(3).tx_hash,
        10,
        SIGNER.address,
        SHOP,
    )
    assert (receipt.status, receipt.fee_wei, receipt.logs) == (True, 252_000, (log,))
    assert receipt_of(item(logs=None), TARGET) is None
    assert receipt_of(item(gas_used=None), TARGET) is None
    assert item(gas_used=None).fee_wei is None
