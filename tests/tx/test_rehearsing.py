"""What signed bytes are said to do, and what the chain does with the very same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from pytest_asyncio import fixture as async_fixture
from tests.tx.conftest import KEY, REVERTER, REVERTER_CODE
from tests.tx.shop import BOB, GWEI, NOBODY, TELLING, TOKEN, Shop, before, off, through
from tests.tx.threads.wire import Bend, Wire, answer, fail, gives, says

from trimtab.chain.abi import Abi
from trimtab.chain.client import Client
from trimtab.chain.messages import Reply
from trimtab.chain.receipt import Receipt
from trimtab.errors import (
    ConnectionLostError,
    FeeCapExceededError,
    InsufficientFundsError,
    IntentError,
    NonceConflictError,
    RateLimitedError,
    RpcError,
    SimulationRevertedError,
    WrongChainError,
)
from trimtab.model.ids import Address
from trimtab.tx.differences import add_up
from trimtab.tx.envelope import AccessListTx, DynamicFeeTx, LegacyTx, SetCodeTx
from trimtab.tx.opening import open_signed
from trimtab.tx.rehearsal import Method, Rehearsal, RehearsedTx, check_succeeds
from trimtab.tx.rehearsing import Rehearser, ask_of, rehearse
from trimtab.tx.routes.auth import RelayIdentity
from trimtab.tx.routes.relay import Relay as RouteRelay
from trimtab.tx.signers import LocalSigner
from trimtab.world.node import AnvilNode, NodeOptions
from trimtab.world.relay import Relay as WorldRelay
from trimtab.world.world import World, WorldOptions

pytestmark = pytest.mark.node


@async_fixture
async def shop(world: World) -> Shop:
    return await Shop(world).open()


def check_same(items: Sequence[RehearsedTx], receipts: Sequence[Receipt]) -> None:
    for item, receipt in zip(items, receipts, strict=True):
        assert item.tx.tx_hash == receipt.tx_hash
        assert (item.is_ok, item.gas_used) == (receipt.status, receipt.gas_used)
        assert (item.price, item.fee_wei) == (receipt.effective_gas_price, receipt.fee_wei)
        assert item.logs is not None
        said = [(log.address, log.topics, log.data) for log in item.logs]
        assert said == [(log.address, log.topics, log.data) for log in receipt.logs]
        assert [log.log_index for log in item.logs] == list(range(len(said)))


async def check_against_chain(shop: Shop, rehearsal: Rehearsal, raws: list[bytes]) -> list[Receipt]:
    """Mine the same bytes: ends, gas, logs and every balance are what was rehearsed, to the wei."""
    items = (*rehearsal.ahead, *rehearsal.txs)
    everything = add_up(item.differences for item in items if item.differences is not None)
    had = await shop.balances(everything)
    receipts = await shop.mine(raws)
    check_same(items, receipts)
    now = await shop.balances(everything)
    changed = {key: now[key] - had[key] for key in now if now[key] != had[key]}
    expected = dict(everything.native) | dict(everything.tokens)
    assert changed == expected | ({NOBODY: everything.coinbase} if everything.coinbase else {})
    block = await shop.client.block(receipts[0].block)
    target = rehearsal.target
    assert (target.number, target.at, target.base_fee) == (block.number, block.at, block.base_fee)
    burnt = sum(receipt.gas_used for receipt in receipts) * target.base_fee
    assert sum(everything.native.values()) + everything.coinbase == -burnt
    return receipts


@pytest.mark.parametrize("method", TELLING)
async def test_the_chain_does_what_was_rehearsed_to_the_wei(shop: Shop, method: Method) -> None:
    """Every type of transaction, native and wrapped currency and a token, a revert among them, behind two
    that the node does not know: what they do there is what they do in the block."""
    chain, weth, usdc = shop.client.chain_id, shop.weth, shop.usdc
    move = TOKEN.function("transfer")
    ahead = [shop.call(weth, TOKEN.function("deposit").encode(), 10**18), shop.pay(BOB, 1_000_000)]
    n = shop.nonce
    own = await shop.signer.sign_authorization(chain, weth, n + 6)
    fees: dict[str, Any] = {"tip": GWEI, "fee_cap": 30 * GWEI, "gas_limit": 200_000}
    entries = ((usdc, (bytes(32), bytes(31) + b"\x01")),)
    back = TOKEN.function("withdraw").encode(4 * 10**17)
    raws = [
        shop.sign(LegacyTx(chain, n, 20 * GWEI, 200_000, weth, 0, back)),
        shop.sign(AccessListTx(chain, n + 1, 20 * GWEI, 200_000, usdc, 0, move.encode(BOB, 5), entries)),
        shop.sign(DynamicFeeTx(chain, n + 2, to=usdc, data=move.encode(BOB, 10**30), **fees)),
        shop.sign(DynamicFeeTx(chain, n + 3, to=weth, data=move.encode(BOB, 6 * 10**17 - 1), **fees)),
        shop.sign(DynamicFeeTx(chain, n + 4, to=NOBODY, value=11, **fees)),
        shop.sign(SetCodeTx(chain, n + 5, to=BOB, value=7, authorizations=(own,), **fees)),
    ]
    async with through(shop.world, off(*before(method))) as (client, _):
        rehearsal = await rehearse(client, raws, ahead=ahead)
    assert (rehearsal.method, rehearsal.is_complete, rehearsal.is_ok) == (method, True, False)
    assert [item.is_ok for item in rehearsal.txs] == [True, True, False, True, True, True]
    changed = rehearsal.differences
    assert changed is not None
    assert changed.tokens_of(BOB) == {usdc: 5, weth: 6 * 10**17 - 1}
    assert changed.tokens_of(shop.me) == {usdc: -5, weth: -(10**18) + 1}
    assert changed.native[BOB] == 7
    receipts = await check_against_chain(shop, rehearsal, [*ahead, *raws])
    fees_paid = sum(receipt.fee_wei for receipt in receipts[2:])
    assert changed.native[shop.me] == 4 * 10**17 - 7 - 11 - fees_paid


async def test_both_telling_methods_say_the_same(shop: Shop) -> None:
    """The state that a trace leaves is put under the next one: a deposit, a transfer of all of it, and one
    too many, which reverts only behind the other two. A slot that goes to zero is among what changes."""
    deposit = shop.call(shop.weth, TOKEN.function("deposit").encode(), 5)
    held = await shop.client.call(TOKEN.function("balanceOf").read(shop.weth, shop.me))
    raws = [shop.call(shop.weth, TOKEN.function("transfer").encode(BOB, units)) for units in (held + 5, 1)]
    found = []
    for method in TELLING:
        async with through(shop.world, off(*before(method))) as (client, _):
            found.append(await rehearse(client, raws, ahead=[deposit]))
    first, second = found
    assert (first.method, second.method) == tuple(TELLING)
    for one, other in zip((*first.ahead, *first.txs), (*second.ahead, *second.txs), strict=True):
        assert replace(one, revert=None) == replace(other, revert=None)
    assert first.target == second.target
    assert [item.is_ok for item in first.txs] == [True, False]


@pytest.mark.parametrize("method", [*TELLING, Method.CALL])
async def test_a_revert_is_decoded_and_becomes_the_error_of_a_simulation(shop: Shop, method: Method) -> None:
    """The contract's own words, with the raw data, from every method."""
    raw = shop.pay(BOB, 10**30)
    async with through(shop.world, off(*before(method))) as (client, _):
        rehearsal = await rehearse(client, [raw])
    (item,) = rehearsal.txs
    assert rehearsal.method is method
    assert item.revert is not None
    assert "exceeds balance" in item.revert.text
    with pytest.raises(
        SimulationRevertedError, match=r"would revert in block .*exceeds balance.*not sent"
    ) as caught:
        check_succeeds(rehearsal)
    assert caught.value.data == item.returned
    assert caught.value.data[:4].hex() == "08c379a0"


