"""The gas limit that a simulation gives, and what comes of a node that answers nonsense."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tx.threads.wire import Wire, says

from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.chain.messages import Reply
from trimtab.chain.transports.base import Request
from trimtab.errors import ConnectionLostError, IntentError, RpcError, SimulationRevertedError
from trimtab.model.ids import Address
from trimtab.tx.envelope import Authorization, DynamicFeeTx
from trimtab.tx.intent import TX_GAS_CAP
from trimtab.tx.signers import LocalSigner
from trimtab.tx.simulate import Found, Simulator, Trial, _cost, with_margin
from trimtab.world.node import AnvilNode


@given(st.integers(21_000, TX_GAS_CAP * 7 // 10))
def test_the_margin_covers_refunds_and_eight_nested_calls(used: int) -> None:
    """Refunds hide up to a fifth of the spending (EIP-3529); eight calls pass on (63/64)^8 of the rest."""
    limit = with_margin(used)
    spent_before_refund = -(-used * 5 // 4)
    assert limit * 63**8 // 64**8 >= spent_before_refund
    assert limit <= used * 1.43 + 1


def test_the_limit_stays_under_the_cap_of_a_transaction() -> None:
    """A use just below the cap gets the cap; above it the call must be split (EIP-7825)."""
    assert with_margin(TX_GAS_CAP) == TX_GAS_CAP
    with pytest.raises(IntentError, match="split it"):
        with_margin(TX_GAS_CAP + 1)


class Odd:
    """A transport to something that knows its chain id, and answers the rest with one and the same result."""

    name = "odd"

    def __init__(self, result: bytes) -> None:
        self._result = result

    async def send(self, method: str, params: bytes, timeout: float) -> Reply:
        return Reply(id=1, result=msgspec.Raw(b'"0x1"' if method == "eth_chainId" else self._result))

    async def send_batch(self, requests: Sequence[Request], timeout: float) -> list[Reply]:
        return [await self.send(method, params, timeout) for method, params in requests]

    async def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("estimates", [False, True])
@pytest.mark.parametrize("data", [b"", b"call"])
@pytest.mark.parametrize("result", [b"null", b'{"a":1}', b"[]", b"7", b'[{"calls":[{"status":"soon"}]}]'])
async def test_an_answer_of_another_shape_is_an_error_of_the_node(
    result: bytes, data: bytes, estimates: bool
) -> None:
    """Whatever the node says, the intent is refused with a typed error: nothing else may break of it."""
    target = Address("0x" + "12" * 20)
    async with Client.open(Odd(result)) as client:
        simulator = Simulator(client, target, estimates=estimates)
        with pytest.raises((RpcError, ConnectionLostError), match=r"expected form|no answer"):
            await simulator.find_gas(Trial(Call(target, data, 0)))


CALL = Call(Address("0x" + "cd" * 20), b"\x01")
SIGNED = Authorization(1, Address("0x" + "cc" * 20), 0, 0, 1, 1)


@pytest.mark.parametrize(
    ("used", "trial", "cost"),
    [
        (50_000, Trial(CALL), 50_000),
        (50_000, Trial(CALL, delegate_to=SIGNED.address), 75_000),  # its own: signed later, so never seen
        (90_000, Trial(CALL, authorizations=(SIGNED, SIGNED)), 90_000),
        (60_000, Trial(CALL, authorizations=(SIGNED, SIGNED)), 110_000),  # less than the list alone costs
    ],
)
def test_authorisations_are_paid_for_though_the_node_did_not_count_them(
    used: int, trial: Trial, cost: int
) -> None:
    """25,000 gas each before anything runs (EIP-7702)."""
    assert _cost(used, trial) == cost


DOOR = Address("0x" + "d0" * 20)
DOOR_CODE = "0x3615600d575f546012575f5ffd5b60015f555b00"
"""Called with nothing it opens for good; called with anything it reverts unless it is open."""
OPEN, ENTER = Trial(Call(DOOR, b""), gas_limit=100_000), Trial(Call(DOOR, b"\x01"))
SIGNER = LocalSigner.from_hex("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")


async def run(client: Client, *trials: Trial) -> list[int]:
    """What they use when they are sent for real, each in a block."""
    used = []
    for nonce, trial in enumerate(trials):
        fields = DynamicFeeTx(31337, nonce, 1, 10**10, 100_000, trial.call.target, 0, trial.call.data)
        raw = SIGNER.sign_nowait(fields).raw
        sent = await client.request("eth_sendRawTransactionSync", ["0x" + raw.hex()])
        receipt = await client.receipt(sent["transactionHash"])
        assert receipt is not None
        assert receipt.status
        used.append(receipt.gas_used)
    return used


@pytest.mark.node
async def test_a_call_is_simulated_behind_what_the_node_does_not_know(anvil: AnvilNode) -> None:
    """What private routes have is in no pool: it runs in front, and the use is that of the chain after it.
    A wanted access list is left out: the node could only make it in front of them."""
    async with Client.open(anvil.url) as client:
        await client.request("anvil_setCode", [DOOR, DOOR_CODE])
        simulator = Simulator(client, SIGNER.address)
        with pytest.raises(SimulationRevertedError):
            await simulator.find_gas(ENTER)
        found = await simulator.find_gas(ENTER, ahead=[OPEN], wants_access_list=True)
        both = await simulator.find_gas_together([ENTER, ENTER], ahead=[OPEN])
        opened, *used = await run(client, OPEN, ENTER, ENTER)
    assert opened > used[0]
    assert found == Found(with_margin(used[0]))
    assert both == [Found(with_margin(gas)) for gas in used]


@pytest.mark.node
@pytest.mark.parametrize("estimates", [False, True])
async def test_a_node_that_cannot_needs_a_gas_limit_for_what_comes_behind(
    anvil: AnvilNode, estimates: bool
) -> None:
    """Without `eth_simulateV1` nothing is guessed: the error asks for the limit, and what has one keeps its
    access list."""

    def off(method: str, params: list[Any]) -> Reply | None:
        return says("Method not found", -32601) if method == "eth_simulateV1" else None

    entries = ((DOOR, (bytes(32),)),)
    given = Trial(ENTER.call, gas_limit=90_000, access_list=entries)
    async with Client.open(Wire(anvil.url, off)) as client:
        await client.request("anvil_setCode", [DOOR, DOOR_CODE])
        simulator = Simulator(client, SIGNER.address, estimates=estimates)
        for _ in range(2):
            with pytest.raises(IntentError, match="after what is in flight") as caught:
                await simulator.find_gas(ENTER, ahead=[OPEN])
            assert caught.value.field == "gas_limit"
        assert await simulator.find_gas(given, ahead=[OPEN]) == Found(90_000, entries)
        with pytest.raises(IntentError, match="after the first step"):
            await simulator.find_gas_together([OPEN, ENTER])
        first, second = await simulator.find_gas_together([Trial(OPEN.call), given])
    assert first.gas_limit > 40_000
    assert second == Found(90_000, entries)


@pytest.mark.node
async def test_a_node_that_is_behind_still_has_its_methods(anvil: AnvilNode) -> None:
    """ "header not found" was taken for a missing method, and every later simulation for less."""
    left = [says("header not found")]

    def once(method: str, params: list[Any]) -> Reply | None:
        return left.pop() if method == "eth_simulateV1" and left else None

    wire = Wire(anvil.url, once)
    async with Client.open(wire) as client:
        simulator = Simulator(client, SIGNER.address)
        with pytest.raises(RpcError, match="header not found"):
            await simulator.find_gas(Trial(Call(DOOR, b"", 1)))
        await simulator.find_gas(Trial(Call(DOOR, b"", 1)))
    assert [method for method, _ in wire.requests].count("eth_simulateV1") == 2
