"""Structured logs, one event a line, with secrets masked before anything is printed."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

MASK = "***"
SECRET_NAMES = re.compile(
    r"(private_?key|mnemonic|password|passphrase|secret|api_?key|token$|authorization)", re.IGNORECASE
)
_SECRET_VALUES = (
    # A URL's user and password, and a long path or query part: providers put API keys there.
    (re.compile(r"(\w+://)[^/\s@]+@"), rf"\1{MASK}@"),
    (re.compile(r"((?:https?|wss?)://[^\s/]+(?:/[^\s/?]*)*?/)[A-Za-z0-9_-]{20,}"), rf"\1{MASK}"),
    (re.compile(r"([?&][\w-]*(?:key|token|secret)[\w-]*=)[^&\s]+", re.IGNORECASE), rf"\1{MASK}"),
)


def mask_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: values under secret names, and API keys inside URLs, become `***`."""
    for name, value in event.items():
        if SECRET_NAMES.search(name) and value is not None:
            event[name] = MASK
        elif isinstance(value, str):
            event[name] = mask_text(value)
    return event


def mask_text(text: str) -> str:
    """The text with credentials and keys in URLs masked."""
    for pattern, masked in _SECRET_VALUES:
        text = pattern.sub(masked, text)
    return text


def configure_logging(*, level: str = "info", as_json: bool = False, stream: TextIO | None = None) -> None:
    """Send structlog and the standard library's logs through one chain of processors to `stream`."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.format_exc_info,
        mask_secrets,
    ]
    last: Any = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
