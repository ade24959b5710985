"""What must not be seen is refused where others could see it, and cut off before it is shown."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from trimtab.config import (
    AccountSettings,
    Pkcs11Settings,
    RouteSettings,
    Secret,
    mask_url,
    read_password,
    read_pin,
    read_relay_key,
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


def test_the_relay_key_is_the_journals_own_unless_one_is_given(tmp_path: Path) -> None:
    """Made beside the journal when first needed, for its owner alone, and kept: what relays got by it, only
    it can cancel. The environment's wins, then that of a file."""
    journal, routes = tmp_path / "j.db", RouteSettings()
    own = tmp_path / "j.db.relay-key"
    assert read_relay_key(routes, journal, may_make=False) is None
    made = read_relay_key(routes, journal)
    assert made is not None
    assert len(bytes.fromhex(made.reveal())) == 32
    assert stat.S_IMODE(own.stat().st_mode) == 0o600
    assert read_relay_key(routes, journal) == read_relay_key(routes, journal, may_make=False) == made
    file = tmp_path / "relay.key"
    file.write_text("11" * 32 + "\n")
    file.chmod(0o600)
    assert read_relay_key(RouteSettings(identity_file=file), journal) == Secret("11" * 32)
    both = RouteSettings(identity_file=file, identity=Secret("22" * 32))
    assert read_relay_key(both, journal) == Secret("22" * 32)
    own.chmod(0o644)
    with pytest.raises(ConfigError, match="others can read the relay key file"):
        read_relay_key(routes, journal)
    with pytest.raises(ConfigError, match="cannot write the relay key"):
        read_relay_key(routes, tmp_path / "nowhere" / "j.db")
