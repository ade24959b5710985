"""A key that stays in its token, on a real SoftHSM: found, used, lost, refused and lied about."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from coincurve import PrivateKey
from pkcs11 import Attribute, ObjectClass
from pkcs11.exceptions import AttributeSensitive
from tests.tx.signers.softhsm import P256, PIN, Token, needs_softhsm
from tests.tx.signers.test_local import variables_of

from trimtab.errors import ConfigError, SigningError
from trimtab.testing.signer_conformance import SignerConformance, dynamic
from trimtab.tx.signers import check_signed
from trimtab.tx.signers.pkcs11 import _LIBRARIES, Pkcs11Options, Pkcs11Signer

pytestmark = [needs_softhsm, pytest.mark.node]


def pin() -> str:
    return PIN


@pytest.fixture
def token() -> Iterator[Token]:
    """A fresh token with a key in it."""
    made = Token.make(f"desk-{secrets.token_hex(6)}")
    made.make_key()
    yield made
    with suppress(AssertionError):  # a test took it away
        made.destroy()


@pytest.fixture
async def signer(token: Token) -> AsyncIterator[Pkcs11Signer]:
    opened = await Pkcs11Signer.open(token.options, pin)
    yield opened
    opened.close()


class TestConformance(SignerConformance):
    """The suite that every signer passes."""

    secrets = (PIN,)

    @pytest.fixture
    async def signer(self, token: Token) -> AsyncIterator[Pkcs11Signer]:
        opened = await Pkcs11Signer.open(token.options, pin)
        yield opened
        opened.close()


def test_the_key_cannot_be_read(token: Token) -> None:
    """The token signs with it and does not give it out, not even to who is logged in."""
    with token.open() as session:
        key = session.get_key(object_class=ObjectClass.PRIVATE_KEY, label="hot")
        assert key[Attribute.SENSITIVE]
        assert not key[Attribute.EXTRACTABLE]
        with pytest.raises(AttributeSensitive):
            key[Attribute.VALUE]


async def test_a_lost_session_is_opened_again(token: Token, signer: Pkcs11Signer) -> None:
    """Each signature after the token restarted is right, by the same key."""
    for nonce in range(3):
        token.lose_sessions()
        check_signed(await signer.sign_transaction(dynamic(nonce)), dynamic(nonce), signer.address)


async def test_two_signers_share_a_token(token: Token) -> None:
    """Two keys of one token, used at once: logging in is the process's, and the later log-out of one hurts
    the other no more than a lost session."""
    token.make_key(label="cold")
    options = token.options
    hot = await Pkcs11Signer.open(options, pin)
    cold = await Pkcs11Signer.open(Pkcs11Options(options.library, options.token, "cold"), pin)
    assert hot.address != cold.address
    signed = await asyncio.gather(*(s.sign_transaction(dynamic(n)) for n in range(8) for s in (hot, cold)))
    for index, one in enumerate(signed):
        check_signed(one, dynamic(index // 2), (hot, cold)[index % 2].address)
    cold.close()
    check_signed(await hot.sign_transaction(dynamic(1)), dynamic(1), hot.address)
    hot.close()


async def test_one_library_under_two_names(token: Token, tmp_path: Path) -> None:
    """A link to the library is the same library: both signers work, by turns."""
    link = tmp_path / "hsm.so"
    link.symlink_to(token.options.library)
    first = await Pkcs11Signer.open(token.options, pin)
    second = await Pkcs11Signer.open(replace(token.options, library=link), pin)
    for one in (first, second, first):
        check_signed(await one.sign_transaction(dynamic(1)), dynamic(1), one.address)
    second.close()
    first.close()


async def test_a_restart_for_one_signer_misleads_no_other(token: Token, signer: Pkcs11Signer) -> None:
    """Handles of before the library was started anew are not used, whatever they mean by then."""
    token.make_key(label="cold")
    other = Token.make(f"late-{secrets.token_hex(6)}")
    with pytest.raises(SigningError, match="no elliptic-curve key pair"):
        await Pkcs11Signer.open(other.options, pin)  # seen only after the library was started anew
    check_signed(await signer.sign_transaction(dynamic(5)), dynamic(5), signer.address)
    other.destroy()


async def test_another_signer_gets_no_session_of_before(token: Token) -> None:
    """After a start of the library its numbers for sessions and keys begin again: the older signer must not
    take the newer one's key for its own."""
    late = Token.make(f"late-{secrets.token_hex(6)}")
    late.make_key()
    token.lose_sessions()
    older = await Pkcs11Signer.open(token.options, pin)
    _LIBRARIES[token.options.library.resolve()].starts += 1
    token.lose_sessions()
    newer = await Pkcs11Signer.open(late.options, pin)
    for one in (older, newer, older):
        check_signed(await one.sign_transaction(dynamic(1)), dynamic(1), one.address)
    newer.close()
    older.close()
    late.destroy()


