"""A local Safe Transaction Service, for drills: takes proposals as the real one does, and fails on demand.

It checks what the real one checks (checksummed addresses, the hash that the Safe itself computes, the nonce,
the sender's signature and ownership), by the Safe on the chain and not by our own encoding.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any

from aiohttp import web

from trimtab.chain.address import checksum
from trimtab.chain.client import Client
from trimtab.errors import SigningError, TrimtabError
from trimtab.model.ids import Address
from trimtab.tx.safe.safe_tx import safe_abi
from trimtab.tx.signers.digests import recover

_NUMBERS = ("value", "safeTxGas", "baseGas", "gasPrice", "nonce", "operation")
_NOBODY = "0x" + "00" * 20


class Trouble(StrEnum):
    """What goes wrong with one POST."""

    LOSE_ANSWER = "lose_answer"  # taken, and the connection breaks
    LOSE_REQUEST = "lose_request"  # not taken, and the connection breaks
    BAD_GATEWAY_AFTER = "bad_gateway_after"  # taken, and 502
    BAD_GATEWAY = "bad_gateway"  # not taken, and 502
    SLOW_DOWN = "slow_down"  # not taken, and 429 with Retry-After of a second
    REFUSE = "refuse"  # 422, not taken


class RefusedError(Exception):
    """The service's 422: code and message."""


