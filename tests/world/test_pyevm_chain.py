"""The chain behind the in-process engine, without its wire."""

from __future__ import annotations

import sys

import pytest

from trimtab.errors import ConfigError
from trimtab.world.accounts import ACCOUNTS
from trimtab.world.pyevm_chain import Message, Override, PyEvmChain, PyEvmError

OWNER = bytes.fromhex(ACCOUNTS["deployer"].address[2:])
OTHER = bytes.fromhex(ACCOUNTS["lp"].address[2:])
NOBODY = b"\xab" * 20
# Returns its own balance: SELFBALANCE PUSH0 MSTORE PUSH1 32 PUSH0 RETURN
_SELF_BALANCE = bytes.fromhex("475f5260205ff3")


@pytest.fixture
def chain() -> PyEvmChain:
    return PyEvmChain(1_700_000_000, 30_000_000)


def test_calls_leave_no_trace(chain: PyEvmChain) -> None:
    """An override counts for its call alone; value moves for it alone."""
    override = {NOBODY: Override(balance=5, code=_SELF_BALANCE)}
    for _ in range(2):
        output, gas = chain.call(Message(OWNER, NOBODY, b"", value=2), "latest", override)
        assert int.from_bytes(output, "big") == 7
        assert gas > 0
    assert chain.call(Message(OWNER, NOBODY, b""), "latest")[0] == b""
    assert chain.state_at("latest").get_balance(NOBODY) == 0


def test_a_creation_is_simulated(chain: PyEvmChain) -> None:
    """A call without a target runs creation code and returns what would be deployed."""
    # PUSH2 0x6000 PUSH0 MSTORE PUSH1 2 PUSH1 30 RETURN
    output, _ = chain.call(Message(OWNER, None, bytes.fromhex("6160005f526002601ef3")), "latest")
    assert output == b"\x60\x00"


def test_failures_without_data_are_told(chain: PyEvmChain) -> None:
    """Running out of gas and an invalid opcode are errors, but no reverts."""
    for code in ("5b5f56", "fe"):
        with pytest.raises(PyEvmError, match="execution failed") as caught:
            chain.call(
                Message(OWNER, NOBODY, b"", gas=10**5), "latest", {NOBODY: Override(code=bytes.fromhex(code))}
            )
        assert caught.value.data is None


def test_time_moves_forward(chain: PyEvmChain) -> None:
    """Blocks are the interval apart, or exactly at the time that was set."""
    chain.interval = 1
    assert chain.mine().header.timestamp == 1_700_000_001
    chain.interval = 15
    assert chain.mine().header.timestamp == 1_700_000_016
    chain.next_timestamp = 1_700_000_100
    assert chain.header_at("pending").timestamp == 1_700_000_100
    assert chain.mine().header.timestamp == 1_700_000_100
    assert chain.mine().header.timestamp == 1_700_000_115


def test_time_flows_with_the_clock() -> None:
    """Without an interval a block comes as much later as the clock says, at least a second, and time that was
    set goes on from there; after a snapshot's return it goes on from the snapshot."""
    now = 1_000.0
    chain = PyEvmChain(1_700_000_000, 30_000_000, clock=lambda: now)
    assert chain.mine().header.timestamp == 1_700_000_001
    now += 60
    assert chain.mine().header.timestamp == 1_700_000_060
    snapshot = chain.snapshot()
    chain.next_timestamp = 1_800_000_000
    chain.mine()
    now += 5
    assert chain.mine().header.timestamp == 1_800_000_005
    assert chain.revert(snapshot)
    now += 7
    assert chain.mine().header.timestamp == 1_700_000_067


def test_a_gap_in_nonces_waits(chain: PyEvmChain) -> None:
    """A transaction whose turn has not come stays in the pool until it has."""
    fields = {"to": NOBODY, "data": b"", "value": 1, "gas": 21_000}
    later = chain.sign(OWNER, fields | {"nonce": 1})
    chain.add(later)
    assert list(chain.pool) == [(OWNER, 1)]
    chain.add(chain.sign(OWNER, fields | {"nonce": 0}))
    assert not chain.pool
    assert len(chain.blocks[-1].transactions) == 2
    assert chain.blocks[-1].transactions[1].cumulative_gas == 42_000


def test_a_block_is_filled_as_transactions_arrived(chain: PyEvmChain) -> None:
    """Whoever came first is first, whatever nonces the senders are at; one sender's own go in their order."""
    fields = {"to": NOBODY, "data": b"", "value": 1, "gas": 21_000}
    chain.add(chain.sign(OWNER, fields | {"nonce": 0}))
    chain.automine = False
    for sender, nonce in ((OWNER, 2), (OTHER, 1), (OWNER, 1), (OTHER, 0)):
        chain.add(chain.sign(sender, fields | {"nonce": nonce}))
    mined = [(tx.transaction.sender, tx.transaction.nonce) for tx in chain.mine().transactions]
    assert mined == [(OWNER, 1), (OTHER, 0), (OWNER, 2), (OTHER, 1)]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"value": 10**30}, "insufficient funds"),
        ({"gas": 20_000}, "intrinsic gas too low"),
    ],
)
def test_refusals(chain: PyEvmChain, fields: dict[str, int], words: str) -> None:
    """What cannot be paid for, in money or in gas, is refused as geth does."""
    usual = {"to": NOBODY, "data": b"", "value": 1, "gas": 21_000, "nonce": 0}
    with pytest.raises(PyEvmError, match=words):
        chain.add(chain.sign(OWNER, usual | fields))
    assert not chain.pool


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where eth-tester is not installed the error says what to install."""
    monkeypatch.setitem(sys.modules, "eth_tester.backends.pyevm.main", None)
    with pytest.raises(ConfigError, match=r"pip install 'trimtab\[py-evm\]'"):
        PyEvmChain(1_700_000_000, 30_000_000)
