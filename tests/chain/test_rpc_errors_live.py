"""What nodes really say: every refusal that anvil and py-evm's server know, provoked on them. Their words are
fixtures of `tests/data/rpc_errors.toml`; when a new version says it otherwise, a test here fails first."""

from __future__ import annotations

import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trimtab.chain.client import Client
from trimtab.chain.rpc_errors import SendClass, classify_send_error
from trimtab.errors import RpcError
from trimtab.model.ids import Address
from trimtab.tx.envelope import DynamicFeeTx
from trimtab.tx.signers import LocalSigner
from trimtab.world.node import CHAIN_ID, AnvilNode, NodeOptions
from trimtab.world.pyevm import PyEvmNode

pytestmark = pytest.mark.node
C = SendClass
GWEI = 10**9
KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
REVERTER = Address("0x" + "ee" * 20)
REVERTER_CODE = "0x365f5f37365ffd"
ERROR_NO = "08c379a0" + f"{32:064x}" + f"{2:064x}" + "6e6f".ljust(64, "0")
FIRST = DynamicFeeTx(CHAIN_ID, 0, GWEI, 20 * GWEI, 21_000, Address("0x" + "12" * 20), 1)
OTHER = replace(FIRST, value=2)
NEXT = replace(FIRST, nonce=1)

# The first transaction waits in the pool; then this is sent. What anvil says, and what py-evm's server says.
REFUSALS: list[tuple[str, DynamicFeeTx, SendClass, SendClass | None]] = [
    ("the same bytes again", FIRST, C.ALREADY_KNOWN, C.ALREADY_KNOWN),
    ("another at the same price", OTHER, C.REPL_UNDERPRICED, C.REPL_UNDERPRICED),
    ("a cap below the base fee", replace(NEXT, tip=0, fee_cap=1), C.FEECAP_LT_BASE, None),
    ("more than there is", replace(NEXT, value=10**30), C.FUNDS, C.FUNDS),
    ("less gas than it costs", replace(NEXT, gas_limit=20_000), C.INTRINSIC, C.INTRINSIC),
    ("more gas than a block has", replace(NEXT, gas_limit=3 * 10**9), C.GASLIMIT, None),
    ("for another chain", replace(NEXT, chain_id=1), C.PERMANENT, C.PERMANENT),
    ("a tip above the cap", replace(NEXT, tip=30 * GWEI), C.PERMANENT, None),
    (
        "too long a contract",
        replace(NEXT, to=None, data=b"\1" * 60_000, gas_limit=16 * 10**6),
        C.PERMANENT,
        None,
    ),
]
# Not a transaction, or one that nobody signed.
DAMAGED: list[tuple[str, str, SendClass]] = [
    ("no known type", "0x1234", C.PERMANENT),
    ("an empty list", "0x02c0", C.PERMANENT),
    ("nothing", "0x", C.PERMANENT),
]


@asynccontextmanager
async def anvil() -> AsyncIterator[Client]:
    async with AnvilNode.open(NodeOptions()) as node, Client.open(node.url) as client:
        await client.request("evm_setAutomine", [False])
        yield client


@asynccontextmanager
async def pyevm() -> AsyncIterator[Client]:
    async with PyEvmNode.open(genesis_at=1_700_000_000) as node, Client.open(node.url) as client:
        await client.request("evm_setAutomine", [False])
        yield client


async def signed(fields: DynamicFeeTx) -> str:
    return "0x" + (await LocalSigner.from_hex(KEY).sign_transaction(fields)).raw.hex()


async def refused(client: Client, raw: str, method: str = "eth_sendRawTransaction") -> RpcError:
    with pytest.raises(RpcError) as caught:
        await client.request(method, [raw])
    return caught.value


def class_of(error: RpcError) -> SendClass:
    return classify_send_error(error.text, error.code, error.data)