async def test_a_wrong_pin_is_refused_without_telling_it(token: Token) -> None:
    """The error says which token; no message and no variable of the traceback holds what was tried."""
    with pytest.raises(SigningError, match=f"{token.label}.*refused the PIN") as caught:
        await Pkcs11Signer.open(token.options, lambda: "wrong-" + "pin")
    assert "wrong-pin" not in str(caught.value)
    assert "wrong-pin" not in variables_of(caught.value)


async def test_a_refused_pin_is_not_tried_again(token: Token) -> None:
    """A token locks after a few wrong PINs: when the PIN was changed, the running signer tries once."""
    asked: list[int] = []

    def count() -> str:
        asked.append(1)
        return PIN

    signer = await Pkcs11Signer.open(token.options, count)
    token.change_pin("another-pin")
    for _ in range(3):
        with pytest.raises(SigningError, match="refused the PIN"):
            await signer.sign_transaction(dynamic(0))
    assert len(asked) == 2
    signer.close()


async def test_a_token_that_is_gone(token: Token, signer: Pkcs11Signer, tmp_path: Path) -> None:
    """Each try says that the token is not there; when it comes back with its key, signing goes on."""
    shutil.move(token.folder, tmp_path / "drawer")
    for _ in range(2):
        token.lose_sessions()
        with pytest.raises(SigningError, match=f"no token '{token.label}'"):
            await signer.sign_transaction(dynamic(0))
    shutil.move(tmp_path / "drawer", token.folder)
    check_signed(await signer.sign_transaction(dynamic(0)), dynamic(0), signer.address)


async def test_a_token_that_was_replaced(token: Token, signer: Pkcs11Signer) -> None:
    """The same labels with another key behind them: nothing is signed under the old address."""
    token.destroy()
    again = Token.make(token.label)
    again.make_key()
    with pytest.raises(SigningError, match="another key"):
        await signer.sign_transaction(dynamic(0))


async def test_a_token_that_lies_about_its_key(token: Token) -> None:
    """A public key beside a private one that is not its own: the signature is refused, not sent."""
    token.replace_public_key(PrivateKey.from_int(7).public_key.format(compressed=False))
    signer = await Pkcs11Signer.open(token.options, pin)
    with pytest.raises(SigningError, match="not one of"):
        await signer.sign_transaction(dynamic(0))
    signer.close()


async def test_a_key_that_no_chain_takes(token: Token) -> None:
    """On another curve, missing, or one of two of a name: the error says which and what to do."""
    token.make_key(P256, label="web")
    token.make_key(label="twin")
    token.make_key(label="twin")
    library, name = token.options.library, token.label
    for key, words in (("web", "another curve"), ("none", "no elliptic-curve key"), ("twin", "several keys")):
        with pytest.raises(SigningError, match=words):
            await Pkcs11Signer.open(Pkcs11Options(library, name, key), pin)


async def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install."""
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    with pytest.raises(ConfigError, match=r"pip install 'trimtab\[pkcs11\]'"):
        await Pkcs11Signer.open(Pkcs11Options(Path("none.so"), "desk", "hot"), pin)


async def test_a_library_that_does_not_load(tmp_path: Path) -> None:
    """A wrong path, and a file that is no library."""
    text = tmp_path / "text.so"
    text.write_text("hello")
    for library in (tmp_path / "nowhere.so", text):
        with pytest.raises(SigningError, match="does not load"):
            await Pkcs11Signer.open(Pkcs11Options(library, "desk", "hot"), pin)
