"""What is tried before it is done, on a real node: signed private bytes run once more before they leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.tx.conftest import REVERTER_CODE, SHOP, Desk, pay

from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.errors import LimitError, RpcError, SimulationRevertedError
from trimtab.model.ids import Address
from trimtab.tx import RoutePolicy, TxIntent, TxPolicy
from trimtab.tx.envelope import Authorization, SetCodeTx, SignedTx, TxFields
from trimtab.tx.lanes import Lane
from trimtab.tx.opening import open_signed
from trimtab.tx.rehearsal import Rehearsal
from trimtab.tx.rehearsing import Rehearser
from trimtab.tx.routes.base import Parcel, Sending, SendResult
from trimtab.tx.states import Outcome
from trimtab.world.recorder import Recorder

pytestmark = pytest.mark.node

TARGET = Address("0x" + "77" * 20)
STOP = "0x00"


class Vault:
    """A relay that takes everything and keeps it."""

    name = "vault"
    lanes = frozenset({Lane.PRIVATE, Lane.BUNDLE})
    endpoints = ("vault",)

    def __init__(self) -> None:
        self.took: list[bytes] = []

    def send(self, parcel: Parcel) -> Sequence[Sending]:
        self.took += parcel.raws
        return [self._answer(len(parcel.raws))]

    async def _answer(self, count: int) -> Sequence[SendResult]:
        return [SendResult("vault", Outcome.ACCEPTED, "")] * count


class LateSigner:
    """While it signs, the world changes: the target begins to revert."""

    def __init__(self, desk: Desk) -> None:
        self.address = desk.signer.address
        self._desk = desk

    async def sign_transaction(self, fields: TxFields) -> SignedTx:
        await self._desk.client.request("anvil_setCode", [TARGET, REVERTER_CODE])
        return await self._desk.signer.sign_transaction(fields)

    async def sign_typed_data(self, message: dict[str, Any]) -> bytes:
        return await self._desk.signer.sign_typed_data(message)

    async def sign_authorization(self, chain_id: int, address: Address, nonce: int) -> Authorization:
        return await self._desk.signer.sign_authorization(chain_id, address, nonce)


@pytest.fixture
async def vault(desk: Desk) -> Vault:
    await desk.client.request("anvil_setCode", [TARGET, STOP])
    return Vault()


def call(key: str) -> TxIntent:
    return TxIntent(key, Call(TARGET, b"\x01\x02"), route=RoutePolicy.private(5))


async def test_bytes_that_would_revert_never_leave(desk: Desk, vault: Vault) -> None:
    """The check passed, and while the signer took its time the state changed: the caller learns the reason,
    no relay has a byte, and the nonce is free."""
    async with desk.sender([vault], signer=LateSigner(desk)) as sender:
        with pytest.raises(SimulationRevertedError, match="would revert in block"):
            await sender.submit(call("a"))
        assert vault.took == []
        assert sender.snapshot().next_nonce == 0


async def test_a_rehearsal_runs_behind_what_is_in_flight(desk: Desk, vault: Vault) -> None:
    """The second private payment is simulated and rehearsed on what the first leaves, which no node knows."""
    async with desk.sender([vault]) as sender:
        first = await sender.submit(pay("a", route=RoutePolicy.private(5)))
        second = await sender.submit(TxIntent("b", Call(SHOP, b"", 2), route=RoutePolicy.private(5)))
        assert len(vault.took) == 2
        found = second.rehearsal
        assert found is not None
        assert (found.is_complete, found.is_ok) == (True, True)
        assert [item.tx.tx_hash for item in found.ahead] == [first.tx_hash]
        assert found.differences is not None
        assert found.differences.native[SHOP] == 2
    async with desk.sender([vault]) as sender:
        again = sender.handle("b")
        assert again.rehearsal is None  # of an earlier life
        kept = await again.read_forecast()
        assert kept is not None
        assert (kept.tx_hash, kept.ok, kept.gas_used) == (second.tx_hash, True, 21_000)


async def test_a_node_that_cannot_tell_stops_nothing(
    desk: Desk, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unknown is not refused: the bytes leave, and the handle says that nobody rehearsed them."""

    async def away(*_: object, **__: object) -> None:
        raise RpcError("the method does not exist", code=-32601)

    monkeypatch.setattr(Rehearser, "rehearse", away)
    async with desk.sender([vault]) as sender:
        handle = await sender.submit(call("a"))
        assert handle.rehearsal is None
        assert len(vault.took) == 1


async def test_public_transactions_and_repetitions_are_not_rehearsed(desk: Desk) -> None:
    """One more round trip is for what nobody else checks: a public one has been simulated."""
    async with desk.sender(policy=TxPolicy(finality_depth=2)) as sender:
        handle = await sender.submit(pay("a"))
        assert handle.rehearsal is None


@pytest.mark.parametrize("way", ["word", "file"])
async def test_what_is_paused_while_it_is_rehearsed_never_leaves(
    desk: Desk, vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Signed, and nobody has it yet: from the pause on no relay gets a byte of it, and its nonce is free."""
    pause_file, real = tmp_path / "pause", Rehearser.rehearse
    async with desk.sender([vault], pause_file=pause_file) as sender:

        async def paused(*args: Any, **more: Any) -> Rehearsal:
            sender.pause("stop") if way == "word" else pause_file.touch()
            return await real(*args, **more)

        monkeypatch.setattr(Rehearser, "rehearse", paused)
        with pytest.raises(LimitError, match="paused"):
            await sender.submit(call("a"))
        assert vault.took == []
        assert sender.snapshot().next_nonce == 0


async def test_a_signed_authorisation_is_not_shown_to_the_public_node(desk: Desk, vault: Vault) -> None:
    """A private transaction that delegates its own account: whoever reads the authorisation could use it by
    itself, so that its bytes leave without the rehearsal that would show it."""
    own = desk.signer.address
    async with Recorder.open(desk.node.url) as recorder, Client.open(recorder.url) as client:
        watched = replace(desk, client=client)
        async with watched.sender([vault]) as sender:
            intent = TxIntent("code", Call(own, b"\x01"), delegate_to=TARGET, route=RoutePolicy.private(5))
            handle = await sender.submit(intent)
            assert handle.rehearsal is None
    fields = open_signed(vault.took[0]).fields
    assert isinstance(fields, SetCodeTx)
    (leave,) = fields.authorizations
    parts = [f"{part:x}".encode() for part in (leave.r, leave.s)]
    assert recorder.requests
    assert not any(part in request.body for request in recorder.requests for part in parts)
