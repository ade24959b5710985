"""The local signer: where keys come from, and that they go nowhere."""

from __future__ import annotations

import copy
import json
import os
import pickle
import stat
import traceback
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data

from trimtab.errors import SigningError
from trimtab.model.ids import Address
from trimtab.testing.signer_conformance import SignerConformance
from trimtab.tx.envelope import DynamicFeeTx
from trimtab.tx.signers import LocalSigner, MessageSigner, Signer
from trimtab.tx.signers.digests import message_digest, recover

KEY = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
ADDRESS = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
TYPED: dict[str, Any] = {
    "types": {
        "EIP712Domain": [{"name": "name", "type": "string"}, {"name": "chainId", "type": "uint256"}],
        "Order": [{"name": "trader", "type": "address"}, {"name": "size", "type": "int256"}],
    },
    "primaryType": "Order",
    "domain": {"name": "Desk", "chainId": 10},
    "message": {"trader": ADDRESS, "size": -5},
}


@pytest.fixture(scope="module")
def keystore(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("keys") / "key.json"
    file.write_text(json.dumps(Account.encrypt(KEY, "secret", kdf="pbkdf2", iterations=2)))
    file.chmod(0o600)
    return file


@pytest.mark.node
class TestConformance(SignerConformance):
    """The suite that every signer passes."""

    secrets = (KEY.hex(), KEY.hex()[:8])

    @pytest.fixture
    async def signer(self) -> LocalSigner:
        return LocalSigner.from_key(KEY)


async def test_a_message_is_signed_as_wallets_do() -> None:
    """personal_sign (EIP-191): byte for byte what eth-account signs with this key."""
    message = b"0x" + b"ab" * 32
    oracle = Account.sign_message(encode_defunct(primitive=message), KEY).signature
    assert await LocalSigner.from_key(KEY).sign_message(message) == bytes(oracle)


async def test_a_generated_key_is_a_fresh_one() -> None:
    """Two are two, each signs as itself, and neither tells its key."""
    one, other = LocalSigner.generate(), LocalSigner.generate()
    assert one.address != other.address
    for signer in (one, other):
        assert isinstance(signer, MessageSigner)
        assert recover(message_digest(b"hi"), await signer.sign_message(b"hi")) == signer.address
        assert repr(signer) == f"LocalSigner({signer.address})"


def test_the_address_is_that_of_the_key() -> None:
    """Bytes and hex, with or without 0x, give the same account."""
    for signer in (
        LocalSigner.from_key(KEY),
        LocalSigner.from_hex(KEY.hex()),
        LocalSigner.from_hex("0x" + KEY.hex()),
    ):
        assert signer.address == ADDRESS
        assert isinstance(signer, Signer)


def test_a_keystore_opens_with_its_password(keystore: Path) -> None:
    """A file written by eth-account gives the key's account."""
    assert LocalSigner.from_keystore(keystore, "secret").address == ADDRESS


def test_a_wrong_password_is_named_as_such(keystore: Path) -> None:
    """The error says that it is the password, and which file."""
    with pytest.raises(SigningError, match=f"wrong password .*{keystore.name}"):
        LocalSigner.from_keystore(keystore, "wrong")


def test_a_missing_keystore_names_the_path(tmp_path: Path) -> None:
    """The error says which file is not there."""
    with pytest.raises(SigningError, match=r"no keystore at .*nowhere\.json"):
        LocalSigner.from_keystore(tmp_path / "nowhere.json", "secret")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"crypto": {}, "version": 9}', "\x00\x01"])
def test_a_file_that_is_no_keystore_is_refused(tmp_path: Path, content: str) -> None:
    """Empty, truncated and foreign files are a `SigningError`, never a stack trace from a library."""
    file = tmp_path / "key.json"
    file.write_text(content)
    file.chmod(0o600)
    with pytest.raises(SigningError, match=r"key\.json"):
        LocalSigner.from_keystore(file, "secret")


def test_a_keystore_that_others_can_read_is_warned_about(keystore: Path, tmp_path: Path) -> None:
    """The warning has the command that mends it."""
    open_file = tmp_path / "key.json"
    open_file.write_bytes(keystore.read_bytes())
    open_file.chmod(0o644)
    with pytest.warns(UserWarning, match="chmod 600"):
        LocalSigner.from_keystore(open_file, "secret")
    assert stat.S_IMODE(keystore.stat().st_mode) == 0o600


@pytest.mark.parametrize("key", [b"", b"\x01" * 31, b"\x00" * 32, b"\xff" * 32])
def test_a_bad_key_is_refused(key: bytes) -> None:
    """Wrong length, zero, and above the curve's order."""
    with pytest.raises(SigningError):
        LocalSigner.from_key(key)


