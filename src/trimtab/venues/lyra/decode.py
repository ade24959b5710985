"""Logs into events, fills, settlements and liquidations; reverts into typed errors. Pure.

ERC-20 and ERC-721 share the topic of Transfer and Approval, so a log is decoded by its address first, then
by its topic and its number of indexed arguments.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any

from trimtab.chain.abi import AbiEvent
from trimtab.chain.receipt import Log, Receipt
from trimtab.chain.reverts import Revert, decode_revert
from trimtab.errors import OrderRejectedError, VenueError
from trimtab.model.ids import Address
from trimtab.model.order import Fill
from trimtab.model.units import from_wad
from trimtab.venues.base import VenueEvent
from trimtab.venues.lyra.addresses import LyraDeployment
from trimtab.venues.lyra.contracts import CONTRACTS, OPTION_TYPES, VENUE, abi, walk_addresses
from trimtab.venues.lyra.reverts import CUSTOM_ERRORS, PANICS, TEXTS, Meaning
from trimtab.venues.lyra.state import Liquidation, Settlement

_LIQUIDATE = 2


class Decoder:
    """Decodes the logs of one deployment."""

    def __init__(self, deployment: LyraDeployment) -> None:
        self._contracts = {
            address: (contract, market)
            for _, market, contract, address in walk_addresses(deployment)
            if contract in CONTRACTS
        }

    def decode_log(self, log: Log) -> VenueEvent | None:
        """The event, or None when the log is of another address or of an unknown topic."""
        known = self._contracts.get(log.address)
        if known is None or not log.topics:
            return None
        event = _events(known[0]).get((log.topics[0], len(log.topics) - 1))
        if event is None:
            return None
        return VenueEvent(
            VENUE,
            known[0],
            event.name,
            event.decode(log),
            log.address,
            log.block,
            log.log_index,
            log.tx_hash,
        )

    def decode_fills(self, receipt: Receipt, account: Address) -> tuple[Fill, ...]:
        """Trades of `account`, liquidations of its positions too. `realized_pnl` and `funding` stay 0: the
        venue keeps no entry price and charges no funding. A change of collateral alone is no fill."""
        return tuple(
            _fill(market, log, args)
            for market, log, args in self._named(receipt, "OptionMarket", "Trade")
            if args["trader"] == account and args["tradeResults"]
        )

    def decode_settlements(self, receipt: Receipt, account: Address | None = None) -> tuple[Settlement, ...]:
        """Positions paid out after expiry: of `account`, or of everybody."""
        return tuple(
            Settlement(
                market,
                args["positionId"],
                args["optionOwner"],
                OPTION_TYPES[args["optionType"]],
                from_wad(args["strikePrice"]),
                from_wad(args["priceAtExpiry"]),
                from_wad(args["amount"]),
                from_wad(args["settlementAmount"]),
                from_wad(args["insolventAmount"]),
                log.tx_hash,
                log.block,
                log.log_index,
            )
            for market, log, args in self._named(receipt, "ShortCollateral", "PositionSettled")
            if account in (None, args["optionOwner"])
        )

    def decode_liquidations(
        self, receipt: Receipt, account: Address | None = None
    ) -> tuple[Liquidation, ...]:
        """Positions liquidated: of `account`, or of everybody."""
        return tuple(
            _liquidation(market, log, args)
            for market, log, args in self._named(receipt, "OptionMarket", "Trade")
            if args["trade"].tradeDirection == _LIQUIDATE and account in (None, args["trader"])
        )

    def _named(self, receipt: Receipt, contract: str, name: str) -> Iterator[tuple[str, Log, dict[str, Any]]]:
        event = abi(contract).event(name)
        for log in receipt.logs:
            known = self._contracts.get(log.address)
            if known and known[0] == contract and log.topics and log.topics[0] == event.topic0:
                yield known[1] or "", log, event.decode(log)


@cache
def _events(contract: str) -> dict[tuple[bytes, int], AbiEvent]:
    return {(event.topic0, sum(event.indexed)): event for event in abi(contract).events.values()}


def _fill(market: str, log: Log, args: dict[str, Any]) -> Fill:
    """The premium is the cost without the fees; a seller's fees come out of the premium."""
    trade, results = args["trade"], args["tradeResults"]
    amount = sum(result.amount for result in results)
    premium = sum(result.premium for result in results)
    fee = sum(result.totalFee for result in results)
    is_bought = OPTION_TYPES[trade.optionType].is_long == (trade.tradeDirection == 0)
    size = from_wad(amount)
    return Fill(
        VENUE,
        market,
        size if is_bought else -size,
        from_wad(premium) / size,
        from_wad(fee),
        Decimal(0),
        Decimal(0),
        log.tx_hash,
        log.block,
        log.log_index,
        args["positionId"],
    )


def _liquidation(market: str, log: Log, args: dict[str, Any]) -> Liquidation:
    trade, fees = args["trade"], args["liquidation"]
    return Liquidation(
        market,
        args["positionId"],
        args["trader"],
        fees.rewardBeneficiary,
        OPTION_TYPES[trade.optionType],
        from_wad(trade.amount),
        from_wad(trade.totalCost),
        from_wad(fees.returnCollateral),
        from_wad(fees.lpPremiums),
        from_wad(fees.lpFee),
        from_wad(fees.liquidatorFee),
        from_wad(fees.smFee),
        from_wad(fees.insolventAmount),
        log.tx_hash,
        log.block,
        log.log_index,
    )


def explain_revert(data: bytes, market: str | None = None) -> VenueError:
    """The typed error for revert data: what the venue's own error means and with which values."""
    revert = decode_revert(data, [abi(contract) for contract in CONTRACTS])
    where = f"lyra {market}" if market else "lyra"
    kind, meaning = _meaning(revert)
    values = ", ".join(f"{name}={value}" for name, value in revert.args.items() if name != "thrower")
    message = f"{where}: {meaning} ({revert.name}{': ' + values if values else ''})"
    if issubclass(kind, OrderRejectedError):
        return kind(message, venue=VENUE, market=market, reason=revert.name)
    return kind(message, venue=VENUE, market=market)


def _meaning(revert: Revert) -> Meaning:
    if revert.name in CUSTOM_ERRORS:
        return CUSTOM_ERRORS[revert.name]
    if revert.name == "Panic":
        code = next(iter(revert.args.values()), None)
        return PANICS.get(code, (OrderRejectedError, "the contract met an internal error"))  # type: ignore[arg-type]
    for text, meaning in TEXTS.items():
        if text in revert.text:
            return meaning
    return OrderRejectedError, "the contract refused without a reason that is known here"
