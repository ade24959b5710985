"""Contract ABIs: functions, events, errors, loading."""

from __future__ import annotations

import json
from typing import Any

import pytest
from eth_abi import abi as eth_abi
from hypothesis import given
from hypothesis import strategies as st
from tests.chain.conftest import ROOT, TOKEN, artifact
from web3 import Web3

from trimtab.chain.abi import Abi, decode_values, encode_values
from trimtab.chain.receipt import Log
from trimtab.errors import AbiError, ConfigError
from trimtab.model.ids import Address, BlockHash, TxHash

ME = Address("0x" + "11" * 20)
YOU = Address("0x" + "22" * 20)


def parameter(kind: str, name: str = "", **more: Any) -> dict[str, Any]:
    return {"type": kind, "name": name, **more}


LIQUIDATION = Abi.parse(
    [
        {"type": "function", "name": "liquidate", "inputs": [parameter("address", "trader")], "outputs": []},
        {
            "type": "function", "name": "liquidate",
            "inputs": [parameter("address", "trader"), parameter("address", "token")],
            "outputs": [parameter("uint256", "base"), parameter("bool", "partial")],
        },
        {
            "type": "event", "name": "Noted",
            "inputs": [
                parameter("string", "title", indexed=True), parameter("int24", "tick", indexed=True),
                parameter("uint256[]", "sizes"), parameter("bool", "", indexed=False),
            ],
        },
        {"type": "event", "name": "Silent", "anonymous": True, "inputs": [parameter("uint256", "x")]},
        {"type": "error", "name": "TooSmall", "inputs": [parameter("uint256", "size"), parameter("int8")]},
        {"type": "fallback"}, {"type": "receive"},
    ],
    name="Keeper",
)  # fmt: skip


def log(topics: list[bytes], data: bytes) -> Log:
    return Log(ME, tuple(topics), data, 1, BlockHash("0x"), TxHash("0x"), 0)


def test_selectors_and_calldata_equal_web3() -> None:
    """A genuine token's calls are what web3 encodes."""
    abi = artifact(TOKEN)
    entries = json.loads((ROOT / "node_modules" / TOKEN).read_text())["abi"]
    contract = Web3().eth.contract(address=Web3.to_checksum_address(ME), abi=entries)
    transfer = abi.function("transfer")
    assert transfer.selector.hex() == "a9059cbb"
    assert "0x" + transfer.encode(YOU, 5).hex() == contract.encode_abi(
        "transfer", [Web3.to_checksum_address(YOU), 5]
    )
    assert transfer.decode_input(transfer.encode(YOU, 5)) == (YOU, 5)
    assert transfer.at(ME, YOU, 5, value=7).value == 7


def test_an_overloaded_name_asks_for_its_signature() -> None:
    """The bare name is refused with the choices; the full signature, spaces and aliases allowed, is taken."""
    with pytest.raises(AbiError, match=r"overloaded; ask for one of liquidate\(address\), liquidate\(addr"):
        LIQUIDATION.function("liquidate")
    both = LIQUIDATION.function("liquidate(address, address)")
    assert both.signature == "liquidate(address,address)"
    assert LIQUIDATION.function("liquidate(address)").encode(ME)[4:] == bytes(12) + b"\x11" * 20
    outputs = both.decode((9).to_bytes(32, "big") + (1).to_bytes(32, "big"))
    assert (outputs.base, outputs.partial) == (9, True)


def test_an_unknown_name_lists_what_there_is() -> None:
    """The message helps with a misspelling."""
    with pytest.raises(AbiError, match="Keeper has no function 'liquidat'; it has liquidate"):
        LIQUIDATION.function("liquidat")
    with pytest.raises(AbiError, match="Keeper has no event"):
        LIQUIDATION.event("Liquidated")
    with pytest.raises(AbiError, match="Keeper has no error"):
        LIQUIDATION.error("TooBig")


def test_a_library_function_keeps_its_own_selector() -> None:
    """Solidity libraries sign structs by name, which a JSON ABI does not show: the selector can be given."""
    plain = Abi.parse(
        [{"type": "function", "name": "prices", "inputs": [parameter("tuple", "i", components=[
            parameter("uint256", "spot")])], "outputs": [parameter("uint256")]}]
    ).function("prices")  # fmt: skip
    library = plain.with_signature("prices(BlackScholes.BlackScholesInputs)")
    assert library.selector != plain.selector
    assert library.encode((5,))[4:] == plain.encode((5,))[4:]
    assert library.decode((6).to_bytes(32, "big")) == 6


def test_events_decode_topics_and_data() -> None:
    """Indexed dynamic arguments are their hash, signed topics are signed, unnamed ones get a name."""
    event = LIQUIDATION.event("Noted")
    data = eth_abi.encode(["uint256[]", "bool"], [[1, 2], True])
    tick = (-5).to_bytes(32, "big", signed=True)
    decoded = event.decode(log([event.topic0, b"\x07" * 32, tick], data))
    assert decoded == {"title": b"\x07" * 32, "tick": -5, "sizes": (1, 2), "arg3": True}
    assert LIQUIDATION.event_by_topic(event.topic0) is event
    assert LIQUIDATION.event_by_topic(b"\0" * 32) is None


