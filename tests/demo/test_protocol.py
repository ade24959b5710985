"""The words between the demo and its hedger process."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.demo import protocol
from trimtab.demo.protocol import Failed, Hedge, Look, Looked, Ready, Start, Stop
from trimtab.hedging.limits import HedgeLimits
from trimtab.hedging.policy import FixedBand
from trimtab.model.ids import ZERO_ADDRESS, TxHash
from trimtab.venues.lyra.addresses import LyraDeployment
from trimtab.venues.perp_v2.addresses import PerpV2Deployment

D = Decimal
numbers = st.decimals("-1e12", "1e12", places=18)
START = Start(
    url="ws://127.0.0.1:8545",
    chain_id=31337,
    key="0x" + "11" * 32,
    account=ZERO_ADDRESS,
    journal="run/journal.db",
    underlying="ETH",
    option_market="sETH",
    perp_market="vETH",
    perp=PerpV2Deployment({"Vault": ZERO_ADDRESS}, {}, {}),
    lyra=LyraDeployment({"GWAV": ZERO_ADDRESS}, {}),
    limits=HedgeLimits(max_size=D("12.5")),
    fixed_band=FixedBand(D("0.5")),
    crash_at=3,
)


@given(numbers, numbers, st.text(max_size=40))
def test_numbers_travel_digit_by_digit(size: D, price: D, text: str) -> None:
    """What the hedger says arrives equal, with all 18 decimals and any text, on one line."""
    hedge = Hedge(
        key="hedge/ETH/1", reason=text, status="filled", size=size, price=price, fee=D(1), gas_wei=2**70,
        tx_hash=TxHash("0xab"), block=9,
    )  # fmt: skip
    for answer in (
        Ready(hedge),
        Looked(reason=text, delta_before=size, delta_after=price, band=D(1), hedge=hedge),
        Failed("HaltError", text),
    ):
        line = protocol.encode_line(answer)
        assert b"\n" not in line
        assert protocol.decode_answer(line) == answer


def test_the_start_carries_policy_limits_and_addresses() -> None:
    """The child builds the same policy from the line that the parent wrote."""
    assert protocol.decode_order(protocol.encode_line(START)) == START
    assert protocol.decode_order(protocol.encode_line(Look("step-1"))) == Look("step-1")
    assert protocol.decode_order(protocol.encode_line(Stop())) == Stop()
    assert START.policy == FixedBand(D("0.5"))


def test_the_key_never_prints() -> None:
    """Neither repr nor str of a start message shows the key."""
    assert "1111" not in f"{START!r} {START!s}"


def test_a_policy_with_a_bad_width_is_refused_on_arrival() -> None:
    """The checks of the policy run in the child too."""
    line = protocol.encode_line(START).replace(b'"width":"0.5"', b'"width":"0"')
    with pytest.raises(Exception, match="width must be above 0"):
        protocol.decode_order(line)
