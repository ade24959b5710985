"""A real KMS server on loopback: moto's, made to sign the digest that it is given, as AWS does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import botocore.session
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from moto.kms.models import kms_backends
from moto.kms.utils import ECDSAPrivateKey
from moto.server import ThreadedMotoServer

REGION = "eu-central-1"
SECRET = "c2VjcmV0LWFjY2Vzcy1rZXk"


_moto_signs = ECDSAPrivateKey.sign


def sign_hashed(key: Any, message: bytes, signing_algorithm: str) -> bytes:
    """moto as it comes."""
    return bytes(_moto_signs(key, message, signing_algorithm))


def sign_digest(key: Any, message: bytes, signing_algorithm: str) -> bytes:
    """What `MessageType=DIGEST` means; moto ignores it, and hashes the digest once more."""
    return bytes(key.private_key.sign(message, ec.ECDSA(Prehashed(SHA256()))))


@dataclass(frozen=True)
class Kms:
    """The server, and a client of it."""

    url: str
    client: Any

    def make_key(self, alias: str, spec: str = "ECC_SECG_P256K1", usage: str = "SIGN_VERIFY") -> str:
        """A fresh key's id, with an alias that points to it."""
        key = self.client.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeyId"]
        self.client.create_alias(AliasName=alias, TargetKeyId=key)
        return str(key)

    def forget_keys(self) -> None:
        """Every key is gone, as after a deletion."""
        kms_backends.reset()


@contextmanager
def serve_kms() -> Iterator[Kms]:
    """A server that signs digests, with credentials for it in the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ECDSAPrivateKey, "sign", sign_digest)
        for name, value in (("ACCESS_KEY_ID", "AKIDEXAMPLE"), ("SECRET_ACCESS_KEY", SECRET)):
            patch.setenv(f"AWS_{name}", value)
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        try:
            host, port = server.get_host_and_port()
            url = f"http://{host}:{port}"
            session = botocore.session.Session()
            yield Kms(url, session.create_client("kms", region_name=REGION, endpoint_url=url))
        finally:
            server.stop()
