"""web3.py over our transports: the user's contract objects, our connection."""

from __future__ import annotations

from typing import Any

import msgspec

from trimtab.chain.messages import encode
from trimtab.chain.transports.failover import Failover
from trimtab.errors import ConfigError, RpcError


def make_web3(failover: Failover) -> Any:
    """An `AsyncWeb3` whose requests go through the client. Raises `ConfigError` when web3 is missing."""
    try:
        from web3 import AsyncWeb3
        from web3.providers.async_base import AsyncJSONBaseProvider
    except ImportError as error:
        message = "web3 is not installed; run: pip install 'trimtab[web3]'"
        raise ConfigError(message, key="web3") from error

    class TrimtabProvider(AsyncJSONBaseProvider):
        """Makes requests by the client's transports; a node's error goes to web3 as it came."""

        async def make_request(self, method: Any, params: Any) -> Any:
            return await _answer(failover, str(method), params)

        async def make_batch_request(self, requests: list[tuple[Any, Any]]) -> Any:
            wanted = [(str(method), encode(list(params))) for method, params in requests]
            results = await failover.send_batch(wanted)
            for result in results:
                if isinstance(result, Exception) and not isinstance(result, RpcError):
                    raise result
            return [
                _failure(r) if isinstance(r, RpcError) else _success(r)
                for r in results
                if not isinstance(r, Exception) or isinstance(r, RpcError)
            ]

    return AsyncWeb3(TrimtabProvider())


async def _answer(failover: Failover, method: str, params: Any) -> dict[str, Any]:
    try:
        return _success(await failover.send(method, encode(list(params))))
    except RpcError as error:
        return _failure(error)


def _success(result: bytes) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": msgspec.json.decode(result)}


def _failure(error: RpcError) -> dict[str, Any]:
    body = {"code": error.code, "message": error.text, "data": error.data}
    return {"jsonrpc": "2.0", "id": 1, "error": {k: v for k, v in body.items() if v is not None}}