async def test_what_a_custom_error_says_is_read_by_the_clients_own_abis(shop: Shop) -> None:
    """`error_abis` of the client name errors that no standard knows."""
    abi = Abi.parse([{"type": "error", "name": "Sorry", "inputs": [{"name": "code", "type": "uint256"}]}])
    target = Address("0x" + "5e" * 20)
    data = abi.errors["Sorry(uint256)"].selector + (7).to_bytes(32, "big")
    await shop.client.request("anvil_setCode", [target, "0x365f5f37365ffd"])  # reverts with its own calldata
    raw = shop.call(target, data)
    async with through(shop.world, error_abis=(abi,)) as (client, _):
        rehearsal = await rehearse(client, [raw])
    revert = rehearsal.txs[0].revert
    assert revert is not None
    assert (revert.name, revert.args) == ("Sorry", {"code": 7})
    with pytest.raises(SimulationRevertedError) as caught:
        check_succeeds(rehearsal)
    assert (caught.value.reason, caught.value.args_by_name) == ("Sorry", {"code": 7})


async def test_what_the_node_does_not_have_is_asked_for_once(shop: Shop) -> None:
    """The first answer teaches; later rehearsals go straight to what there is."""
    raws = [shop.pay(BOB, 1)]
    async with through(shop.world, off(Method.SIMULATE_V1)) as (client, wire):
        rehearser = Rehearser(client)
        found = [await rehearser.rehearse(raws) for _ in range(3)]
        asked = [method for method, _ in wire.requests]
    assert {rehearsal.method for rehearsal in found} == {Method.TRACE_CALL}
    assert asked.count(Method.SIMULATE_V1) == 1
    assert asked.count(Method.TRACE_CALL) == 6


