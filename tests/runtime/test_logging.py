"""Logs are structured, and show no secret."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from trimtab.runtime.logging import configure_logging, mask_text


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure_logging(level="debug", as_json=True, stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_both_kinds_of_logger_write_one_json_line_each(log: io.StringIO) -> None:
    """structlog's and the standard library's events have the same form: event, level, logger, time."""
    structlog.get_logger("ours").info("sent", nonce=7)
    logging.getLogger("theirs").warning("lost %s", "it")
    ours, theirs = map(json.loads, log.getvalue().splitlines())
    assert (ours["event"], ours["nonce"], ours["level"], ours["logger"]) == ("sent", 7, "info", "ours")
    assert (theirs["event"], theirs["level"], theirs["logger"]) == ("lost it", "warning", "theirs")
    assert ours["timestamp"].endswith("Z")


@pytest.mark.parametrize("name", ["private_key", "PRIVATE_KEY", "password", "api_key", "mnemonic", "secret"])
def test_values_under_secret_names_are_masked(log: io.StringIO, name: str) -> None:
    """Whatever the value is, its name is enough."""
    structlog.get_logger().info("opened", **{name: "0xac0974bec39a17e3"})
    assert "ac0974be" not in log.getvalue()
    assert json.loads(log.getvalue())[name] == "***"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("https://eth.example/v2/AbCdEf0123456789AbCdEf01", "https://eth.example/v2/***"),
        ("wss://user:hunter2@node.example/ws", "wss://***@node.example/ws"),
        ("https://node.example/?apikey=12345&x=1", "https://node.example/?apikey=***&x=1"),
        ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
        ("0xfb6228ce155670a69ce6487b18cdff2b98", "0xfb6228ce155670a69ce6487b18cdff2b98"),
    ],
)
def test_keys_inside_urls_are_masked(text: str, masked: str) -> None:
    """Providers put API keys into paths, credentials and queries; hosts and hashes stay readable."""
    assert mask_text(text) == masked
    assert mask_text(f"lost {text} again") == f"lost {masked} again"


def test_exceptions_are_masked_too(log: io.StringIO) -> None:
    """A key in an exception's message does not come out through its stack trace."""
    error = ValueError("cannot reach https://eth.example/v2/AbCdEf0123456789AbCdEf01")
    logging.getLogger("net").error("failed", exc_info=error)
    assert "AbCdEf0123456789" not in log.getvalue()
    assert "cannot reach" in log.getvalue()
