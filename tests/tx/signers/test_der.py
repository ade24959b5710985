"""DER is read strictly: what OpenSSL writes is taken, and each value in one form only."""

from __future__ import annotations

import pytest
from coincurve import PrivateKey
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import SigningError
from trimtab.tx.signers.der import parse_point, parse_public_key, parse_signature
from trimtab.tx.signers.digests import ORDER

NUMBERS = st.integers(1, ORDER - 1) | st.integers(1, 2**20)
GOOD = encode_dss_signature(2**255, 127)


def spki(key: ec.EllipticCurvePrivateKey, format_: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, format_)


@given(NUMBERS, NUMBERS)
def test_signatures_are_read(r: int, s: int) -> None:
    """r and s of every size, as OpenSSL encodes them."""
    assert parse_signature(encode_dss_signature(r, s)) == (r, s)


@given(st.integers(0, len(GOOD) - 1))
def test_cut_off_signatures_are_refused(size: int) -> None:
    """Cut anywhere, also with the outer length mended."""
    for torn in (GOOD[:size], bytes([0x30, max(size - 2, 0)]) + GOOD[2:size]):
        with pytest.raises(SigningError, match="no DER signature"):
            parse_signature(torn)


@pytest.mark.parametrize(
    ("form", "der"),
    [
        ("a byte too many", GOOD + b"\x00"),
        ("a byte too many inside", bytes([0x30, len(GOOD) - 1]) + GOOD[2:] + b"\x00"),
        ("a long length for a short one", b"\x30\x81" + GOOD[1:]),
        ("a zero too many", bytes.fromhex("300702020001020101")),
        ("a negative number", bytes.fromhex("30060201ff020101")),
        ("zero", bytes.fromhex("3006020100020101")),
        ("an empty number", bytes.fromhex("300502000201010500")),
        ("above the order", encode_dss_signature(ORDER, 1)),
        ("34 bytes", encode_dss_signature(2**264, 1)),
        ("a set", b"\x31" + GOOD[1:]),
        ("a string", bytes.fromhex("3006040101020101")),
    ],
)
def test_other_forms_are_refused(form: str, der: bytes) -> None:
    """A second encoding of one signature would have a second hash."""
    with pytest.raises(SigningError, match="no DER signature"):
        parse_signature(der)


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(der: bytes) -> None:
    """Never another error; and what is read encodes back to the same bytes."""
    try:
        r, s = parse_signature(der)
    except SigningError:
        return
    assert encode_dss_signature(r, s) == der


def test_a_public_key_is_read() -> None:
    """The key that OpenSSL writes is the key that coincurve has."""
    key = ec.derive_private_key(7, ec.SECP256K1())
    assert parse_public_key(spki(key)) == PrivateKey.from_int(7).public_key


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1()])
def test_another_curve_is_refused(curve: ec.EllipticCurve) -> None:
    """The error says which curve a chain needs."""
    with pytest.raises(SigningError, match="ECC_SECG_P256K1"):
        parse_public_key(spki(ec.derive_private_key(7, curve)))


def test_what_is_no_point_is_refused() -> None:
    """Off the curve, compressed, cut, extended, empty."""
    good = PrivateKey.from_int(7).public_key.format(compressed=False)
    bent = good[:-1] + bytes([good[-1] ^ 1])
    for point in (bent, PrivateKey.from_int(7).public_key.format(), good[:-1], good + b"\x00", b""):
        with pytest.raises(SigningError):
            parse_point(point)
        with pytest.raises(SigningError):
            parse_public_key(spki(ec.derive_private_key(7, ec.SECP256K1()))[:23] + point)