class LocalSafeService:
    """The proposals of every Safe of one chain. `troubles`: what becomes of the next POSTs; `posts`: all of
    them; `cuts`: called before ("before") and after ("after") each request, True cuts the connection."""

    def __init__(self, client: Client) -> None:
        self.url = ""
        self.proposals: dict[str, dict[str, Any]] = {}
        self.posts: list[dict[str, Any]] = []
        self.troubles: deque[Trouble] = deque()
        self.is_down = False
        self.cuts: Callable[[str], bool] = lambda _moment: False
        self._client = client

    @classmethod
    @asynccontextmanager
    async def open(cls, client: Client, api_key: str | None = None) -> AsyncIterator[LocalSafeService]:
        """Serve on a free port of loopback; with `api_key`, only to who has it."""
        service = cls(client)
        app = web.Application(middlewares=[service._guard(api_key)])
        for version in ("v1", "v2"):
            root = f"/api/{version}"
            app.router.add_post(root + "/safes/{safe}/multisig-transactions/", service._post)
            app.router.add_get(root + "/safes/{safe}/multisig-transactions/", service._list)
            app.router.add_get(root + "/multisig-transactions/{hash}/", service._find)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield service
        finally:
            await runner.cleanup()

    def _guard(self, api_key: str | None) -> Any:
        @web.middleware
        async def guarded(request: web.Request, handler: Any) -> Any:
            if self.is_down or self.cuts("before"):
                _break(request)
            if api_key is not None and request.headers.get("Authorization") != f"Bearer {api_key}":
                return web.json_response({"detail": "Invalid token"}, status=401)
            answer = await handler(request)
            if self.cuts("after"):
                _break(request)
            return answer

        return guarded

    async def _post(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.posts.append(body)
        trouble = self.troubles.popleft() if self.troubles else None
        if trouble is Trouble.REFUSE:
            return _refusal("refused by the drill")
        if trouble is Trouble.SLOW_DOWN:
            return web.Response(status=429, headers={"Retry-After": "1"})
        if trouble is Trouble.LOSE_REQUEST:
            _break(request)
        if trouble is Trouble.BAD_GATEWAY:
            return web.Response(status=502, text="<html>bad gateway</html>")
        try:
            await self._take(request.match_info["safe"], body)
        except RefusedError as error:
            return _refusal(str(error))
        if trouble is Trouble.LOSE_ANSWER:
            _break(request)
        if trouble is Trouble.BAD_GATEWAY_AFTER:
            return web.Response(status=502, text="<html>bad gateway</html>")
        return web.Response(status=201)

    async def _take(self, safe: str, body: Mapping[str, Any]) -> None:
        for name in ("safe", "to", "sender"):
            _check_checksum(str(body.get(name)))
        if body["safe"] != safe:
            raise RefusedError(f"safe {body['safe']} is not that of the path, {safe}")
        account, sender = Address(safe.lower()), Address(str(body["sender"]).lower())
        numbers = {name: int(body[name]) for name in _NUMBERS}
        tokens = [Address(str(body.get(name) or _NOBODY).lower()) for name in ("gasToken", "refundReceiver")]
        arguments = (
            Address(str(body["to"]).lower()),
            numbers["value"],
            bytes.fromhex(str(body.get("data") or "0x")[2:]),
            *(numbers[name] for name in ("operation", "safeTxGas", "baseGas", "gasPrice")),
            *tokens,
            numbers["nonce"],
        )
        await self._check(account, sender, numbers["nonce"], arguments, body)
        named = str(body["contractTransactionHash"])
        kept = self.proposals.setdefault(named, dict(body) | numbers | {"safe": safe, "confirmations": {}})
        kept["confirmations"][sender] = body["signature"]

    async def _check(
        self, safe: Address, sender: Address, nonce: int, arguments: tuple[Any, ...], body: Mapping[str, Any]
    ) -> None:
        abi = safe_abi()
        try:
            digest = await self._client.call(abi.function("getTransactionHash").read(safe, *arguments))
            owners = await self._client.call(abi.function("getOwners").read(safe))
            current = await self._client.call(abi.function("nonce").read(safe))
        except TrimtabError as error:
            raise RefusedError(f"{safe} is not a Safe of this chain: {error}") from error
        named = body["contractTransactionHash"]
        if "0x" + digest.hex() != named:
            raise RefusedError(f"Contract-transaction-hash=0x{digest.hex()} does not match provided {named}")
        if nonce < current:
            raise RefusedError(f"Nonce={nonce} too low for safe={safe}, current nonce={current}")
        if sender not in owners:
            raise RefusedError(f"Sender={sender} is not an owner or delegate. Current owners={owners}")
        try:
            signer = recover(digest, bytes.fromhex(str(body["signature"])[2:]))
        except (SigningError, ValueError) as error:
            raise RefusedError(f"Signature is not valid: {error}") from error
        if signer != sender:
            raise RefusedError(f"Signature of owner={signer} does not match sender={sender}")

    async def _find(self, request: web.Request) -> web.Response:
        found = self.proposals.get(request.match_info["hash"])
        if found is None:
            return web.json_response({"detail": "No MultisigTransaction matches the query."}, status=404)
        return web.json_response(_shown(found))

    async def _list(self, request: web.Request) -> web.Response:
        query, safe = request.query, request.match_info["safe"]
        limit, offset = int(query.get("limit", "100")), int(query.get("offset", "0"))
        least = int(query.get("nonce__gte", "0"))
        current = await self._client.call(safe_abi().function("nonce").read(Address(safe.lower())))
        found = sorted(
            (p for p in self.proposals.values() if p["safe"] == safe and p["nonce"] >= max(least, current)),
            key=lambda proposal: proposal["nonce"],
        )
        page, more = found[offset : offset + limit], len(found) > offset + limit
        return web.json_response(
            {
                "count": len(found),
                "next": f"{self.url}{request.path}?offset={offset + limit}" if more else None,
                "previous": None,
                "results": [_shown(proposal) for proposal in page],
            }
        )


def _shown(proposal: Mapping[str, Any]) -> dict[str, Any]:
    """As the service answers, with its usual delay: nothing is executed yet, whatever the chain says."""
    shown = {key: value for key, value in proposal.items() if key not in ("signature", "sender")}
    confirmations = [{"owner": checksum(o), "signature": s} for o, s in proposal["confirmations"].items()]
    return shown | {
        "safeTxHash": proposal["contractTransactionHash"],
        "proposer": proposal["sender"],
        "isExecuted": False,
        "isSuccessful": None,
        "transactionHash": None,
        "confirmations": confirmations,
    }


def _check_checksum(address: str) -> None:
    if len(address) != 42 or checksum(address) != address:
        raise RefusedError(f"Address {address} is not checksummed")


def _refusal(message: str) -> web.Response:
    return web.json_response({"code": 1, "message": message, "arguments": []}, status=422)


def _break(request: web.Request) -> None:
    """Cut the connection, as a proxy or a crash does."""
    if request.transport is not None:
        request.transport.abort()
    raise ConnectionResetError
