"""URLs hold API keys: what may be shown of one."""

from __future__ import annotations

from urllib.parse import urlsplit


def mask_url(url: str) -> str:
    """Scheme, host and port; path, query and user are replaced by *** because keys live there."""
    parts = urlsplit(url)
    if not parts.scheme or not parts.netloc:
        return url if "://" not in url else "***"
    host = parts.netloc.rpartition("@")[2]
    hidden = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    return f"{parts.scheme}://{host}{'/***' if hidden else ''}"
