"""A server on loopback: where it listens, and a port that is taken."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from aiohttp import web

from trimtab.errors import ConfigError
from trimtab.world.relay.serving import serving


async def test_port_is_free_or_said_to_be_taken() -> None:
    """0 takes a free port; a taken one, and one that is none, is named in the error; who waits is let go at
    the end."""
    closed: list[bool] = []
    for none in (-1, 65_536):
        with pytest.raises(ConfigError, match=f"port {none} cannot be used"):
            async with serving(web.Application(), none, lambda: closed.append(False)):
                pass
    closed.clear()
    async with serving(web.Application(), 0, lambda: closed.append(True)) as url:
        port = urlsplit(url).port or 0
        with pytest.raises(ConfigError, match=f"port {port} cannot be used"):
            async with serving(web.Application(), port, lambda: closed.append(False)):
                pass
    assert closed == [False, True]
