"""What must not be seen is refused where others could see it, and cut off before it is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from trimtab.config import (
    AccountSettings,
    Pkcs11Settings,
    Secret,
    mask_url,
    read_password,
    read_pin,
)
from trimtab.errors import ConfigError


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://rpc.example:8443/v1/SECRET?key=SECRET", "https://rpc.example:8443/***"),
        ("https://user:SECRET@rpc.example", "https://rpc.example"),
        ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
        ("/run/node.ipc", "/run/node.ipc"),
    ],
)
def test_masked_urls(url: str, shown: str) -> None:
    """What may be a key is cut off a URL before it is shown."""
    assert mask_url(url) == shown


def test_a_password_file_is_its_owners_alone(tmp_path: Path) -> None:
    """The password is the first line of a 0600 file; a file that others can read is refused with the cure."""
    file = tmp_path / "password"
    file.write_text("hunter2\n")
    file.chmod(0o644)
    account = AccountSettings(password_file=file)
    with pytest.raises(ConfigError, match=r"others can read .* \(mode 0644\): chmod 600") as caught:
        read_password(account)
    assert "hunter2" not in str(caught.value)
    file.chmod(0o600)
    assert read_password(account) == Secret("hunter2")
    file.unlink()
    with pytest.raises(ConfigError, match="cannot read the password file"):
        read_password(account)


def test_the_environments_password_wins() -> None:
    """TRIMTAB_KEYSTORE_PASSWORD is used without looking at a file; neither means None."""
    assert read_password(AccountSettings(password=Secret("a"), password_file=Path("gone"))) == Secret("a")
    assert read_password(AccountSettings()) is None


def test_a_pin_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Its first line is the PIN; readable by others it is refused."""
    file = tmp_path / "pin"
    file.write_text("hunter2\n")
    file.chmod(0o600)
    settings = Pkcs11Settings(Path("hsm.so"), "desk", "hot", pin_file=file)
    assert read_pin(settings) == Secret("hunter2")
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="others can read the PIN file") as caught:
        read_pin(settings)
    assert caught.value.key == "account.pkcs11.pin_file"