async def test_a_node_that_is_behind_is_not_one_without_the_method(shop: Shop) -> None:
    """ "header not found" is an error of this once: the next rehearsal asks again."""
    raws = [shop.pay(BOB, 1)]
    bend = answer_once(Method.SIMULATE_V1, says("header not found"))
    async with through(shop.world, bend) as (client, _):
        rehearser = Rehearser(client)
        with pytest.raises(RpcError, match="header not found"):
            await rehearser.rehearse(raws)
        assert (await rehearser.rehearse(raws)).method is Method.SIMULATE_V1


def answer_once(method: str, reply: Reply) -> Bend:
    left = [reply]

    def bend(asked: str, params: list[Any]) -> Reply | None:
        return left.pop() if asked == method and left else None

    return bend


async def test_eth_call_alone_says_what_it_does_not_count(shop: Shop) -> None:
    """Without logs, gas and what is ahead: those are unknown, and the rehearsal says that it is not whole."""
    ahead, raws = [shop.pay(BOB, 1)], [shop.pay(BOB, 2)]
    async with through(shop.world, off(Method.SIMULATE_V1, Method.TRACE_CALL)) as (client, _):
        behind = await rehearse(client, raws, ahead=ahead)
        alone = await rehearse(client, raws[:1], block=await client.block_number())
    (item,) = behind.txs
    assert (behind.method, behind.is_complete, behind.is_ok) == (Method.CALL, False, True)
    assert behind.unseen == ("eth_call ran each transaction alone",)
    assert (item.gas_used, item.logs, item.differences, behind.differences) == (None,) * 4
    assert alone.unseen == ("nonce " + str(shop.nonce - 2) + " is missing",)


async def test_eth_call_without_block_overrides_runs_in_the_block_before(shop: Shop) -> None:
    """An older node refuses the fourth parameter: it is left out, and that is said."""
    raws = [shop.pay(BOB, 2)]

    def bend(method: str, params: list[Any]) -> Reply | None:
        is_refused = method == "eth_call" and len(params) > 2
        return says("too many arguments, want at most 3", -32602) if is_refused else None

    async with through(shop.world, off(Method.SIMULATE_V1, Method.TRACE_CALL), bend) as (client, wire):
        rehearser = Rehearser(client)
        found = [await rehearser.rehearse(raws) for _ in range(2)]
        calls = [params for method, params in wire.requests if method == "eth_call"]
    assert {rehearsal.unseen for rehearsal in found} == {
        ("eth_call ran in the block before, not in the target",)
    }
    assert [len(params) for params in calls] == [4, 2, 2]


async def test_a_node_with_nothing_is_told_by_name(shop: Shop) -> None:
    """The error lists what was tried."""
    raws = [shop.pay(BOB, 2)]
    async with through(shop.world, off(*Method)) as (client, _):
        with pytest.raises(RpcError, match=r"none of eth_simulateV1, .*eth_call"):
            await rehearse(client, raws)