async def provoke(client: Client, engine: str) -> dict[str, RpcError]:
    """What the node said to each of the refusals that it has."""
    await client.request("eth_sendRawTransaction", [await signed(FIRST)])
    said = {}
    for name, fields, on_anvil, on_pyevm in REFUSALS:
        expected = on_anvil if engine == "anvil" else on_pyevm
        if expected is not None:
            said[name] = error = await refused(client, await signed(fields))
            assert class_of(error) is expected, (name, error.text)
    for name, raw, expected in DAMAGED:
        said[name] = error = await refused(client, raw)
        assert class_of(error) is expected, (name, error.text)
    return said


async def damage(client: Client) -> RpcError:
    """A signature whose s is above the curve's order."""
    raw = await signed(NEXT)
    return await refused(client, raw[:-64] + "ff" * 32)


async def test_every_refusal_of_anvil_is_understood() -> None:
    """Each class that anvil can say, from a running anvil, before and after the first one is mined."""
    async with anvil() as client:
        said = await provoke(client, "anvil")
        said["a signature of nobody"] = bad = await damage(client)
        assert class_of(bad) is C.PERMANENT
        await client.request("anvil_mine", ["0x1"])
        for name, fields in (("mined already", FIRST), ("a used nonce", OTHER)):
            said[name] = late = await refused(client, await signed(fields))
            assert class_of(late) is C.NONCE_LOW, name
        said["a revert"] = revert = await estimate_a_revert(client)
        assert class_of(revert) is C.REVERT
    known = {(error["text"], error.get("code")) for error in _fixtures("anvil")}
    unknown = {(error.text, error.code) for error in said.values()} - known
    assert not unknown, "add what anvil says now to tests/data/rpc_errors.toml"


async def estimate_a_revert(client: Client) -> RpcError:
    await client.request("anvil_setCode", [REVERTER, REVERTER_CODE])
    call: Any = {"to": REVERTER, "data": "0x" + ERROR_NO}
    return await refused(client, call, "eth_estimateGas")


async def test_anvils_own_fixtures_are_what_it_says_today() -> None:
    """Nothing in the list of what this version says is hearsay: the running version is the list's."""
    async with anvil() as client:
        version = await client.request("web3_clientVersion")
    assert any(block.get("version", "?") in version for block in _blocks("anvil")), version


async def test_anvil_knows_no_limits_of_pool_or_delegation() -> None:
    """What it cannot be made to say: 80 waiting above a gap, and three at once from a delegated account, are
    taken without a word. The classes POOL_FULL and DELEGATED_7702 rest on the clients' sources."""
    async with anvil() as client:
        for nonce in range(2, 82):
            await client.request("eth_sendRawTransaction", [await signed(replace(FIRST, nonce=nonce))])
        delegated = LocalSigner.from_hex(KEY).address
        await client.request("anvil_dropAllTransactions")
        await client.request("anvil_setCode", [delegated, "0xef0100" + REVERTER[2:]])
        for nonce in range(3):
            await client.request("eth_sendRawTransaction", [await signed(replace(FIRST, nonce=nonce))])
        status = await client.request("txpool_status")
    assert int(status["pending"], 16) == 3


async def test_every_refusal_of_py_evm_is_understood() -> None:
    """The engine that needs no binary refuses in geth's words, so the same table reads it."""
    pytest.importorskip("eth_tester")
    async with pyevm() as client:
        await provoke(client, "py-evm")
        assert class_of(await damage(client)) is C.PERMANENT
        await client.request("evm_mine", [])
        assert class_of(await refused(client, await signed(OTHER))) is C.NONCE_LOW
        assert class_of(await refused(client, await signed(FIRST))) is C.ALREADY_KNOWN


def _blocks(client: str) -> list[dict[str, Any]]:
    path = Path(__file__).parents[1] / "data" / "rpc_errors.toml"
    return [block for block in tomllib.loads(path.read_text())["say"] if block["client"] == client]


def _fixtures(client: str) -> list[dict[str, Any]]:
    return [error for block in _blocks(client) for error in block["errors"]]
