"""JSON-RPC over WebSocket, by picows: many requests in flight on one connection, and subscriptions."""

from __future__ import annotations

import base64
import socket
import ssl
from contextlib import suppress
from urllib.parse import unquote, urlsplit, urlunsplit

import picows

from trimtab.chain.transports.stream import Connection, Multiplexer, StreamTransport
from trimtab.errors import ConfigError, ConnectionLostError, RpcTimeoutError, TransportError
from trimtab.net import mask_url

_MAX_FRAME = 1 << 28
_PING_AFTER = 10.0
_QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux only
_TEXT = picows.WSMsgType.TEXT
_DATA = (picows.WSMsgType.CONTINUATION, picows.WSMsgType.BINARY)


class _Listener(picows.WSListener):
    """Feeds text messages to the multiplexer, fragments put together."""

    def __init__(self, mux: Multiplexer) -> None:
        super().__init__()
        self._mux = mux
        self._parts: list[bytes] = []
        self._socket: socket.socket | None = None

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        if _QUICK_ACK is not None:
            self._socket = transport.underlying_transport.get_extra_info("socket")

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        kind = frame.msg_type
        if kind == _TEXT or kind in _DATA:
            payload = frame.get_payload_as_bytes()
            if self._parts or not frame.fin:
                self._parts.append(payload)
                if not frame.fin:
                    return
                payload = b"".join(self._parts)
                self._parts = []
            try:
                self._mux.receive(payload)
            except TransportError as error:
                self._mux.lose(str(error))
                transport.disconnect()
                return
            if self._socket is not None and frame.last_in_buffer and self._mux.expects_more:
                self._acknowledge()
        elif kind == picows.WSMsgType.CLOSE:
            transport.send_close()
            transport.disconnect()

    def _acknowledge(self) -> None:
        """Acknowledge at once while more answers are due: nodes that leave Nagle's algorithm on (anvil does)
        hold the next answer until then, and the kernel would let them wait 40 ms."""
        assert self._socket is not None
        assert _QUICK_ACK is not None
        with suppress(OSError):  # the line may just have been cut
            self._socket.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:  # noqa: ARG002 - picows calls it so
        self._mux.lose("the node closed it")


class _WebSocketConnection(Connection):
    def __init__(self, transport: picows.WSTransport) -> None:
        self._transport = transport

    def write(self, payload: bytes) -> None:
        self._transport.send(_TEXT, payload)

    def close(self) -> None:
        self._transport.disconnect()

    async def wait_closed(self) -> None:
        with suppress(picows.WSError, TransportError):  # what broke it is known; nobody is warned of it again
            await self._transport.wait_disconnected()


class WebSocketTransport(StreamTransport):
    """A WebSocket to one URL, which may hold a key and is never shown."""

    def __init__(self, url: str) -> None:
        super().__init__(mask_url(url))
        self._url, self._headers = split_userinfo(url)

    async def _connect(self, mux: Multiplexer, timeout: float) -> Connection:
        try:
            transport, _ = await picows.ws_connect(
                lambda: _Listener(mux),
                self._url,
                max_frame_size=_MAX_FRAME,
                # Before our own deadline: picows closes the socket then, but not when it is cancelled.
                websocket_handshake_timeout=timeout * 0.9,
                extra_headers=self._headers,
                max_redirects=0,  # a redirect would carry the key elsewhere
                enable_auto_ping=True,
                auto_ping_idle_timeout=_PING_AFTER,
                auto_ping_reply_timeout=_PING_AFTER,
            )
        except TimeoutError as error:
            message = f"{self.name} did not finish the WebSocket handshake; is it a WebSocket endpoint?"
            raise RpcTimeoutError(message, endpoint=self.name) from error
        except picows.WSInvalidURL:  # its text is the URL, keys and all
            raise ConfigError(f"{self.name} is not a valid URL; check its host and port") from None
        except picows.WSError as error:
            message = f"{self.name} refused the WebSocket handshake ({type(error).__name__}); check the URL"
            raise ConnectionLostError(message, endpoint=self.name) from None
        except (OSError, ssl.SSLError) as error:
            message = f"{self.name} could not be reached ({type(error).__name__}); is the node up?"
            raise ConnectionLostError(message, endpoint=self.name) from error
        # picows returns a dead transport, without an error, when the node hangs up during the handshake.
        if transport.is_disconnected:
            message = f"{self.name} closed the connection during the WebSocket handshake; is the node up?"
            raise ConnectionLostError(message, endpoint=self.name)
        return _WebSocketConnection(transport)


def split_userinfo(url: str) -> tuple[str, dict[str, str]]:
    """The URL without user and password, and the header that carries them instead."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url, {}
    user, _, host = parts.netloc.rpartition("@")
    token = base64.b64encode(unquote(user).encode()).decode()
    return urlunsplit(parts._replace(netloc=host)), {"Authorization": f"Basic {token}"}
