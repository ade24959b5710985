"""The DER forms that key services speak: read strictly, one encoding for each value and nothing beside it."""

from __future__ import annotations

from coincurve import PublicKey

from trimtab.errors import SigningError
from trimtab.tx.signers.digests import ORDER

SECP256K1_OID = bytes.fromhex("06052b8104000a")
"""The curve's name, as DER: what a token has as EC_PARAMS."""
_SPKI_HEAD = bytes.fromhex("3056301006072a8648ce3d0201") + SECP256K1_OID + bytes.fromhex("034200")
"""Everything before the point in the public key of this curve; a key has just one such encoding."""


def parse_public_key(der: bytes) -> PublicKey:
    """The key in a SubjectPublicKeyInfo. Raises `SigningError` for any other curve, form or length."""
    if not der.startswith(_SPKI_HEAD):
        raise SigningError(
            f"this is no public key of secp256k1 ({der[:32].hex()}...): a chain needs a key of the curve "
            "secp256k1, which AWS calls ECC_SECG_P256K1"
        )
    return parse_point(der[len(_SPKI_HEAD) :])


def parse_point(point: bytes) -> PublicKey:
    """The key at an uncompressed point of 65 bytes. Raises `SigningError`."""
    if len(point) != 65 or point[0] != 4:
        raise SigningError(f"a public key is an uncompressed point of 65 bytes, got {point.hex() or 'none'}")
    try:
        return PublicKey(point)
    except ValueError:
        raise SigningError(f"{point.hex()} is not a point of secp256k1") from None


def parse_signature(der: bytes) -> tuple[int, int]:
    """r and s of an ECDSA signature. Raises `SigningError` unless the bytes are the one encoding of them."""
    if len(der) < 8 or der[0] != 0x30 or der[1] != len(der) - 2:
        raise _not_a_signature(der)
    r, rest = _first_int(der[2:], der)
    s, rest = _first_int(rest, der)
    if rest or not (0 < r < ORDER and 0 < s < ORDER):
        raise _not_a_signature(der)
    return r, s


def _first_int(rest: bytes, der: bytes) -> tuple[int, bytes]:
    size = rest[1] if len(rest) > 1 else 0
    digits = rest[2 : 2 + size]
    if rest[:1] != b"\x02" or not 0 < size <= 33 or len(digits) != size or digits[0] & 0x80:
        raise _not_a_signature(der)
    if size > 1 and digits[0] == 0 and not digits[1] & 0x80:
        raise _not_a_signature(der)  # a zero too many: a second encoding of one number
    return int.from_bytes(digits, "big"), rest[2 + size :]


def _not_a_signature(der: bytes) -> SigningError:
    return SigningError(f"the signer returned bytes that are no DER signature: {der[:80].hex() or 'none'}")
