"""Carry JSON-RPC to a node and back, whatever the wire."""

from __future__ import annotations

from urllib.parse import urlsplit

from trimtab.chain.transports.base import Transport
from trimtab.errors import ConfigError
from trimtab.net import mask_url


def make_transport(url: str | Transport) -> Transport:
    """The transport for a URL or a path; a transport is taken as it is. Raises `ConfigError`.

    Only the wire that is used is loaded: the libraries behind them are most of a command's start.
    """
    if not isinstance(url, str):
        return url
    scheme = _checked_scheme(url) if "://" in url else ""
    if scheme in ("http", "https"):
        from trimtab.chain.transports.http import HttpTransport

        return HttpTransport(url)
    if scheme in ("ws", "wss"):
        from trimtab.chain.transports.websocket import WebSocketTransport

        return WebSocketTransport(url)
    if not scheme and url:
        from trimtab.chain.transports.ipc import IpcTransport

        return IpcTransport(url)
    raise ConfigError(
        f"{mask_url(url)!r} is not a node: give http(s)://, ws(s):// or the path of an IPC socket"
    )


def _checked_scheme(url: str) -> str:
    """The scheme of a URL that has a host and a valid port; its text may hold a key and is never repeated."""
    try:
        parts = urlsplit(url)
        if parts.hostname and parts.port != 0:
            return parts.scheme.lower()
    except ValueError:  # a port that is no number
        pass
    raise ConfigError("the node's URL has no host, or a port that is none; check it") from None