def test_a_key_that_is_not_hex_is_refused_without_quoting_it() -> None:
    """A typing error in a key does not put the rest of the key into logs."""
    almost = KEY.hex()[:-1] + "x"
    with pytest.raises(SigningError) as caught:
        LocalSigner.from_hex(almost)
    assert almost[:16] not in "".join(traceback.format_exception(caught.value))


def test_a_key_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, as the guide has it; a line break around the key does no harm."""
    monkeypatch.setenv("TRIMTAB_PRIVATE_KEY", "0x" + KEY.hex() + "\n")
    assert LocalSigner.from_hex(os.environ["TRIMTAB_PRIVATE_KEY"]).address == ADDRESS


@pytest.mark.parametrize("bad", [KEY.hex() + "00", KEY.hex()[:-1] + "x", "ff" * 32])
def test_no_variable_of_a_traceback_holds_the_key(bad: str) -> None:
    """Crash reporters that collect local variables find no key, neither in the error nor in its causes."""
    with pytest.raises(SigningError) as caught:
        LocalSigner.from_hex(bad)
    assert bad[:-2] not in variables_of(caught.value)
    assert bad[:-2] not in str(caught.value)


def test_no_variable_of_a_traceback_holds_the_password(keystore: Path) -> None:
    """Nor the password, when it was the wrong one or the file is none."""
    broken = keystore.with_name("broken.json")
    broken.write_text('{"version": 3, "crypto": {}}')
    broken.chmod(0o600)
    for file in (keystore, broken, keystore.with_name("nowhere.json")):
        with pytest.raises(SigningError) as caught:
            LocalSigner.from_keystore(file, "hunter-two")
        assert "hunter-two" not in variables_of(caught.value)


def variables_of(error: BaseException | None) -> str:
    """All local variables in the tracebacks of an error and of what led to it, but the tests' own."""
    found: list[str] = []
    while error is not None:
        trace = error.__traceback__
        while trace is not None:
            if not Path(trace.tb_frame.f_code.co_filename).name.startswith("test_"):
                values = trace.tb_frame.f_locals.values()
                found += [value.hex() if isinstance(value, bytes) else repr(value) for value in values]
            trace = trace.tb_next
        error = error.__cause__ or error.__context__
    return "\n".join(found)


def test_the_key_is_in_no_text_and_no_copy(keystore: Path) -> None:
    """repr, str, dir, errors, pickle and copy give nothing of the key away."""
    signer = LocalSigner.from_keystore(keystore, "secret")
    for text in (repr(signer), str(signer), f"{signer!r:>80}"):
        assert KEY.hex()[:8] not in text
    assert not hasattr(signer, "__dict__")
    for take in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled or copied"):
            take(signer)


async def test_typed_data_is_signed_as_eth_account_signs_it() -> None:
    """EIP-712 signatures equal the oracle's."""
    ours = await LocalSigner.from_key(KEY).sign_typed_data(TYPED)
    oracle = Account.sign_message(encode_typed_data(full_message=TYPED), KEY)
    assert ours == bytes(oracle.signature)


async def test_an_authorization_is_signed_as_eth_account_signs_it() -> None:
    """EIP-7702 delegations equal the oracle's, for one chain and for any."""
    for chain_id, nonce in ((0, 0), (1, 7), (31337, 2**63)):
        ours = await LocalSigner.from_key(KEY).sign_authorization(chain_id, Address(ADDRESS), nonce)
        oracle = Account.sign_authorization({"chainId": chain_id, "address": ADDRESS, "nonce": nonce}, KEY)
        assert (ours.y_parity, ours.r, ours.s) == (oracle.y_parity, oracle.r, oracle.s)


@pytest.mark.parametrize(("chain_id", "nonce"), [(-1, 0), (2**256, 0), (1, -1), (1, 2**64 - 1)])
async def test_an_authorization_out_of_range_is_refused(chain_id: int, nonce: int) -> None:
    """No chain would take it, so nothing is signed."""
    with pytest.raises(SigningError, match="out of range"):
        await LocalSigner.from_key(KEY).sign_authorization(chain_id, Address(ADDRESS), nonce)


async def test_typed_data_that_does_not_encode_is_refused() -> None:
    """A message without types is a `SigningError`, not a KeyError."""
    with pytest.raises(SigningError, match="typed data"):
        await LocalSigner.from_key(KEY).sign_typed_data({"message": {}})


async def test_signing_is_deterministic() -> None:
    """The same fields give the same bytes (RFC 6979): a signature asked for twice is one transaction."""
    fields = DynamicFeeTx(1, 0, 1, 2, 21_000, Address(ADDRESS))
    signer = LocalSigner.from_key(KEY)
    assert await signer.sign_transaction(fields) == signer.sign_nowait(fields)
