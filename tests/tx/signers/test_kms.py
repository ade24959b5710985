"""A key in KMS, on a real server: found, used, refused, slow, gone, and lied about."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.kms.utils import ECDSAPrivateKey
from tests.tx.signers.kms_server import REGION, SECRET, Kms, serve_kms, sign_digest, sign_hashed

from trimtab.errors import ConfigError, SigningError
from trimtab.testing.signer_conformance import TYPED, SignerConformance, dynamic
from trimtab.tx.signers import check_signed
from trimtab.tx.signers.kms import KmsOptions, KmsSigner

pytestmark = pytest.mark.node
ALIAS = "alias/desk"


@pytest.fixture(scope="module")
def server() -> Iterator[Kms]:
    with serve_kms() as served:
        yield served


@pytest.fixture
def kms(server: Kms) -> Kms:
    """The server with one key."""
    server.forget_keys()
    server.make_key(ALIAS)
    return server


@pytest.fixture
async def signer(kms: Kms) -> AsyncIterator[KmsSigner]:
    opened = KmsSigner(kms.client, ALIAS)
    yield opened
    opened.close()


class TestConformance(SignerConformance):
    """The suite that every signer passes."""

    secrets = (SECRET, "AKIDEXAMPLE")

    @pytest.fixture
    async def signer(self, kms: Kms) -> AsyncIterator[KmsSigner]:
        opened = await KmsSigner.open(KmsOptions(ALIAS, REGION, endpoint=kms.url))
        yield opened
        opened.close()


async def test_any_client_of_botocore_will_do(kms: Kms, signer: KmsSigner) -> None:
    """Who has a client with a role, a proxy or a session of his own gives that."""
    opened = await KmsSigner.open(KmsOptions(ALIAS, REGION, endpoint=kms.url))
    assert signer.address == opened.address
    opened.close()


async def test_a_service_that_hashes_again_is_named(
    signer: KmsSigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """moto as it comes ignores MessageType=DIGEST: the error says just that, for all three kinds."""
    monkeypatch.setattr(ECDSAPrivateKey, "sign", sign_hashed)
    for asked in (
        signer.sign_transaction(dynamic(0)),
        signer.sign_typed_data(TYPED),
        signer.sign_authorization(1, signer.address, 0),
    ):
        with pytest.raises(SigningError, match=r"sha256\(digest\).*MessageType=DIGEST"):
            await asked


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        (lambda key, message, algorithm: sign_digest(key, message[::-1], algorithm), "not one of"),
        (lambda key, message, algorithm: b"", "no DER signature"),
        (lambda key, message, algorithm: sign_digest(key, message, algorithm) + b"\x00", "no DER signature"),
        (lambda key, message, algorithm: bytes.fromhex("3006020101020101"), "not one of"),
    ],
)
async def test_a_service_that_lies(
    signer: KmsSigner, monkeypatch: pytest.MonkeyPatch, lie: Any, words: str
) -> None:
    """A signature over something else, none, with more behind it, of nobody: refused before it is used."""
    monkeypatch.setattr(ECDSAPrivateKey, "sign", lie)
    with pytest.raises(SigningError, match=words):
        await signer.sign_transaction(dynamic(0))


async def test_an_alias_that_moves(kms: Kms, signer: KmsSigner) -> None:
    """Pointed to another key, it changes nothing for a signer that is at work."""
    other = kms.make_key("alias/other")
    kms.client.update_alias(AliasName=ALIAS, TargetKeyId=other)
    check_signed(await signer.sign_transaction(dynamic(0)), dynamic(0), signer.address)
    assert KmsSigner(kms.client, ALIAS).address != signer.address


@pytest.mark.parametrize(
    ("spec", "usage", "words"),
    [
        ("ECC_NIST_P256", "SIGN_VERIFY", "is ECC_NIST_P256 for SIGN_VERIFY"),
        ("RSA_2048", "ENCRYPT_DECRYPT", "is RSA_2048 for ENCRYPT_DECRYPT"),
    ],
)
def test_a_key_that_no_chain_takes(kms: Kms, spec: str, usage: str, words: str) -> None:
    """The error says what it is, and what it must be."""
    kms.make_key("alias/other", spec, usage)
    with pytest.raises(SigningError, match=f"{words}.*ECC_SECG_P256K1"):
        KmsSigner(kms.client, "alias/other")


async def test_a_key_that_is_not_there(kms: Kms, signer: KmsSigner) -> None:
    """From the beginning, or no longer: the service's own words, and what to check."""
    with pytest.raises(SigningError, match=r"NotFoundException.*check the key's id, region and account"):
        KmsSigner(kms.client, "alias/none")
    kms.forget_keys()
    with pytest.raises(SigningError, match="NotFoundException"):
        await signer.sign_transaction(dynamic(0))


async def test_a_service_that_is_gone() -> None:
    """A `SigningError` that says so, when it goes and when it was never there."""
    with serve_kms() as served:
        served.make_key("alias/short")
        signer = await KmsSigner.open(KmsOptions("alias/short", REGION, endpoint=served.url))
    with pytest.raises(SigningError, match="could not be asked"):
        await signer.sign_transaction(dynamic(0))
    with pytest.raises(SigningError, match="could not be asked"):
        await KmsSigner.open(KmsOptions("alias/short", REGION, endpoint=served.url))
    signer.close()


async def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install."""
    monkeypatch.setitem(sys.modules, "botocore.config", None)
    with pytest.raises(ConfigError, match=r"pip install 'trimtab\[kms\]'"):
        await KmsSigner.open(KmsOptions(ALIAS, REGION))


async def test_without_credentials(kms: Kms, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody's key is used: the error says that none were found."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with pytest.raises(SigningError, match="Unable to locate credentials"):
        await KmsSigner.open(KmsOptions(ALIAS, REGION, endpoint=kms.url))


@pytest.mark.parametrize(
    "options",
    [
        KmsOptions(ALIAS, REGION, profile="nobody"),
        KmsOptions(ALIAS, REGION, endpoint="no url"),
        KmsOptions(ALIAS, "not a region"),
    ],
)
async def test_bad_settings(options: KmsOptions) -> None:
    """A profile, an endpoint or a region that cannot be is a `ConfigError`, before any request."""
    with pytest.raises(ConfigError, match=ALIAS):
        await KmsSigner.open(options)
