"""The gas limit that a simulation gives, and what comes of a node that answers nonsense."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.chain.messages import Reply
from trimtab.chain.transports.base import Request
from trimtab.errors import ConnectionLostError, IntentError, RpcError
from trimtab.model.ids import Address
from trimtab.tx.envelope import Authorization
from trimtab.tx.intent import TX_GAS_CAP
from trimtab.tx.simulate import Simulator, Trial, _cost, with_margin


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
