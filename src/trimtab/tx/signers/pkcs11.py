"""A key in a hardware token, or in its stand-in SoftHSM: signs over PKCS#11, and the key never leaves.

Needs the extra `trimtab[pkcs11]` and the token maker's library.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coincurve import PublicKey

from trimtab.errors import ConfigError, SigningError
from trimtab.tx.signers.der import SECP256K1_OID, parse_point
from trimtab.tx.signers.digests import public_address
from trimtab.tx.signers.remote import RemoteSigner

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Library:
    """What signers over one library share: a turn to use it, because logging in is the process's; and how
    often it was started, because handles of an earlier start may mean something else now. `name` is the
    first that it was loaded by: under a second one it would be started twice, and refuse."""

    name: Path
    turn: threading.Lock = field(default_factory=threading.Lock)
    starts: int = 0


_LIBRARIES: dict[Path, _Library] = {}


@dataclass(frozen=True, slots=True)
class Pkcs11Options:
    """Where the key is: the token maker's `library` (a shared object), the label of the `token` in it, and
    the label of the `key` pair in that. SoftHSM's library: /usr/lib/softhsm/libsofthsm2.so."""

    library: Path
    token: str
    key: str


class Pkcs11Signer(RemoteSigner):
    """Signs with a secp256k1 key that stays in its token; about 0.5 ms with SoftHSM.

    One session at a time; a lost one is opened again. A PIN that was refused is never tried again, because a
    token locks itself after a few: make a new signer then.
    """

    __slots__ = ("_key", "_library", "_options", "_refused", "_reveal_pin", "_start")

    def __init__(self, options: Pkcs11Options, pin: Callable[[], str], key: Any, public: PublicKey) -> None:
        super().__init__(public_address(public), threads=1)
        self._options = options
        self._library = _library_of(options)
        self._start = self._library.starts
        self._reveal_pin = pin
        self._key: Any = key
        self._refused: SigningError | None = None

    @classmethod
    def connect(cls, options: Pkcs11Options, pin: Callable[[], str]) -> Pkcs11Signer:
        """Log in and find the key; blocks while the token answers. `pin` is asked when it is needed, so that
        no variable holds it. Raises `SigningError`, and `ConfigError` without the extra."""
        library = _library_of(options)
        with library.turn:
            return cls(options, pin, *_open_key(library, options, pin))

    @classmethod
    async def open(cls, options: Pkcs11Options, pin: Callable[[], str]) -> Pkcs11Signer:
        """Like `connect`, without blocking the loop."""
        return await asyncio.to_thread(cls.connect, options, pin)

    def close(self) -> None:
        """Log out. Waits for a signature that is being made."""
        super().close()
        with self._library.turn:
            self._forget_session()

    def _ask(self, digest: bytes) -> tuple[int, int]:
        with self._library.turn:
            signature = self._sign_or_reconnect(digest)
        if len(signature) != 64:
            raise SigningError(f"{self} returned a signature of {len(signature)} bytes instead of 64")
        return int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")

    def _sign_or_reconnect(self, digest: bytes) -> bytes:
        from pkcs11 import Mechanism, PKCS11Error

        if self._key is not None and self._start == self._library.starts:
            try:
                return bytes(self._key.sign(digest, mechanism=Mechanism.ECDSA))
            except PKCS11Error as error:
                logger.warning("%s lost its session (%s); opening another", self, type(error).__name__)
        key = self._reconnect()
        try:
            return bytes(key.sign(digest, mechanism=Mechanism.ECDSA))
        except PKCS11Error as error:
            raise _explained(error, self._options) from error

    def _reconnect(self) -> Any:
        """A session like the lost one, with the same key behind the label."""
        if self._refused is not None:
            raise SigningError(f"{self._refused}; it is not tried again, because tokens lock: open it anew")
        self._forget_session()
        try:
            key, public = _open_key(self._library, self._options, self._reveal_pin)
        except SigningError as error:
            if _is_about_pin(error.__cause__):
                self._refused = error
            raise
        if public_address(public) != self.address:
            key.session.close()
            raise SigningError(
                f"{self} is now another key, of {public_address(public)}: was it replaced? nothing was signed"
            )
        self._key, self._start = key, self._library.starts
        return key

    def _forget_session(self) -> None:
        from pkcs11 import PKCS11Error

        key, self._key = self._key, None
        if key is not None and self._start == self._library.starts:
            with suppress(PKCS11Error):  # it is lost already, or goes now
                key.session.close()

    def __repr__(self) -> str:
        where = self._options
        return f"Pkcs11Signer({self.address}, key {where.key!r} in token {where.token!r})"


