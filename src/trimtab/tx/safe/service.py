"""A Safe Transaction Service, where owners of a Safe exchange proposals: asked and told over HTTP.

What it says about execution is not used: it indexes the chain, late and sometimes wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

from trimtab.chain.address import checksum
from trimtab.errors import ConnectionLostError, RateLimitedError, TransportError
from trimtab.model.ids import Address
from trimtab.net.json_http import Answer, JsonHttp
from trimtab.tx.safe.safe_tx import NOBODY, SafeTx, SafeTxHash
from trimtab.tx.states import Outcome

_PAGE = 100
_PAGES = 20


@dataclass(frozen=True, slots=True)
class Posted:
    """How the service took a proposal; `message` says why not, `retry_after` when it wants to be asked again
    (seconds)."""

    outcome: Outcome
    message: str = ""
    retry_after: float | None = None


class SafeService:
    """One service for one chain, such as https://api.safe.global/tx-service/eth with an `api_key`, or one
    that you run yourself. `version` is of its paths: "v2", or "v1" for an older one. An async context
    manager."""

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        version: Literal["v1", "v2"] = "v2",
        timeout: float = 15.0,
    ) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._http = JsonHttp(url, headers=headers, timeout=timeout)
        self._root = f"/api/{version}"

    @property
    def name(self) -> str:
        return self._http.name

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    async def propose(
        self,
        safe: Address,
        tx: SafeTx,
        safe_tx_hash: SafeTxHash,
        *,
        sender: Address,
        signature: bytes,
        origin: str = "",
    ) -> Posted:
        """Post a proposal once. Never raises for an answer: unknown is `AMBIGUOUS`. The service takes the
        same proposal any number of times."""
        body = {
            "safe": checksum(safe),
            "to": checksum(tx.to),
            "value": str(tx.value),
            "data": "0x" + tx.data.hex() if tx.data else None,
            "operation": int(tx.operation),
            "safeTxGas": str(tx.safe_tx_gas),
            "baseGas": "0",
            "gasPrice": "0",
            "gasToken": NOBODY,
            "refundReceiver": NOBODY,
            "nonce": str(tx.nonce),
            "contractTransactionHash": safe_tx_hash,
            "sender": checksum(sender),
            "signature": "0x" + signature.hex(),
            "origin": origin or None,
        }
        try:
            answer = await self._http.post(self._of_safe(safe), body)
        except RateLimitedError as error:
            return Posted(Outcome.AMBIGUOUS, str(error), error.retry_after)
        except TransportError as error:
            return Posted(Outcome.AMBIGUOUS, str(error))
        if answer.is_ok:
            return Posted(Outcome.ACCEPTED)
        refused = answer.status in (400, 401, 403, 404, 405, 413, 422)
        return Posted(
            Outcome.REJECTED if refused else Outcome.AMBIGUOUS, f"HTTP {answer.status}: {answer.text}"
        )

    async def knows(self, safe_tx_hash: SafeTxHash) -> bool:
        """Whether the service has a proposal. Raises `TransportError` when that is not known."""
        answer = await self._http.read(f"{self._root}/multisig-transactions/{safe_tx_hash}/")
        if answer.status == 404:
            return False
        found = self._content(answer)
        return isinstance(found, dict) and str(found.get("safeTxHash", "")).lower() == safe_tx_hash

    async def queued_nonces(self, safe: Address, least: int) -> frozenset[int]:
        """The nonces, from `least` on, that proposals of anybody wait with. Raises `TransportError`."""
        found: set[int] = set()
        for page in range(_PAGES):
            query = {
                "executed": "false",
                "nonce__gte": str(least),
                "ordering": "nonce",
                "limit": str(_PAGE),
                "offset": str(page * _PAGE),
            }
            content = self._content(await self._http.read(self._of_safe(safe), query))
            found |= self._nonces(content)
            if not content.get("next"):
                return frozenset(nonce for nonce in found if nonce >= least)
        raise ConnectionLostError(
            f"{self.name} lists more than {_PAGE * _PAGES} waiting proposals: give the nonce yourself",
            endpoint=self.name,
        )

    def _of_safe(self, safe: Address) -> str:
        return f"{self._root}/safes/{checksum(safe)}/multisig-transactions/"

    def _content(self, answer: Answer) -> Any:
        if not answer.is_ok:
            raise ConnectionLostError(
                f"{self.name} did not answer the question (HTTP {answer.status}: {answer.text}); check its "
                "URL, its version and the API key",
                endpoint=self.name,
            )
        return answer.content

    def _nonces(self, content: Any) -> set[int]:
        try:
            return {int(item["nonce"]) for item in content["results"]}
        except (KeyError, TypeError, ValueError) as error:
            raise ConnectionLostError(
                f"{self.name} answered something that is no list of proposals", endpoint=self.name
            ) from error
