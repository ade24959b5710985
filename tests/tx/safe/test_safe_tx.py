"""Hashes and calldata of a Safe's transactions equal those of the genuine contracts."""

from __future__ import annotations

import random

import eth_account.messages  # noqa: F401 - raises the recursion limit, which Hypothesis minds within a test
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tx.safe.conftest import DEPLOYER, OWNERS, SHOP, SafeDesk

from trimtab.chain.abi import Abi
from trimtab.chain.call import Call
from trimtab.model.ids import Address
from trimtab.tx.safe.safe_tx import Operation, SafeTx, plan_calls
from trimtab.tx.signers.digests import typed_data_digest
from trimtab.world.safe import execute_safe_tx

SAFE = Address("0x" + "5a" * 20)
ADDRESSES = st.binary(min_size=20, max_size=20).map(lambda raw: Address("0x" + raw.hex()))
WORDS = st.integers(0, 2**256 - 1)
TXS = st.builds(SafeTx, ADDRESSES, WORDS, st.binary(max_size=70), WORDS, st.sampled_from(Operation), WORDS)


def test_a_golden_hash() -> None:
    """What the genuine code of both versions answered, put at 0x5a5a... on a chain with id 1."""
    tx = SafeTx(Address("0x" + "12" * 20), 10**18, b"\x01\x02\x03", 7)
    assert tx.hash(1, SAFE) == "0x66e134be181c22483760f755cc02daf3b915d1d39a8e92df0f1c8ea6f0f92494"


@given(TXS, st.integers(1, 2**64))
def test_the_hash_is_that_of_the_typed_data(tx: SafeTx, chain_id: int) -> None:
    """What we compute is what the signer signs, by eth-account's own encoder."""
    assert tx.hash(chain_id, SAFE) == "0x" + typed_data_digest(tx.typed_data(chain_id, SAFE)).hex()


@pytest.mark.node
async def test_the_hash_is_the_contracts(safes: SafeDesk) -> None:
    """`getTransactionHash` of both genuine contracts, for fifty transactions of every kind."""
    seed, client, address = random.Random(7), safes.client, safes.safe.address
    txs = [
        SafeTx(
            Address("0x" + seed.randbytes(20).hex()),
            seed.getrandbits(seed.choice((0, 60, 256))),
            seed.randbytes(seed.choice((0, 1, 32, 33, 500))),
            seed.getrandbits(32),
            seed.choice(tuple(Operation)),
            seed.getrandbits(seed.choice((0, 30))),
        )
        for _ in range(50)
    ]
    said = await client.read_many([tx.read_hash(address) for tx in txs])
    assert ["0x" + one.hex() for one in said if isinstance(one, bytes)] == [
        tx.hash(client.chain_id, address) for tx in txs
    ]


def test_one_call_stays_as_it_is() -> None:
    """No MultiSend around a single call."""
    call = Call(SHOP, b"\x01", 5)
    assert plan_calls([call], SAFE) == (SHOP, 5, b"\x01", Operation.CALL)


def test_several_calls_are_packed() -> None:
    """Operation, target, value, length, data, without padding between them; as a delegate call."""
    to, value, data, operation = plan_calls([Call(SHOP, b"\xab\xcd", 5), Call(SAFE, b"")], SAFE)
    assert (to, value, operation) == (SAFE, 0, Operation.DELEGATE_CALL)
    packed = Abi.load("safe/MultiSendCallOnly").function("multiSend")
    first = "00" + "12" * 20 + f"{5:064x}" + f"{2:064x}" + "abcd"
    second = "00" + "5a" * 20 + f"{0:064x}" + f"{0:064x}"
    assert data == packed.encode(bytes.fromhex(first + second))


@pytest.mark.node
async def test_signatures_of_the_typed_data_execute(safes: SafeDesk) -> None:
    """The genuine contract takes two owners' signatures, and makes the calls of a batch."""
    to, value, data, operation = plan_calls([Call(SHOP, b"", 3), Call(SHOP, b"", 4)], safes.safe.multi_send)
    tx = SafeTx(to, value, data, 0, operation)
    receipt = await execute_safe_tx(safes.client, DEPLOYER, safes.safe.address, tx, OWNERS[1:])
    assert receipt.status
    assert await safes.paid() == 7
