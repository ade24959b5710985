"""Questions to the lens and its answers, without a node."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trimtab.chain.abi import encode_values
from trimtab.errors import AbiError
from trimtab.hooks.artifacts import load_artifact
from trimtab.hooks.lens import (
    LENS,
    CollateralReading,
    LensAnswer,
    OptionAnswer,
    OptionHoldingReading,
    OptionReading,
    OptionRequest,
    PerpAnswer,
    PerpHoldingReading,
    PerpMarketReading,
    PerpReading,
    PerpRequest,
    SeriesReading,
    Unread,
    decode_answer,
    encode_query,
    join_answers,
)
from trimtab.model.ids import Address


def address(number: int) -> Address:
    return Address(f"0x{number:040x}")


COLLATERAL = "(address,int256,uint256)"
HOLDING = "(address,int256,int256,int256,int256,uint256)"
PERP = f"(bool,bytes,int256,uint256,uint256,uint256,uint256,uint256,int256,{COLLATERAL}[],{HOLDING}[])"
PERP_BOOK = f"((address,uint256,uint256,int256,int256)[],{PERP}[])"
SERIES = f"({','.join(['uint256'] * 9)},int256,int256,uint256)"
OPTION = (
    "(bool,bytes,int256,uint256,uint256,int256,int256,"
    "(uint256,uint256,uint8,uint8,uint256,uint256,uint256)[])"
)
OPTION_BOOK = f"(uint256,int256,{SERIES}[],{OPTION}[])"

MARKETS = [(address(1), 2_000, 1_990, -5, 5), (address(2), 0, 0, 0, 0)]
ACCOUNTS = [
    (
        *(True, b"", -3, 4, 5, 6, 7, 8, -9),
        [(address(3), 10, 11)],
        [(address(1), -1, 2, -3, 4, 0), (address(2), 1, -2, 3, -4, 5)],
    ),
    (False, b"OLD", 0, 0, 0, 0, 0, 0, 0, [], []),
]
SERIES_VALUES = tuple(range(1, 13))
HOLDERS = [(True, b"", -1, 2, 3, -4, 5, [(6, 0, 2, 1, 7, 8, 9)]), (False, b"", 0, 0, 0, 0, 0, [])]

PERPS = PerpAnswer(
    (PerpMarketReading(address(1), 2_000, 1_990), PerpMarketReading(address(2), None, None)),
    (
        PerpReading(
            *(-3, 4, 5, 6, 7, 8, -9),
            (CollateralReading(address(3), 10, 11),),
            (
                PerpHoldingReading(address(1), -1, 2, -3, 4, None),
                PerpHoldingReading(address(2), 1, -2, 3, -4, 5),
            ),
        ),
        Unread(b"OLD"),
    ),
)
SERIES_READ = SeriesReading(*SERIES_VALUES)
OPTIONS = OptionAnswer(
    (
        OptionReading(-1, 2, 3, -4, 5, 1_900, -7, (OptionHoldingReading(6, SERIES_READ, 2, 1, 7, 8, 9),)),
        Unread(b""),
    )
)


def test_an_answer_is_read_field_by_field() -> None:
    """What the contract's types encode comes out under the right names, zeros that mean none as None."""
    books = ([(MARKETS, ACCOUNTS)], [(1_900, -7, [SERIES_VALUES], HOLDERS)])
    data = encode_values([f"{PERP_BOOK}[]", f"{OPTION_BOOK}[]"], books)
    assert decode_answer(data) == LensAnswer((PERPS,), (OPTIONS,))


def test_a_question_is_the_contracts_calldata() -> None:
    """Houses with their markets and collaterals, option markets, accounts."""
    data = encode_query(
        [PerpRequest(address(1), (address(2), address(3)), (address(4),))],
        [OptionRequest(address(5), address(6), address(7))],
        [address(8), address(9)],
    )
    types = ["(address,address[],address[])[]", "(address,address,address)[]", "address[]"]
    values = (
        [(address(1), [address(2), address(3)], [address(4)])],
        [(address(5), address(6), address(7))],
        [address(8), address(9)],
    )
    assert data == load_artifact(LENS).abi.function("read").selector + encode_values(types, values)


def test_parts_join_in_order() -> None:
    """Accounts follow each other; requests keep their places, and prices are the first part's."""
    later = replace(PERPS, markets=(), accounts=(Unread(b"later"),))
    joined = join_answers([LensAnswer((PERPS,), (OPTIONS,)), LensAnswer((later,), (OptionAnswer(()),))])
    assert joined.perps == (PerpAnswer(PERPS.markets, (*PERPS.accounts, Unread(b"later"))),)
    assert joined.options == (OPTIONS,)


@pytest.mark.parametrize("data", [b"", b"\x01" * 64])
def test_what_is_no_answer_is_refused(data: bytes) -> None:
    """An AbiError, never a guess."""
    with pytest.raises(AbiError):
        decode_answer(data)