async def test_nonces_that_nobody_gave_are_said_to_be_missing(shop: Shop) -> None:
    """The bytes are rehearsed all the same, on what is known: the rest may be in flight from elsewhere."""
    ahead = [shop.pay(BOB, 1, skip=1)]
    raws = [shop.pay(BOB, 2, skip=2)]
    first = shop.nonce - 5
    far = shop.pay(BOB, 1, skip=2**64 - 10)
    for method in TELLING:
        async with through(shop.world, off(*before(method))) as (client, _):
            rehearsal = await rehearse(client, raws, ahead=ahead)
        assert (rehearsal.is_ok, rehearsal.is_complete) == (True, False)
        assert rehearsal.unseen == (
            f"nonce {first} is missing",
            f"nonces {first + 2} to {first + 3} are missing",
        )
    async with through(shop.world, off(*before(Method.CALL))) as (client, _):
        (words,) = (await rehearse(client, [far])).unseen
    assert words.startswith(f"nonces {first} to 184467440737")


async def test_what_is_ahead_and_pays_too_little_is_said_to_wait(shop: Shop) -> None:
    """It will be replaced at a better price; until then nothing is certain of what comes behind it."""
    ahead = [shop.pay(BOB, 1, fee_cap=1, tip=1)]
    raws = [shop.pay(BOB, 2)]
    rehearsal = await rehearse(shop.client, raws, ahead=ahead)
    assert rehearsal.is_ok
    assert rehearsal.unseen == (f"nonce {shop.nonce - 2} pays too little for this block",)


async def test_what_is_in_the_chain_already_is_not_run_again(shop: Shop) -> None:
    """Bytes ahead that were mined meanwhile are part of the state: they are left out."""
    ahead = [shop.pay(BOB, 3), shop.pay(BOB, 4)]
    raws = [shop.pay(BOB, 5)]
    await shop.mine(ahead[:1])
    rehearsal = await rehearse(shop.client, raws, ahead=ahead)
    assert [item.tx.raw for item in rehearsal.ahead] == ahead[1:]
    await check_against_chain(shop, rehearsal, [*ahead[1:], *raws])


async def test_the_block_may_be_an_earlier_one(shop: Shop) -> None:
    """A number pins the state: the bytes are run behind that block, though the chain went on."""
    raws = [shop.pay(BOB, 5)]
    head = await shop.client.block()
    (receipt,) = await shop.mine(raws)
    with pytest.raises(NonceConflictError):
        await rehearse(shop.client, raws)
    rehearsal = await rehearse(shop.client, raws, block=head.number)
    assert rehearsal.target.number == receipt.block
    check_same(rehearsal.txs, [receipt])


async def test_bytes_that_no_block_could_hold_are_typed_errors(shop: Shop) -> None:
    """Used and repeated nonces, too low a fee cap, more than the account has, another chain, no bytes."""
    used = shop.pay(BOB, 1)
    await shop.mine([used])
    poor, twice = shop.pay(BOB, 1, fee_cap=1, tip=1), shop.pay(BOB, 2, skip=-1)
    rich = shop.call(BOB, value=10**30, skip=-1)
    other = shop.sign(DynamicFeeTx(5, shop.nonce, GWEI, GWEI, 21_000, BOB))

    async def refuses(error: type[Exception], words: str, raws: list[bytes], *ahead: bytes) -> None:
        with pytest.raises(error, match=words):
            await rehearse(shop.client, raws, ahead=ahead)

    await refuses(NonceConflictError, "is used", [used])
    await refuses(NonceConflictError, "what was replaced", [twice], twice)
    await refuses(FeeCapExceededError, "pays at most 1 wei", [poor])
    await refuses(InsufficientFundsError, "fund the account", [rich])
    await refuses(WrongChainError, "signed for chain 5", [other])
    await refuses(IntentError, "at least one", [])
    await refuses(IntentError, "no signed transaction", [b"\x02nonsense"])
    async with through(shop.world, off(Method.SIMULATE_V1)) as (client, _):
        with pytest.raises(InsufficientFundsError, match="fund the account"):
            await rehearse(client, [rich])
    with pytest.raises(RpcError, match="99999"):
        await rehearse(shop.client, [twice], block=99_999)


