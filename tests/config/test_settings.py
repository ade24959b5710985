"""The values refuse what cannot be meant, with the key that is wrong, also when built without a file."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.config.conftest import CHAIN, KEY, KMS, TOKEN, Write

from trimtab.config import (
    ChainSettings,
    KmsSettings,
    Pkcs11Settings,
    Secret,
    TxSettings,
    load_config,
    read_pin,
)
from trimtab.errors import ConfigError, TrimtabError
from trimtab.hedging.limits import HedgeLimits
from trimtab.hedging.policy import FixedBand


@pytest.mark.parametrize(
    "build",
    [
        lambda: TxSettings(budget_eth=0.1),  # type: ignore[arg-type]
        lambda: ChainSettings(("u",), 1, timeout=1.5),  # type: ignore[arg-type]
        lambda: TxSettings(fee_cap_gwei=float("nan")),  # type: ignore[arg-type]
        lambda: FixedBand(0.5),  # type: ignore[arg-type]
        lambda: HedgeLimits(max_size=1.0),  # type: ignore[arg-type]
    ],
)
def test_floats_are_refused_in_code_too(build: Callable[[], object]) -> None:
    """Settings built without a file refuse a float where a Decimal is due."""
    with pytest.raises(TrimtabError, match="float"):
        build()


def test_a_key_in_a_token(write: Write) -> None:
    """The library's path is relative to the file, the PIN comes from the environment and prints masked."""
    path = write(CHAIN + TOKEN)
    account = load_config(path, {"TRIMTAB_PKCS11_PIN": "hunter2"}).account
    assert account.pkcs11 == Pkcs11Settings(path.parent / "hsm.so", "desk", "hot", None, Secret("hunter2"))
    assert account.has_key
    assert account.key_place == "the key 'hot' in the token 'desk'"
    assert "hunter2" not in f"{account!r} {account}"
    assert read_pin(account.pkcs11) == Secret("hunter2")


def test_a_key_in_kms(write: Write) -> None:
    """An alias is enough; region, profile and endpoint may be said."""
    assert load_config(write(CHAIN + KMS), {}).account.kms == KmsSettings("alias/desk")
    more = KMS + 'region = "eu-central-1"\nprofile = "desk"\nendpoint = "http://127.0.0.1:4566"\n'
    account = load_config(write(CHAIN + more), {}).account
    assert account.kms == KmsSettings("alias/desk", "eu-central-1", "desk", "http://127.0.0.1:4566")
    assert account.has_key
    assert account.key_place == "the AWS KMS key 'alias/desk'"


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ('[account]\nkind = "ledger"', "account.kind", "must be one of keystore, pkcs11, kms, got 'ledger'"),
        ('[account]\nkind = "pkcs11"', "account.pkcs11", "is missing, and account.kind is 'pkcs11'"),
        ('[account]\nkind = "kms"\nkeystore = "key.json"', "account.keystore", "account.kind is 'kms'"),
        (TOKEN.replace('"pkcs11"', '"keystore"'), "account.pkcs11", "account.kind is 'keystore'"),
        (KMS + '[account.pkcs11]\nlibrary = "a"\ntoken = "b"\nkey = "c"', "account.pkcs11", "'kms'"),
        (TOKEN.replace('key = "hot"\n', ""), "account.pkcs11.key", "is missing"),
        (TOKEN + "pin = 1234", "account.pkcs11.pin", "is a secret.*set TRIMTAB_PKCS11_PIN"),
        (KMS + 'token = "desk"', "account.kms.token", "is not a setting"),
        (KMS + 'secret_access_key = "x"', "account.kms.secret_access_key", "is not a setting"),
    ],
)
def test_one_kind_of_key_counts(write: Write, text: str, key: str, words: str) -> None:
    """A kind without its table, a table of another kind, a secret in the file: the wrong key is named."""
    with pytest.raises(ConfigError, match=words) as caught:
        load_config(write(CHAIN + text), {})
    assert caught.value.key == key


@pytest.mark.parametrize("text", [TOKEN, KMS])
def test_a_key_of_the_environment_is_no_second_one(write: Write, text: str) -> None:
    """A forgotten TRIMTAB_PRIVATE_KEY neither replaces the token's key nor is silently left aside."""
    with pytest.raises(ConfigError, match="TRIMTAB_PRIVATE_KEY is set too") as caught:
        load_config(write(CHAIN + text), {"TRIMTAB_PRIVATE_KEY": KEY})
    assert KEY not in str(caught.value)
