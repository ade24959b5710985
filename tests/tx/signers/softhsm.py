"""A real PKCS#11 token: SoftHSM from the distribution, with its tokens in a folder of this process."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pkcs11
import pytest
from pkcs11 import Attribute, KeyType, ObjectClass

from trimtab.tx.signers.pkcs11 import Pkcs11Options

PIN = "hunter-four-two"
SECP256K1 = bytes.fromhex("06052b8104000a")
P256 = bytes.fromhex("06082a8648ce3d030107")
_PLACES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)


def find_library() -> Path | None:
    return next((Path(place) for place in _PLACES if Path(place).exists()), None)


needs_softhsm = pytest.mark.skipif(
    find_library() is None or shutil.which("softhsm2-util") is None,
    reason="SoftHSM is not installed: `apt-get install softhsm2` (or `brew install softhsm`) as .ci/run does",
)


@cache
def _folder() -> Path:
    """One for the process: the library reads its settings when it starts."""
    folder = Path(tempfile.mkdtemp(prefix="trimtab-softhsm-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "tokens").mkdir()
    settings = folder / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(settings)
    return folder


@dataclass
class Token:
    """A token of a test's own; `make_key` makes a key pair in it."""

    label: str
    folder: Path

    @classmethod
    def make(cls, label: str) -> Token:
        """As a security officer does it."""
        before = set((_folder() / "tokens").iterdir())
        _softhsm("--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "5678")
        (folder,) = set((_folder() / "tokens").iterdir()) - before
        return cls(label, folder)

    @property
    def options(self) -> Pkcs11Options:
        library = find_library()
        assert library is not None
        return Pkcs11Options(library, self.label, "hot")

    def destroy(self) -> None:
        _softhsm("--delete-token", "--token", self.label)

    def lose_sessions(self) -> None:
        """What a network token does to its clients when it restarts."""
        pkcs11.lib(str(self.options.library)).reinitialize()

    def open(self) -> Any:
        """A session that may write."""
        self.lose_sessions()
        library = pkcs11.lib(str(self.options.library))
        return library.get_token(token_label=self.label).open(user_pin=PIN, rw=True)

    def make_key(self, curve: bytes = SECP256K1, label: str = "hot") -> None:
        """A key pair that is made inside the token, whose private half cannot be read out."""
        with self.open() as session:
            domain = session.create_domain_parameters(KeyType.EC, {Attribute.EC_PARAMS: curve}, local=True)
            domain.generate_keypair(store=True, label=label)

    def replace_public_key(self, point: bytes) -> None:
        """Leave the private key, and put another point beside it: a token that lies about its key."""
        with self.open() as session:
            session.get_key(object_class=ObjectClass.PUBLIC_KEY, label="hot").destroy()
            session.create_object(
                {
                    Attribute.CLASS: ObjectClass.PUBLIC_KEY,
                    Attribute.KEY_TYPE: KeyType.EC,
                    Attribute.TOKEN: True,
                    Attribute.LABEL: "hot",
                    Attribute.EC_PARAMS: SECP256K1,
                    Attribute.EC_POINT: b"\x04\x41" + point,
                }
            )

    def change_pin(self, pin: str) -> None:
        with self.open() as session:
            session.set_pin(PIN, pin)


def _softhsm(*words: str) -> None:
    done = subprocess.run(["softhsm2-util", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
