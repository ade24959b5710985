"""The in-process engine answers like a node, and says no to what it lacks."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
import pytest_asyncio
from tests.world.views import read

from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.errors import CallRevertedError, ConfigError, RevertedError, RpcError
from trimtab.hooks.deployment import (
    Presence,
    address_of,
    check_proxy,
    encode_deploy,
    executor_contract,
    read_standings,
)
from trimtab.model.ids import Address
from trimtab.tx.envelope import DynamicFeeTx
from trimtab.tx.signers import LocalSigner
from trimtab.world.accounts import ACCOUNTS
from trimtab.world.artifacts import Artifacts
from trimtab.world.control import NodeControl
from trimtab.world.operator import Deployed, Operator
from trimtab.world.pyevm import PyEvmNode
from trimtab.world.world import World, WorldOptions

pytestmark = pytest.mark.node

OWNER, OTHER = ACCOUNTS["deployer"].address, ACCOUNTS["alice"].address
NOBODY = Address("0x" + "ab" * 20)
GENESIS = 1_700_000_000


@pytest_asyncio.fixture(loop_scope="session")
async def engine() -> AsyncIterator[Client]:
    async with PyEvmNode.open(genesis_at=GENESIS) as node, Client.open(node.url) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def token(engine: Client) -> Deployed:
    async with Operator(engine).block(OWNER) as block:
        made = block.deploy(OWNER, Artifacts.find()["MintableERC20"], "USD Coin", "USDC", 6)
        block.send(OWNER, made, "mint(address,uint256)", OWNER, 1000)
    return made


async def test_a_chain_with_receipts_and_logs(engine: Client, token: Deployed) -> None:
    """Blocks, receipts, logs, balances and calls fit together as on any node."""
    receipt = await Operator(engine).transact(OWNER, token.call("transfer", OTHER, 7))
    head = await engine.block()
    assert (receipt.block, receipt.block_hash) == (head.number, head.hash)
    assert receipt.status
    assert 21_000 < receipt.gas_used < 100_000
    assert head.gas_used == receipt.gas_used
    assert receipt.fee_wei > 0
    assert await engine.call(token.read("balanceOf", OTHER)) == 7
    assert await engine.call(token.read("balanceOf", OTHER), block=head.number - 1) == 0
    (log,) = receipt.logs
    logs = await engine.request("eth_getLogs", [{"fromBlock": "0x0", "address": token.address}])
    assert [int(entry["data"], 16) for entry in logs] == [1000, 7]
    topics = ["0x" + log.topics[0].hex(), None, "0x" + log.topics[2].hex()]
    found = await engine.request("eth_getLogs", [{"fromBlock": "0x0", "topics": topics}])
    assert [entry["transactionHash"] for entry in found] == [receipt.tx_hash]
    by_hash = await engine.request("eth_getLogs", [{"blockHash": head.hash, "topics": [[topics[0]]]}])
    assert by_hash == found
    assert await engine.block(head.hash) == head
    assert await engine.code(token.address)


async def test_reverts_carry_their_data(engine: Client, token: Deployed) -> None:
    """A read, an estimate and a mined transaction that revert all tell why."""
    too_much = token.call("transfer", OTHER, 10**9)
    with pytest.raises(CallRevertedError, match="exceeds balance"):
        await engine.call_raw(too_much, sender=OWNER)
    with pytest.raises(RpcError, match="revert"):
        await engine.request(
            "eth_estimateGas", [{"from": OWNER, "to": token.address, "data": f"0x{too_much.data.hex()}"}]
        )
    with pytest.raises(RevertedError, match="exceeds balance"):
        await Operator(engine).transact(OWNER, too_much)


async def test_raw_transactions(engine: Client) -> None:
    """A transaction that we sign is mined; refusals have geth's words."""
    signer = LocalSigner.from_key(ACCOUNTS["alice"].key)
    fields = DynamicFeeTx(
        chain_id=31337,
        nonce=0,
        tip=1,
        fee_cap=10**10,
        gas_limit=21_000,
        to=NOBODY,
        value=5,
    )
    signed = signer.sign_nowait(fields)
    raw = f"0x{signed.raw.hex()}"
    assert await engine.request("eth_sendRawTransaction", [raw]) == signed.tx_hash
    assert await engine.balance(NOBODY) == 5
    for again, words in ((raw, "already known"), ("0x02c0", "failed to decode")):
        with pytest.raises(RpcError, match=words):
            await engine.request("eth_sendRawTransaction", [again])
    sent = await engine.request("eth_getTransactionByHash", [signed.tx_hash])
    assert (sent["from"], int(sent["nonce"], 16)) == (signer.address, 0)


async def test_the_pool(engine: Client) -> None:
    """Without automine transactions wait, count into the pending nonce, are replaced at a price, and are
    mined together."""
    control = NodeControl(engine)
    await control.set_automine(False)
    pay = {"from": OTHER, "to": NOBODY, "value": "0x1", "gas": "0x5208"}
    hashes = [await engine.request("eth_sendTransaction", [pay]) for _ in range(3)]
    assert await engine.nonce(OTHER, "pending") == 3
    assert await engine.nonce(OTHER) == 0
    assert await engine.receipt(hashes[0]) is None
    assert (await engine.request("eth_getTransactionByHash", [hashes[0]]))["blockNumber"] is None
    with pytest.raises(RpcError, match="replacement transaction underpriced"):
        await engine.request("eth_sendTransaction", [pay | {"nonce": "0x0", "value": "0x2"}])
    await control.drop(hashes[2])
    await control.mine()
    assert await engine.balance(NOBODY) == 2
    assert (await engine.block()).gas_used == 42_000
    with pytest.raises(RpcError, match="nonce too low"):
        await engine.request("eth_sendTransaction", [pay | {"nonce": "0x0"}])


