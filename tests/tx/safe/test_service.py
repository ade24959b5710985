"""What is said to a transaction service, and what its answers and silences mean."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from tests.tx.safe.conftest import OWNERS, SHOP, SafeDesk

from trimtab.errors import TransportError
from trimtab.tx.safe.safe_tx import SafeTx, SafeTxHash
from trimtab.tx.safe.service import Posted, SafeService
from trimtab.tx.states import Outcome
from trimtab.world.safe_service import LocalSafeService, Trouble

pytestmark = pytest.mark.node


@pytest.fixture(params=["v1", "v2"])
async def service(safe: SafeDesk, request: pytest.FixtureRequest) -> AsyncIterator[SafeService]:
    """Over both versions of the paths."""
    async with SafeService(safe.service.url, version=request.param, timeout=30.0) as opened:
        yield opened


async def post(service: SafeService, desk: SafeDesk, tx: SafeTx) -> tuple[SafeTxHash, Posted]:
    chain_id, safe = desk.client.chain_id, desk.safe.address
    signature = await OWNERS[0].sign_typed_data(tx.typed_data(chain_id, safe))
    name, sender = tx.hash(chain_id, safe), OWNERS[0].address
    return name, await service.propose(safe, tx, name, sender=sender, signature=signature, origin="test")


async def test_a_proposal_is_taken_and_found(service: SafeService, safe: SafeDesk) -> None:
    """As the documentation has the fields; the same one again changes nothing."""
    tx = SafeTx(SHOP, 2**200, b"\x01", 3)
    name, answer = await post(service, safe, tx)
    assert answer.outcome is Outcome.ACCEPTED
    assert await service.knows(name)
    assert not await service.knows(SafeTxHash("0x" + "00" * 32))
    assert await service.queued_nonces(safe.safe.address, 0) == {3}
    assert (await post(service, safe, tx))[1].outcome is Outcome.ACCEPTED
    assert len(safe.service.proposals) == 1
    assert set(safe.service.posts[0]) == {
        *("safe", "to", "value", "data", "operation", "gasToken", "safeTxGas", "baseGas", "gasPrice"),
        *("refundReceiver", "nonce", "contractTransactionHash", "sender", "signature", "origin"),
    }


async def test_all_pages_of_the_queue_are_read(service: SafeService, safe: SafeDesk) -> None:
    """A hundred and one more proposals than fit on a page."""
    name, _ = await post(service, safe, SafeTx(SHOP, 1, b"", 0))
    kept = safe.service.proposals[name]
    for nonce in range(201):
        other = f"0x{nonce:064x}"
        safe.service.proposals[other] = kept | {"nonce": nonce, "contractTransactionHash": other}
    assert await service.queued_nonces(safe.safe.address, 5) == frozenset(range(5, 201))


async def test_a_refusal_is_definite(service: SafeService, safe: SafeDesk) -> None:
    """A wrong signature, another hash, a stranger: rejected, in the service's words, and not kept."""
    tx, address = SafeTx(SHOP, 1, b"", 0), safe.safe.address
    name = tx.hash(safe.client.chain_id, address)
    signature = await OWNERS[0].sign_typed_data(tx.typed_data(safe.client.chain_id, address))
    for changed, sender, words in (
        (tx, OWNERS[1].address, "does not match sender"),
        (replace(tx, value=2), OWNERS[0].address, "Contract-transaction-hash"),
        (tx, SHOP, "is not an owner"),
    ):
        answer = await service.propose(address, changed, name, sender=sender, signature=signature)
        assert answer.outcome is Outcome.REJECTED
        assert words in answer.message
    assert not await service.knows(name)


@pytest.mark.parametrize("trouble", [t for t in Trouble if t is not Trouble.REFUSE])
async def test_no_answer_is_ambiguous(safe: SafeDesk, trouble: Trouble) -> None:
    """Whether it was taken or not cannot be told by a cut connection or a gateway's page: ask."""
    safe.service.troubles.append(trouble)
    async with SafeService(safe.service.url, timeout=30.0) as service:
        name, answer = await post(service, safe, SafeTx(SHOP, 1, b"", 0))
        assert answer.outcome is Outcome.AMBIGUOUS
        assert await service.knows(name) == (trouble in (Trouble.LOSE_ANSWER, Trouble.BAD_GATEWAY_AFTER))


async def test_a_service_that_is_down_is_told(safe: SafeDesk) -> None:
    """Questions raise, so that nobody takes silence for an empty queue."""
    safe.service.is_down = True
    async with SafeService(safe.service.url, timeout=30.0) as service:
        with pytest.raises(TransportError):
            await service.queued_nonces(safe.safe.address, 0)
        with pytest.raises(TransportError):
            await service.knows(SafeTxHash("0x" + "00" * 32))


async def test_an_api_key_opens_the_door(safe: SafeDesk) -> None:
    """Without it questions raise and proposals are refused; it shows in no message."""
    async with LocalSafeService.open(safe.client, api_key="s3cret") as guarded:
        async with SafeService(guarded.url, api_key="s3cret", timeout=30.0) as service:
            assert await service.queued_nonces(safe.safe.address, 0) == frozenset()
        async with SafeService(guarded.url, api_key="wr0ng", timeout=30.0) as service:
            with pytest.raises(TransportError, match="API key") as caught:
                await service.queued_nonces(safe.safe.address, 0)
            answer = (await post(service, safe, SafeTx(SHOP, 1, b"", 0)))[1]
    assert answer.outcome is Outcome.REJECTED
    assert "wr0ng" not in f"{caught.value}{answer.message}{service.name}"
