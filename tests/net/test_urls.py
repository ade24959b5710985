"""What may be shown of a URL."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.net import mask_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://mainnet.infura.io/v3/SECRET", "https://mainnet.infura.io/***"),
        ("wss://eth.example.org/?key=SECRET", "wss://eth.example.org/***"),
        ("https://user:SECRET@node.example.org:8545", "https://node.example.org:8545/***"),
        ("https://node.example.org/#SECRET", "https://node.example.org/***"),
        ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
        ("http://[::1]:8545/", "http://[::1]:8545"),
        ("geth.ipc", "geth.ipc"),
        ("SECRET://", "***"),
    ],
)
def test_path_query_and_user_are_hidden(url: str, shown: str) -> None:
    """Only scheme, host and port are shown."""
    assert mask_url(url) == shown


@given(st.text("abcdef0123456789", min_size=8, max_size=40))
def test_a_key_is_never_shown(key: str) -> None:
    """A key in the path, the query or the user does not come through."""
    secret = f"k{key}"
    for url in (
        f"https://h.example/v2/{secret}",
        f"https://h.example/?a={secret}",
        f"https://{secret}@h.example",
    ):
        assert secret not in mask_url(url)