async def test_snapshots_and_the_clock(engine: Client, token: Deployed) -> None:
    """A snapshot brings back state, blocks and receipts; the clock is set to the second; "pending" is the
    next block."""
    control = NodeControl(engine)
    before, snapshot = await engine.block(), await control.snapshot()
    receipt = await Operator(engine).transact(OWNER, token.call("transfer", OTHER, 7))
    await control.mine_at(GENESIS + 5000)
    await control.set_block_interval(12)
    assert (await engine.block("pending")).at == GENESIS + 5012
    await control.mine()
    assert (await engine.block()).at == GENESIS + 5012
    with pytest.raises(RpcError, match="not after the latest"):
        await control.set_next_timestamp(GENESIS)
    await control.revert(snapshot)
    assert await engine.block() == before
    assert await engine.receipt(receipt.tx_hash) is None
    assert await engine.call(token.read("balanceOf", OTHER)) == 0
    await Operator(engine).transact(OWNER, token.call("transfer", OTHER, 8))
    assert await engine.call(token.read("balanceOf", OTHER)) == 8
    with pytest.raises(RpcError, match="no snapshot"):
        await control.revert(snapshot)


async def test_reads_in_one_request(engine: Client, token: Deployed) -> None:
    """State overrides work, so many reads go in one request, as on a big node."""
    holders = [OWNER, OTHER, NOBODY]
    assert await engine.read_many([token.read("balanceOf", who) for who in holders]) == [1000, 0, 0]


async def test_what_is_not_there_is_said(engine: Client) -> None:
    """Unknown methods, missing keys, bad parameters and broken JSON are answered, and the engine lives on."""
    for method, params, code in (
        ("anvil_impersonateAccount", [NOBODY], -32601),
        ("debug_traceCall", [{}], -32601),
        ("eth_getBalance", [], -32602),
        ("eth_getBalance", ["nonsense"], -32602),
        ("eth_getBlockReceipts", ["latest"], -32601),
        ("eth_sendTransaction", [{"from": NOBODY, "to": OTHER, "gas": "0x5208"}], -32000),
        ("eth_getTransactionCount", [OTHER, "0x99"], -32000),
    ):
        with pytest.raises(RpcError) as caught:
            await engine.request(method, params)
        assert caught.value.code == code, method
    assert await engine.find_block(99) is None
    assert await engine.receipt("0x" + "00" * 32) is None
    assert await engine.block_number() == 0


async def test_fees_and_estimates(engine: Client, token: Deployed) -> None:
    """An estimate is enough and not wasteful; the fee history has one entry more than blocks."""
    call = token.call("transfer", OTHER, 1)
    fields = {"from": OWNER, "to": call.target, "data": f"0x{call.data.hex()}"}
    estimate = int(await engine.request("eth_estimateGas", [fields]), 16)
    used = (await Operator(engine).transact(OWNER, call, gas=estimate)).gas_used
    assert used <= estimate < 2 * used
    history = await engine.request("eth_feeHistory", ["0x2", "latest", [50]])
    assert (len(history["baseFeePerGas"]), len(history["reward"])) == (3, 2)
    head = await engine.block()
    assert int(history["baseFeePerGas"][1], 16) == head.base_fee


async def test_the_deployment_proxy_is_there(engine: Client) -> None:
    """As on anvil: what is deployed by CREATE2 has the addresses of every other chain, and is compared."""
    contract = executor_contract()
    await check_proxy(engine)
    await Operator(engine).transact(OWNER, encode_deploy(contract), gas=8_000_000)
    (found,) = await read_standings(engine, [contract])
    assert (found.presence, found.address) == (Presence.OURS, address_of(contract))


async def test_a_taken_port_is_told(engine: Client) -> None:
    """A port in use is an error that says so."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"127.0.0.1:{port}.*in use"):
            async with PyEvmNode.open(port=port, genesis_at=GENESIS):
                pass


async def test_no_forks() -> None:
    """What the engine cannot do is refused before it starts."""
    with pytest.raises(ConfigError, match="fork_url"):
        async with World.open(WorldOptions(engine="py-evm", fork_url="http://127.0.0.1:1")):
            pass


@pytest.mark.soak
async def test_a_whole_world() -> None:
    """Both protocols deploy, seed, move and restore in this process, with the very addresses and prices that
    anvil gives."""
    async with World.open(WorldOptions(engine="py-evm")) as inside, World.open() as outside:
        assert await inside.deploy() == await outside.deploy()
        snapshot = await inside.snapshot()
        for world in (inside, outside):
            await world.set_price("ETH", Decimal(1700))
        assert await inside.now() == await outside.now()
        base, balance = inside.perp.markets["vETH"].base_token, inside.perp.contracts["AccountBalance"]
        marks = [await read(w, "AccountBalance", balance, "getMarkPrice", base) for w in (inside, outside)]
        assert marks[0] == marks[1]
        await inside.restore(snapshot)
        assert await read(inside, "BaseToken", base, "getIndexPrice", 0) == 2000 * 10**18
        await inside.transact("trader", Call(NOBODY, b"", value=1))
