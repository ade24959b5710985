"""A key elsewhere: a library that blocks holds up nobody, and one that lies is found out."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import pytest
from coincurve import PrivateKey

from trimtab.chain.hashing import keccak256
from trimtab.errors import SigningError
from trimtab.tx.signers.digests import ORDER, public_address
from trimtab.tx.signers.remote import RemoteSigner

KEY = PrivateKey(b"\x07" * 32)
TYPED = {
    "types": {"EIP712Domain": [{"name": "name", "type": "string"}], "A": [{"name": "b", "type": "uint8"}]},
    "primaryType": "A",
    "domain": {"name": "Desk"},
    "message": {"b": 1},
}


class Device(RemoteSigner):
    """A token whose behaviour a test chooses; it always returns the higher s."""

    def __init__(self, before: Callable[[bytes], bytes]) -> None:
        super().__init__(public_address(KEY.public_key), threads=1)
        self._before = before

    def _ask(self, digest: bytes) -> tuple[int, int]:
        signature = KEY.sign_recoverable(self._before(digest), hasher=None)
        return int.from_bytes(signature[:32], "big"), ORDER - int.from_bytes(signature[32:64], "big")


@pytest.fixture
async def gate() -> AsyncIterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


async def test_a_hanging_device_holds_up_no_loop(gate: threading.Event) -> None:
    """The loop turns while the device blocks; who waits may give up, and the next signature is right."""

    def wait(digest: bytes) -> bytes:
        assert gate.wait(60)
        return digest

    device = Device(wait)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await device.sign_typed_data(TYPED)
    gate.set()
    assert len(await device.sign_typed_data(TYPED)) == 65
    device.close()


@pytest.mark.parametrize("lie", [keccak256, lambda digest: bytes(32), lambda digest: digest[::-1]])
async def test_a_lie_is_found(lie: Callable[[bytes], bytes]) -> None:
    """A signature over anything but the digest is refused."""
    device = Device(lie)
    with pytest.raises(SigningError, match="not one of"):
        await device.sign_typed_data(TYPED)
    device.close()


async def test_an_error_of_a_library_is_a_signing_error() -> None:
    """Of any kind: a sender must not end for it. Its text, which may hold anything, is not repeated."""

    def fail(digest: bytes) -> bytes:
        raise RuntimeError("pin 1234 of slot 7")

    device = Device(fail)
    with pytest.raises(SigningError, match="RuntimeError") as caught:
        await device.sign_typed_data(TYPED)
    assert "1234" not in str(caught.value)
    device.close()


async def test_a_closed_signer_signs_no_more() -> None:
    """It says so, instead of waiting for ever."""
    device = Device(bytes)
    device.close()
    with pytest.raises(SigningError, match="closed"):
        await device.sign_typed_data(TYPED)