async def test_a_block_that_comes_between_two_questions_is_noticed(shop: Shop) -> None:
    """The fees are those of the block after the header's: if they are another's, both are asked again."""
    raws = [shop.pay(BOB, 5)]
    stale = {"oldestBlock": "0x1", "baseFeePerGas": ["0x1", "0x1"], "gasUsedRatio": [0.5]}
    once = gives(stale)
    async with through(shop.world, answer_once("eth_feeHistory", once)) as (client, wire):
        rehearsal = await rehearse(client, raws)
        heads = [params[0] for method, params in wire.requests if method == "eth_getBlockByNumber"]
        wire.bends = [answer("eth_feeHistory", lambda params: stale)]
        with pytest.raises(RpcError, match="fees of block 0x1"):
            await rehearse(client, raws)
    parent = rehearsal.target.parent
    assert heads == ["latest", hex(parent), hex(parent + 1)]
    await check_against_chain(shop, rehearsal, raws)


async def test_a_node_that_ran_another_block_is_told_apart(shop: Shop) -> None:
    """Some nodes ignore what they do not know: the block that they say they ran is compared."""
    raws = [shop.pay(BOB, 5)]
    head = await shop.client.block()

    async def bend(method: str, params: list[Any]) -> Reply | None:
        if method != Method.SIMULATE_V1:
            return None
        del params[0]["blockStateCalls"][0]["blockOverrides"]
        return gives(await shop.client.request(method, params))

    async with through(shop.world, bend) as (client, _):
        rehearsal = await rehearse(client, raws)
    assert not rehearsal.is_complete
    assert f"not at ({head.number + 1}, {head.at + 1}, " in rehearsal.unseen[0]


@pytest.mark.parametrize("error", [ConnectionLostError("gone"), RateLimitedError("slower", retry_after=1.0)])
async def test_a_node_that_fails_is_not_one_without_the_method(shop: Shop, error: Exception) -> None:
    """Transport errors are the caller's to retry: nothing less telling is tried instead."""
    raws = [shop.pay(BOB, 5)]
    bend = fail(error, times=9, method=Method.SIMULATE_V1)
    async with through(shop.world, bend, timeout=0.5, max_attempts=1) as (client, wire):
        with pytest.raises(type(error)):
            await rehearse(client, raws)
        assert Method.TRACE_CALL not in [method for method, _ in wire.requests]


async def test_a_relay_is_asked_after_the_node_and_before_traces(shop: Shop) -> None:
    """`eth_callBundle` gets the exact bytes, those ahead first, for the target on its parent's state."""
    ahead, raws = [shop.pay(BOB, 1)], [shop.pay(BOB, 2), shop.pay(BOB, 10**30)]
    seen: list[Any] = []

    async def relay(method: str, params: Sequence[Any]) -> Any:
        seen.append((method, params[0]))
        return bundle_answer(params[0]["txs"])

    async with through(shop.world, off(Method.SIMULATE_V1)) as (client, _):
        rehearsal = await Rehearser(client, relay=relay).rehearse(raws, ahead=ahead)
    target = rehearsal.target
    assert seen == [
        (
            "eth_callBundle",
            {
                "txs": ["0x" + raw.hex() for raw in (*ahead, *raws)],
                "blockNumber": hex(target.number),
                "stateBlockNumber": hex(target.parent),
                "timestamp": target.at,
            },
        )
    ]
    assert (rehearsal.method, rehearsal.is_complete) == (Method.CALL_BUNDLE, True)
    assert [(item.is_ok, item.gas_used) for item in rehearsal.txs] == [(True, 50_001), (False, 50_002)]
    revert = rehearsal.txs[1].revert
    assert revert is not None
    assert "no such funds" in revert.text
    assert (rehearsal.txs[0].logs, rehearsal.differences) == (None, None)


def bundle_answer(txs: Sequence[str]) -> dict[str, Any]:
    """As docs.flashbots.net shows it."""
    results: list[dict[str, Any]] = [
        {
            "txHash": open_signed(bytes.fromhex(raw[2:])).tx_hash,
            "gasUsed": 50_000 + place,
            "coinbaseDiff": "100",
            "value": "0x",
        }
        for place, raw in enumerate(txs)
    ]
    results[-1] |= {"error": "execution reverted", "revert": "no such funds"}
    return {
        "bundleHash": "0x" + "11" * 32,
        "coinbaseDiff": "300",
        "results": results,
        "totalGasUsed": 150_003,
    }


