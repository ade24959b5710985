"""Refusals of our contracts in words."""

from __future__ import annotations

import pytest

from trimtab.chain.abi import CustomError
from trimtab.hooks.artifacts import load_artifact
from trimtab.hooks.errors import CONTRACTS, WORDS, explain_revert, known_abis
from trimtab.hooks.plans import INT256_MAX, perp_market_id, underlying_id
from trimtab.model.ids import ZERO_ADDRESS, Address
from trimtab.venues.perp_v2.reverts import explain_revert as explain_perp

SHOP = Address("0x" + "ab" * 20)
WAD = 10**18
LIBRARIES = {
    "CheckpointUnorderedInsertion",
    "FailedCall",
    "InsufficientBalance",
    "SafeCastOverflowedUintDowncast",
    "SafeCastOverflowedUintToInt",
    "SafeERC20FailedOperation",
}
"""OpenZeppelin's, about numbers and tokens: name and arguments say it."""


def encode(name: str, *args: object) -> bytes:
    for abi in known_abis():
        if any(error.name == name for error in abi.errors.values()):
            return abi.error(name).encode(*args)
    raise AssertionError(f"no contract has the error {name}")


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_custom_error_has_words(contract: str) -> None:
    """No refusal of these contracts is told by its bare name; no words are of an error that is gone."""
    names = {error.name for error in load_artifact(contract).abi.errors.values()}
    assert names - LIBRARIES <= WORDS.keys()
    everywhere = {error.name for abi in known_abis() for error in abi.errors.values()}
    assert WORDS.keys() <= everywhere


def test_every_value_in_the_words_is_an_argument() -> None:
    """The words ask for nothing that the error does not carry, in the units that its types allow."""
    for abi in known_abis():
        for error in abi.errors.values():
            told = explain_revert(error.encode(*_some_arguments(error)))
            assert told.name == error.name
            assert error.name in LIBRARIES or told.text != error.name


def _some_arguments(error: CustomError) -> list[object]:
    values: dict[str, object] = {"address": SHOP, "bytes": b"", "bytes4": bytes(4), "bytes32": bytes(32)}
    types = error.signature.partition("(")[2][:-1].split(",")
    return [values.get(kind, 1) for kind in types if kind]


TEXTS = [
    (
        ("DeltaOutside", underlying_id("ETH"), 5 * WAD // 4, -WAD // 2, WAD // 2),
        "net delta of ETH 1.25 is outside -0.5 to 0.5",
    ),
    (
        ("BalanceOutside", ZERO_ADDRESS, SHOP, 7, 8, INT256_MAX),
        f"the native balance of {SHOP}, 7 base units, is outside 8 to any",
    ),
    (
        ("HealthBelow", SHOP, SHOP, 11 * WAD // 10, 3 * WAD // 2),
        f"health 1.1 of {SHOP} at probe {SHOP} is below 1.5",
    ),
    (
        ("PriceWorse", 1, perp_market_id(SHOP), 2_001 * WAD, 2_000 * WAD),
        f"call 1 got the price 2001 in market 0x{'00' * 12}{'ab' * 20}, worse than the limit 2000",
    ),
    (("DeadlinePassed", 10, 11), "the deadline 10 passed, the block's time is 11: make the plan anew"),
    (
        ("ValuePerDayAbove", WAD, WAD // 2, WAD),
        "value 1 ETH and 0.5 ETH of the last day are above 1 ETH a day",
    ),
    (
        ("CallNotAllowed", SHOP, b"\x01\x02\x03\x04"),
        f"the limits allow no call of 0x01020304 at {SHOP}",
    ),
    (
        ("SlippageAbove", SHOP, 3 * WAD, 100 * WAD, WAD // 100),
        f"loss of 3 to the oracle's prices on notional 100 is above the fraction 0.01 at probe {SHOP}",
    ),
    (
        ("LeverageAbove", SHOP, 500 * WAD, 100 * WAD, 4 * WAD),
        f"leverage above 4: notional 500 on equity 100 at probe {SHOP}",
    ),
]


@pytest.mark.parametrize(
    ("error", "text"), TEXTS, ids=lambda value: value[0] if isinstance(value, tuple) else ""
)
def test_numbers_are_told_in_the_units_of_a_reader(error: tuple[str, object], text: str) -> None:
    """18-decimal numbers as decimals, wei as ETH, symbols as text; a bound that is none is "any"."""
    assert explain_revert(encode(*error)).text == text


REASON = bytes.fromhex("08c379a0") + (32).to_bytes(32, "big") + (6).to_bytes(32, "big") + b"CH_NEM"


def test_the_reason_of_a_call_is_the_venues() -> None:
    """What failed inside of a plan is explained by who knows its target, and is there as a fact too."""
    data = encode("CallReverted", 2, SHOP, REASON)
    assert str(explain_revert(data)) == f"call 2 of {SHOP} reverted: CH_NEM"
    told = explain_revert(data, lambda target, reason: (target, reason))
    assert told.cause == (SHOP, REASON)
    told = explain_revert(data, lambda _, reason: explain_perp(reason))
    assert str(told) == f"call 2 of {SHOP} reverted: {explain_perp(REASON)}"


def test_plans_inside_of_plans_are_told_to_the_ground() -> None:
    """A guard called by an executor: both refusals are ours, the innermost reason is the venue's."""
    inner = encode("CallReverted", 0, SHOP, b"")
    told = explain_revert(encode("CallReverted", 1, SHOP, inner), lambda _, reason: explain_perp(reason))
    assert str(told).startswith(f"call 1 of {SHOP} reverted: call 0 of {SHOP} reverted: ")
    assert told.name == "CallReverted"


def test_data_of_nobodys_is_told_as_it_is() -> None:
    """Nothing raises: an unknown error is named by its bytes, no data is no data."""
    assert explain_revert(b"\x01\x02\x03\x04").name == "unknown"
    assert explain_revert(b"").text == "reverted without data"