def test_an_anonymous_event_has_no_topic_of_its_own() -> None:
    """It decodes without topic0, and is found by name only."""
    event = LIQUIDATION.event("Silent")
    assert event.decode(log([], (3).to_bytes(32, "big"))) == {"x": 3}
    assert LIQUIDATION.event_by_topic(event.topic0) is None


def test_another_events_log_is_refused() -> None:
    """A wrong topic0, a missing topic, short data and dirty bits raise with the event's name."""
    event = LIQUIDATION.event("Noted")
    good = [event.topic0, b"\x07" * 32, bytes(32)]
    data = eth_abi.encode(["uint256[]", "bool"], [[], True])
    for topics, body in (
        ([b"\1" * 32, *good[1:]], data), (good[:2], data), (good, data[:-1]), (good, b""),
        ([*good[:2], b"\xff" + bytes(31)], data),
    ):  # fmt: skip
        with pytest.raises(AbiError, match="Noted"):
            event.decode(log(topics, body))


@given(st.integers(0, 2**256 - 1), st.integers(-128, 127))
def test_custom_errors_go_both_ways(size: int, small: int) -> None:
    """An error's arguments come back by name."""
    error = LIQUIDATION.error("TooSmall")
    data = error.encode(size, small)
    assert LIQUIDATION.error_by_selector(data) is error
    assert error.decode(data) == {"size": size, "arg1": small}
    with pytest.raises(AbiError, match="is not TooSmall"):
        error.decode(b"\0\0\0\0" + data[4:])


def test_calldata_of_another_function_is_refused() -> None:
    """decode_input checks the selector first."""
    function = LIQUIDATION.function("liquidate(address)")
    assert LIQUIDATION.function_by_selector(function.selector) is function
    with pytest.raises(AbiError, match="is not a call of liquidate"):
        function.decode_input(b"\0\0\0\0" + bytes(32))


def test_constructors_take_checked_arguments() -> None:
    """Creation code is bytecode and arguments; a wrong argument names the contract."""
    abi = artifact(TOKEN)
    made = abi.constructor_data(abi.bytecode, "USD Coin", "USDC", 6)
    assert made == abi.bytecode + eth_abi.encode(["string", "string", "uint8"], ["USD Coin", "USDC", 6])
    with pytest.raises(AbiError, match="MintableERC20 constructor: decimals is 256"):
        abi.constructor_data(abi.bytecode, "USD Coin", "USDC", 256)
    assert Abi.parse([]).constructor_data(b"\x60") == b"\x60"


@pytest.mark.parametrize(
    ("bytecode", "expected"),
    [("0x6001", b"\x60\x01"), ({"object": "6001"}, b"\x60\x01"), ("0x60__$lib$__01", b""), ("", b"")],
)
def test_artifacts_of_every_builder(bytecode: Any, expected: bytes) -> None:
    """hardhat, forge, and unlinked bytecode, which stays the caller's to link."""
    assert Abi.parse({"abi": [], "bytecode": bytecode}).bytecode == expected


def test_abis_load_by_name_once() -> None:
    """abis/<venue>/X.json from the repository, parsed once; a name that is not there raises with the path."""
    found = next((ROOT / "abis").glob("*/*.json"))
    name = f"{found.parent.name}/{found.stem}"
    assert Abi.load(name) is Abi.load(name)
    assert Abi.load(name).name == name
    with pytest.raises(ConfigError, match=r"expected abis/no/Such\.json"):
        Abi.load("no/Such")


def test_values_without_a_contract() -> None:
    """abi.encode and abi.decode for types as text."""
    data = encode_values(["uint256", "(address,bytes)[]"], [5, [(ME, b"ab")]])
    assert data == eth_abi.encode(["uint256", "(address,bytes)[]"], [5, [(ME, b"ab")]])
    assert decode_values(["uint256", "(address,bytes)[]"], data) == (5, ((ME, b"ab"),))
    assert encode_values([], []) == b""


def test_reprs_name_the_thing() -> None:
    """What stands in a log or a debugger is readable."""
    assert repr(LIQUIDATION) == "<Abi Keeper: 2 functions, 2 events>"
    assert "liquidate(address)" in repr(LIQUIDATION.function("liquidate(address)"))
    assert "Noted" in repr(LIQUIDATION.event("Noted"))
    assert "TooSmall" in repr(LIQUIDATION.error("TooSmall"))


def test_a_function_is_allowed_with_rules_by_name() -> None:
    """The rule looks at the argument's word in what `encode` makes; a wrong name says so."""
    spender, thief = Address("0x" + "5a" * 20), Address("0x" + "de" * 20)
    approve = Abi.load("perp_v2/ERC20").function("approve")
    allowed = approve.allow(spender, {"spender": {spender}, "amount": 7}, is_trade=False)
    assert (allowed.target, allowed.selector) == (spender, approve.selector)
    assert (allowed.name, allowed.is_trade) == ("approve(address,uint256)", False)

    def admits(*args: Any) -> list[bool]:
        return [rule.admits(approve.encode(*args)[4:], thief) for rule in allowed.rules]

    assert admits(spender, 7) == [True, True]
    assert admits(thief, 8) == [False, False]
    with pytest.raises(AbiError, match="has no argument 'to'"):
        approve.allow(spender, {"to": {spender}})