def _library_of(options: Pkcs11Options) -> _Library:
    return _LIBRARIES.setdefault(options.library.resolve(), _Library(options.library))


def _open_key(library: _Library, options: Pkcs11Options, pin: Callable[[], str]) -> tuple[Any, PublicKey]:
    """A fresh session's key. Starts the library anew when it no longer knows the token: that is how network
    tokens come back, and how a token is seen that was made after the library was loaded."""
    try:
        import pkcs11
    except ImportError:
        raise ConfigError("the PKCS#11 signer needs: pip install 'trimtab[pkcs11]'") from None
    try:
        loaded = pkcs11.lib(str(library.name))
    except pkcs11.PKCS11Error as error:
        raise SigningError(
            f"the PKCS#11 library {options.library} does not load ({error}): check its path, and that the "
            "token's software is installed"
        ) from error
    try:
        return _log_in(loaded, options, pin)
    except pkcs11.PKCS11Error:
        library.starts += 1
    try:
        loaded.reinitialize()
        return _log_in(loaded, options, pin)
    except pkcs11.PKCS11Error as error:
        raise _explained(error, options) from error


def _log_in(library: Any, options: Pkcs11Options, pin: Callable[[], str]) -> tuple[Any, PublicKey]:
    import pkcs11

    token = library.get_token(token_label=options.token)
    try:
        session = token.open(user_pin=pin())
    except pkcs11.UserAlreadyLoggedIn:  # by another signer of this process
        session = token.open()
    except pkcs11.PKCS11Error as error:
        if _is_about_pin(error):
            raise SigningError(
                f"the token {options.token!r} refused the PIN ({type(error).__name__}); a token locks itself "
                "after a few wrong ones, and its security officer can set a new one"
            ) from error
        raise
    try:
        return _find_pair(session, options)
    except BaseException:
        with suppress(pkcs11.PKCS11Error):
            session.close()
        raise


def _is_about_pin(error: BaseException | None) -> bool:
    """Wrong, locked, expired: not to be tried again."""
    return type(error).__name__.startswith("Pin")


def _find_pair(session: Any, options: Pkcs11Options) -> tuple[Any, PublicKey]:
    from pkcs11 import Attribute, ObjectClass

    private = _find_one(session, ObjectClass.PRIVATE_KEY, options)
    public = _find_one(session, ObjectClass.PUBLIC_KEY, options)
    curve = bytes(public[Attribute.EC_PARAMS])
    if curve != SECP256K1_OID:
        raise SigningError(f"the key {options.key!r} is on another curve ({curve.hex()}) than secp256k1")
    point = bytes(public[Attribute.EC_POINT])
    # Most tokens wrap the point in an octet string, as the standard says; some return it bare.
    return private, parse_point(point[2:] if point[:2] == b"\x04\x41" and len(point) == 67 else point)


def _find_one(session: Any, kind: Any, options: Pkcs11Options) -> Any:
    from pkcs11 import Attribute, KeyType

    wanted = {Attribute.CLASS: kind, Attribute.KEY_TYPE: KeyType.EC, Attribute.LABEL: options.key}
    # Not `session.get_key`: when there are two it leaves its search open.
    found = list(session.get_objects(wanted))
    if not found:
        raise SigningError(
            f"the token {options.token!r} has no elliptic-curve key pair labelled {options.key!r}: both its "
            "private and its public key must be there"
        )
    if len(found) > 1:
        raise SigningError(
            f"several keys in the token {options.token!r} are labelled {options.key!r}: label them apart"
        )
    return found[0]


def _explained(error: Exception, options: Pkcs11Options) -> SigningError:
    from pkcs11 import NoSuchToken

    if isinstance(error, NoSuchToken):
        return SigningError(
            f"there is no token {options.token!r} behind {options.library}: is it plugged in, and the label "
            "right?"
        )
    why = f"{type(error).__name__} {error}".strip()
    return SigningError(f"the token {options.token!r} failed ({why}); nothing was signed")
