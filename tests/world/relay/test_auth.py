"""Who signed a body: golden vectors by the official library, and everything that is refused."""

from __future__ import annotations

import pytest
from tests.world.relay.conftest import OTHER, SEARCHER, sign_body

from trimtab.world.relay.auth import check_signature
from trimtab.world.relay.requests import INVALID_REQUEST, RefusedError

BODY = b'{"jsonrpc":"2.0","id":1,"method":"eth_sendBundle","params":[{}]}'


def test_signature_of_another_library_is_known() -> None:
    """eth-account's signature over the hex text of the body's hash names its key, in any case of letters."""
    header = sign_body(BODY)
    assert check_signature(header, BODY) == SEARCHER.address.lower()
    assert check_signature(header.lower(), BODY) == SEARCHER.address.lower()


@pytest.mark.parametrize(
    ("address", "signature"),
    [
        (
            "0x4bE0Cd2553356b4ABb8b6a1882325dAbC8d3013D",
            (
                "bf36915334f8fa93894cd54d491c31a89dbf917e9a4402b2779b73d21ecf46e3"
                "6ff07db2bef6d10e92c99a02c1c5ea700b0b674dfa5d3ce9220822a7ebcc17101b"
            ),
        ),
        (
            "0x2485Aaa7C5453e04658378358f5E028150Dc7606",
            (
                "ff2aa92eb8d8c2ca04f1755a4ddbff4bda6a5c9cefc8b706d5d8a21d3aa6fe7a"
                "20d3ec062fb5a4c1656fd2c14a8b33ca378b830d9b6168589bfee658e83745cc1b"
            ),
        ),
        (
            "0x96216849c49358B10257cb55b28eA603c874b05E",
            (
                "1446053488f02d460c012c84c4091cd5054d98c6cfca01b65f6c1a72773e80e6"
                "0b8a4931aeee7ed18ce3adb45b2107e8c59e25556c1f871a8334e30e5bddbed21c"
            ),
        ),
    ],
    ids=["MetaMask", "cast", "ethers"],
)
def test_golden_vectors(address: str, signature: str) -> None:
    """The vectors of github.com/flashbots/go-utils (signature_test.go), by three wallets, over "Hello"."""
    assert check_signature(f"{address}:0x{signature}", b"Hello") == address.lower()


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (None, "no signature provided"),
        ("", "no signature provided"),
        ("0xdead", "missing separator"),
        (f"{SEARCHER.address}:dead", "without 0x"),
        (f"{SEARCHER.address}:0xzz", "invalid signature"),
        (f"{SEARCHER.address}:0x{'00' * 65}", "invalid signature"),
        (f"{SEARCHER.address}:0x{'00' * 64}", "invalid signature"),
        (sign_body(BODY).replace(SEARCHER.address, OTHER.address), "address mismatch"),
        (sign_body(BODY + b" "), "address mismatch"),
    ],
)
def test_others_are_refused(header: str | None, words: str) -> None:
    """No header, no separator, no hex, no signature, another's address, other bytes than those that came."""
    with pytest.raises(RefusedError, match=words) as caught:
        check_signature(header, BODY)
    assert caught.value.code == INVALID_REQUEST
