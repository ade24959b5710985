"""A key in AWS KMS: signs over the network, and the key never leaves.

Needs the extra `trimtab[kms]`. Credentials are AWS's own business: environment, profile, or the role of the
machine; the key's policy must allow kms:GetPublicKey and kms:Sign.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from trimtab.errors import ConfigError, SigningError
from trimtab.tx.signers.der import parse_public_key, parse_signature
from trimtab.tx.signers.digests import public_address
from trimtab.tx.signers.remote import RemoteSigner

_ALGORITHM = "ECDSA_SHA_256"
_CURVE = "ECC_SECG_P256K1"
_AT_ONCE = 8
_CONNECT_SECONDS = 3
_READ_SECONDS = 5
_ATTEMPTS = 3
_ADVICE = {
    "AccessDeniedException": "allow kms:GetPublicKey and kms:Sign in the key's policy",
    "NotFoundException": "check the key's id, region and account",
    "DisabledException": "enable the key",
    "KMSInvalidStateException": "the key is disabled, or on its way to deletion",
    "InvalidKeyUsageException": f"make a key of {_CURVE} for SIGN_VERIFY",
    "UnrecognizedClientException": "check the credentials",
    "ExpiredTokenException": "renew the credentials",
}


@dataclass(frozen=True, slots=True)
class KmsOptions:
    """Which `key`: an id, an ARN or "alias/name". `region` and `profile` None: what AWS's own settings say.
    `endpoint`: another service than AWS's, as a URL."""

    key: str
    region: str | None = None
    profile: str | None = None
    endpoint: str | None = None


class KmsSigner(RemoteSigner):
    """Signs with a secp256k1 key in AWS KMS; a signature is one request, eight at once.

    An alias is resolved once: when it is pointed to another key, this signer stays with the first. A request
    is tried three times, since to sign twice is harmless; then it is a `SigningError`.
    """

    __slots__ = ("_arn", "_client", "_name")

    def __init__(self, client: Any, key: str) -> None:
        """`client`: botocore's or boto3's for "kms". Blocks for one request."""
        found = _call(client.get_public_key, key, KeyId=key)
        _check_key(found, key)
        super().__init__(public_address(parse_public_key(bytes(found["PublicKey"]))), _AT_ONCE)
        self._client = client
        self._name = key
        self._arn: str = found["KeyId"]

    @classmethod
    def connect(cls, options: KmsOptions) -> KmsSigner:
        """Read the public key; blocks for one request. Raises `SigningError` when it is not there or not
        for signing, and `ConfigError` without the extra."""
        return cls(_make_client(options), options.key)

    @classmethod
    async def open(cls, options: KmsOptions) -> KmsSigner:
        """Like `connect`, without blocking the loop."""
        return await asyncio.to_thread(cls.connect, options)

    def _ask(self, digest: bytes) -> tuple[int, int]:
        answer = _call(
            self._client.sign,
            self._name,
            KeyId=self._arn,
            Message=digest,
            MessageType="DIGEST",
            SigningAlgorithm=_ALGORITHM,
        )
        return parse_signature(bytes(answer["Signature"]))

    def __repr__(self) -> str:
        return f"KmsSigner({self.address}, key {self._name!r} in AWS KMS)"


def _make_client(options: KmsOptions) -> Any:
    try:
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
        from botocore.session import Session
    except ImportError:
        raise ConfigError("the KMS signer needs: pip install 'trimtab[kms]'") from None
    patience = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        max_pool_connections=_AT_ONCE,
    )
    try:
        return Session(profile=options.profile).create_client(
            "kms", region_name=options.region, endpoint_url=options.endpoint, config=patience
        )
    except (BotoCoreError, ValueError) as error:
        raise ConfigError(f"no client for the KMS key {options.key!r}: {error}", key="account.kms") from None


def _check_key(found: Any, key: str) -> None:
    curve = found.get("KeySpec") or found.get("CustomerMasterKeySpec")  # the older name for it
    usage = found.get("KeyUsage")
    if curve != _CURVE or usage != "SIGN_VERIFY" or _ALGORITHM not in found.get("SigningAlgorithms", ()):
        raise SigningError(
            f"the KMS key {key!r} is {curve} for {usage}: a chain needs {_CURVE} for SIGN_VERIFY"
        )


def _call(method: Any, key: str, **arguments: Any) -> Any:
    """One request, every failure a `SigningError` that says what to do."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return method(**arguments)
    except ClientError as error:
        said = error.response.get("Error", {})
        code = said.get("Code", "unknown")
        advice = f"; {_ADVICE[code]}" if code in _ADVICE else ""
        raise SigningError(
            f"AWS KMS refused the key {key!r} ({code}: {said.get('Message', 'no reason given')}){advice}"
        ) from error
    except BotoCoreError as error:
        raise SigningError(
            f"AWS KMS could not be asked for the key {key!r}: {error}; nothing was signed"
        ) from error
