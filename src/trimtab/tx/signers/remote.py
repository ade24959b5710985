"""A signer whose key is in another machine: blocking libraries run on threads of its own."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor

from trimtab.errors import SigningError, TrimtabError
from trimtab.model.ids import Address
from trimtab.tx.signers.base import DigestSigner
from trimtab.tx.signers.digests import to_recoverable


class RemoteSigner(DigestSigner):
    """Asks for r and s, which is all that tokens and services return; low s and v are found here.

    The threads are its own, so that a token that hangs holds up nothing else in the process. A signature
    whose wait was cancelled is not used; to sign the same digest again is harmless.
    """

    __slots__ = ("_is_closed", "_lane")

    def __init__(self, address: Address, threads: int) -> None:
        self.address = address
        self._is_closed = False
        self._lane = ThreadPoolExecutor(threads, thread_name_prefix="trimtab-signer")

    @abstractmethod
    def _ask(self, digest: bytes) -> tuple[int, int]:
        """r and s over the 32 bytes; may block. Raises `SigningError`."""

    def close(self) -> None:
        """Sign nothing more. Does not wait for what is being signed."""
        self._is_closed = True
        self._lane.shutdown(wait=False, cancel_futures=True)

    async def _sign_digest(self, digest: bytes) -> bytes:
        if self._is_closed:
            raise SigningError(f"{self} is closed: open it again")
        try:
            r, s = await asyncio.get_running_loop().run_in_executor(self._lane, self._ask, digest)
        except TrimtabError:
            raise
        except Exception as error:
            # Whatever a maker's library raises; its text is not shown, since nobody knows what it holds.
            raise SigningError(f"{self} failed with {type(error).__name__}; nothing was signed") from error
        return to_recoverable(digest, r, s, self.address)