async def test_the_genuine_relay_says_what_the_node_says() -> None:
    """A relay that makes blocks simulates the same bytes: ends, gas and revert data are the node's. Asked by
    a signed request; without the node's own methods it is the one that is asked."""
    signer = LocalSigner.from_hex(KEY)
    async with (
        AnvilNode.open(NodeOptions(order="fifo")) as node,
        WorldRelay.open(node) as site,
        Client.open(node.url) as client,
    ):
        await client.request("anvil_setCode", [REVERTER, REVERTER_CODE])
        fees: dict[str, Any] = {"tip": GWEI, "fee_cap": 9 * GWEI, "gas_limit": 90_000}
        sent = [DynamicFeeTx(31337, n, to=BOB, value=n + 1, **fees) for n in (0, 1)]
        sent.append(DynamicFeeTx(31337, 2, to=REVERTER, data=b"\x12\x34\x56\x78", **fees))
        ahead, *raws = [signer.sign_nowait(fields).raw for fields in sent]
        relay = RouteRelay("site", site.url, RelayIdentity.generate())
        try:
            async with Client.open(Wire(node.url, off(Method.SIMULATE_V1))) as poor:
                told = await Rehearser(poor, relay=ask_of(relay)).rehearse(raws, ahead=[ahead])
        finally:
            await relay.close()
        known = await rehearse(client, raws, ahead=[ahead])
    assert (told.method, known.method) == (Method.CALL_BUNDLE, Method.SIMULATE_V1)
    ends = [
        [(item.is_ok, item.gas_used, item.price) for item in (*one.ahead, *one.txs)] for one in (told, known)
    ]
    assert ends[0] == ends[1]
    assert told.txs[1].returned == known.txs[1].returned == b"\x12\x34\x56\x78"


async def test_a_relay_that_is_away_is_passed_over_and_asked_again(shop: Shop) -> None:
    """Nothing listens at its address: traces tell instead, and it is not written off. What it refuses in so
    many words is an error."""
    raws = [shop.pay(BOB, 2)]
    relay = RouteRelay("gone", "http://127.0.0.1:1")
    away = ask_of(relay)
    asked: list[str] = []

    async def counted(method: str, params: Sequence[Any]) -> Any:
        asked.append(method)
        return await away(method, params)

    async def refused(method: str, params: Sequence[Any]) -> Any:
        raise RpcError("bundle is too late", code=-32000)

    async with through(shop.world, off(Method.SIMULATE_V1)) as (client, _):
        rehearser = Rehearser(client, relay=counted)
        found = [await rehearser.rehearse(raws) for _ in range(2)]
        with pytest.raises(RpcError, match="too late"):
            await Rehearser(client, relay=refused).rehearse(raws)
    await relay.close()
    assert {rehearsal.method for rehearsal in found} == {Method.TRACE_CALL}
    assert asked == ["eth_callBundle"] * 2


async def test_a_bundle_with_a_gap_is_not_put_to_a_relay(shop: Shop) -> None:
    """It would refuse it, and have seen the bytes for nothing."""
    raws = [shop.pay(BOB, 2, skip=1)]

    async def never(method: str, params: Sequence[Any]) -> Any:
        raise AssertionError("the relay was asked")

    async with through(shop.world, off(Method.SIMULATE_V1)) as (client, _):
        rehearsal = await Rehearser(client, relay=never).rehearse(raws)
    assert (rehearsal.method, rehearsal.is_complete) == (Method.TRACE_CALL, False)


async def test_a_node_of_another_kind_tells_what_it_can() -> None:
    """py-evm has neither simulations nor traces nor block overrides: a payment passes, and says in which
    block it did."""
    async with World.open(WorldOptions(engine="py-evm")) as world:
        client, account = world.client, world.accounts["alice"]
        fields = DynamicFeeTx(client.chain_id, 0, GWEI, 9 * GWEI, 30_000, BOB, 5)
        raw = LocalSigner.from_key(account.key).sign_nowait(fields).raw
        rehearsal = await rehearse(client, [raw])
    assert (rehearsal.method, rehearsal.is_ok) == (Method.CALL, True)
    assert rehearsal.unseen == ("eth_call ran in the block before, not in the target",)
