"""Probes of both venues, and hands that trade there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from trimtab.chain.call import Call
from trimtab.chain.hashing import keccak256
from trimtab.hooks.artifacts import load_artifact
from trimtab.model.ids import Address
from trimtab.venues.lyra.contracts import abi as lyra_abi
from trimtab.venues.perp_v2.contracts import CLEARING_HOUSE, ERC20, VAULT

WAD = 10**18
FAR = 2**63


@dataclass(frozen=True)
class Hand:
    """What a named account does at the genuine venues, and what a probe tells of it. Every transaction may be
    mined in the second of the block before, so that nothing but the trade moves the account."""

    world: Any
    run: Any
    probe_at: str

    def probe(self, who: str) -> Any:
        return self.probe_of(self.world.accounts[who].address)

    def probe_of(self, account: Address) -> Any:
        read = (
            load_artifact("PerpV2Probe").abi.function("probe").read(Address(self.probe_at.lower()), account)
        )
        return self.run(self.world.client.call(read))

    def send(self, who: str, call: Call, gas: int = 3_000_000) -> Any:
        return self.run(self.world.transact(who, call, gas=gas))

    def send_in_the_same_second(self, who: str, call: Call) -> Any:
        self.run(self.world.control.set_block_interval(0))
        receipt = self.send(who, call)
        self.run(self.world.control.set_block_interval(1))
        return receipt

    def base_token(self, market: str) -> Address:
        return self.world.perp.markets[market].base_token

    def deposit(self, who: str, symbol: str = "USDC", amount: int = 20_000 * 10**6) -> None:
        token, vault = self.world.addresses.tokens[symbol], self.world.perp.contracts["Vault"]
        self.send(who, ERC20.function("approve").at(token, vault, 2**255))
        self.send(who, VAULT.function("deposit").at(vault, token, amount))

    def order(self, market: str, size: int) -> Call:
        """So many of the underlying, a short below zero."""
        is_short = size < 0
        order = (self.base_token(market), is_short, is_short, abs(size), 0, FAR, 0, bytes(32))
        return CLEARING_HOUSE.function("openPosition").at(self.world.perp.contracts["ClearingHouse"], order)

    def close(self, market: str) -> Call:
        order = (self.base_token(market), 0, 0, FAR, bytes(32))
        return CLEARING_HOUSE.function("closePosition").at(self.world.perp.contracts["ClearingHouse"], order)

    def add_range(self, market: str, ticks: tuple[int, int], base: int, quote: int) -> Call:
        order = (self.base_token(market), base, quote, *ticks, 0, 0, False, FAR)
        return CLEARING_HOUSE.function("addLiquidity").at(self.world.perp.contracts["ClearingHouse"], order)

    def fill(self, receipt: Any, who: str) -> tuple[int, int]:
        """Size, and what came for it in quote after the fee, of the trade in a receipt."""
        event = CLEARING_HOUSE.event("PositionChanged")
        (args,) = (
            found
            for log in receipt.logs
            if log.topics[0] == event.topic0
            for found in [event.decode(log)]
            if found["trader"] == self.world.accounts[who].address
        )
        return args["exchangedPositionSize"], args["exchangedPositionNotional"] - args["fee"]

    def option(self, strike: int, kind: int, amount: int, collateral: int, position: int = 0) -> Call:
        """Opens, or adds to a position."""
        order = (strike, position, 1, kind, amount, collateral, 0, 2**255)
        market = self.world.lyra.markets["sETH"].contracts["OptionMarket"]
        return lyra_abi("OptionMarket").function("openPosition").at(market, order)

    def option_close(self, strike: int, kind: int, amount: int, collateral: int, position: int) -> Call:
        order = (strike, position, 1, kind, amount, collateral, 0, 2**255)
        market = self.world.lyra.markets["sETH"].contracts["OptionMarket"]
        return lyra_abi("OptionMarket").function("closePosition").at(market, order)

    def approve_options(self, who: str) -> None:
        at = self.world.lyra.markets["sETH"]
        for token in (at.quote_asset, at.base_asset):
            self.send(who, ERC20.function("approve").at(token, at.contracts["OptionMarket"], 2**255))

    def gas_of(self, target: str, signature: str, account: Address) -> int:
        """Gas of a view of an account, as a transaction of its own."""
        data = keccak256(signature.encode())[:4] + bytes(12) + bytes.fromhex(account[2:])
        call = {"to": target, "data": f"0x{data.hex()}", "gas": hex(20_000_000)}
        traced = self.run(
            self.world.client.request("debug_traceCall", [call, "latest", {"tracer": "callTracer"}])
        )
        return int(traced["gasUsed"], 16)

    def trades(self, receipt: Any) -> list[dict[str, Any]]:
        """Arguments of the receipt's trades at Lyra."""
        event = lyra_abi("OptionMarket").event("Trade")
        return [event.decode(log) for log in receipt.logs if log.topics[0] == event.topic0]


@pytest.fixture
def perp(world, run, deploy, deployer):
    """Perp v2 and its probe."""
    probe = deploy("PerpV2Probe", world.perp.contracts["ClearingHouse"], sender=deployer)
    return Hand(world, run, probe.address)


@pytest.fixture
def lyra(world, run, deploy, deployer):
    """Lyra's sETH market and its probe."""
    contracts, at = world.lyra.contracts, world.lyra.markets["sETH"].contracts
    arguments = (contracts["OptionMarketViewer"], at["OptionMarket"], contracts["BlackScholes"])
    probe = deploy("LyraProbe", *arguments, sender=deployer)
    hand = Hand(world, run, probe.address)
    hand.approve_options("trader")
    return hand
