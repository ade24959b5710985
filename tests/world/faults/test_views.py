"""Another node's view of the chain, as a function of the true one's answers."""

from __future__ import annotations

from typing import Any

import pytest

from trimtab.world.faults.views import Branch, Lag, Unknown, header_of

HASH = "0x" + "ab" * 32


@pytest.mark.parametrize(
    ("method", "params", "expected"),
    [
        ("eth_getBalance", ["0xa", "latest"], ["0xa", "0x5"]),
        ("eth_getBalance", ["0xa", "pending"], ["0xa", "0x5"]),
        ("eth_getBalance", ["0xa"], ["0xa", "0x5"]),
        ("eth_getBalance", ["0xa", "0x4"], ["0xa", "0x4"]),
        ("eth_getBalance", ["0xa", "finalized"], ["0xa", "finalized"]),
        ("eth_getBalance", ["0xa", "0x6"], Unknown(is_null=False)),
        ("eth_getBlockByNumber", ["0x6", False], Unknown(is_null=True)),
        ("eth_call", [{}, "latest", {"o": 1}], [{}, "0x5", {"o": 1}]),
        ("eth_call", [{}, {"blockHash": HASH}], [{}, {"blockHash": HASH}]),
        ("eth_estimateGas", [{}], [{}, "0x5"]),
        ("eth_getStorageAt", ["0xa", "0x9", "latest"], ["0xa", "0x9", "0x5"]),
        ("eth_getTransactionReceipt", [HASH], [HASH]),
        ("eth_getBalance", [], []),
        ("eth_chainId", [], []),
        ("eth_getLogs", [{"address": "0xa"}], [{"address": "0xa", "fromBlock": "0x5", "toBlock": "0x5"}]),
        (
            "eth_getLogs",
            [{"fromBlock": "0x1", "toBlock": "0x9"}],
            [{"fromBlock": "0x1", "toBlock": "0x5"}],
        ),
        ("eth_getLogs", [{"blockHash": HASH}], [{"blockHash": HASH}]),
    ],
)
def test_what_a_lagging_node_is_asked(method: str, params: list[Any], expected: Any) -> None:
    """The newest block is its own; newer ones do not exist."""
    assert Lag(5).params(method, params) == expected


@pytest.mark.parametrize(
    ("method", "result", "expected"),
    [
        ("eth_blockNumber", "0x9", "0x5"),
        ("eth_getTransactionReceipt", {"blockNumber": "0x6"}, None),
        ("eth_getTransactionReceipt", {"blockNumber": "0x5"}, {"blockNumber": "0x5"}),
        ("eth_getBlockByHash", {"number": "0x6"}, None),
        ("eth_getBlockByHash", None, None),
        (
            "eth_getTransactionByHash",
            {"hash": HASH, "blockNumber": "0x6", "blockHash": HASH, "transactionIndex": "0x0"},
            {"hash": HASH, "blockNumber": None, "blockHash": None, "transactionIndex": None},
        ),
        ("eth_getBalance", "0x9", "0x9"),
    ],
)
def test_what_a_lagging_node_answers(method: str, result: Any, expected: Any) -> None:
    """What is newer than its head is not there, or still pending."""
    assert Lag(5).result(method, result) == expected


def test_when_a_branch_is_followed() -> None:
    """Above every tenth block for two blocks, then not until the next tenth."""
    branch = Branch(depth=2, period=10)
    assert [branch.first(head) for head in (9, 10, 11, 12, 13, 20, 21)] == [
        None,
        None,
        11,
        11,
        None,
        None,
        21,
    ]


def test_a_branchs_names_link_and_lead_back() -> None:
    """The first block's parent is the common one, its child's is itself; its name leads to the true one."""
    branch = Branch(depth=2, period=10)
    one = branch.result({"number": "0xb", "hash": HASH, "parentHash": "0x" + "10" * 32}, 11)
    two = branch.result({"number": "0xc", "hash": "0x" + "cd" * 32, "parentHash": HASH}, 11)
    assert one["hash"] not in (HASH, two["hash"])
    assert one["parentHash"] == "0x" + "10" * 32
    assert two["parentHash"] == one["hash"]
    assert branch.params("eth_getBlockByHash", [one["hash"], False]) == [HASH, False]
    assert branch.params("eth_getTransactionReceipt", [HASH]) == [HASH]


def test_receipts_and_logs_tell_the_branchs_names() -> None:
    """However deep they stand; older blocks keep theirs."""
    branch = Branch(depth=2, period=10)
    receipt = {"blockNumber": "0xb", "blockHash": HASH, "logs": [{"blockNumber": "0xb", "blockHash": HASH}]}
    told = branch.result(receipt, 11)
    assert told["blockHash"] == told["logs"][0]["blockHash"] != HASH
    old = {"blockNumber": "0xa", "blockHash": HASH}
    assert branch.result([old], 11) == [old]
    assert branch.result("0x1", 11) == "0x1"


def test_the_others_blocks_are_unknown_on_the_branch() -> None:
    """A true hash of a block above the fork is not found, one below it is."""
    branch = Branch(depth=2, period=10)
    assert not branch.is_known("eth_getBlockByHash", [HASH, False], {"number": "0xb"}, 11)
    assert branch.is_known("eth_getBlockByHash", [HASH, False], {"number": "0xa"}, 11)
    assert branch.is_known("eth_getBlockByNumber", ["0xb", False], {"number": "0xb"}, 11)


def test_a_head_has_no_body() -> None:
    """As a subscription tells it."""
    assert header_of({"number": "0x1", "transactions": [], "uncles": []}) == {"number": "0x1"}
