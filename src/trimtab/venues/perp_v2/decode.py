"""Logs to events, events to fills. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from trimtab.chain.receipt import Log, Receipt
from trimtab.model.ids import Address, TxHash
from trimtab.model.order import Fill
from trimtab.model.units import from_wad
from trimtab.venues.base import VenueEvent
from trimtab.venues.perp_v2.addresses import PerpV2Deployment
from trimtab.venues.perp_v2.amounts import average_price
from trimtab.venues.perp_v2.contracts import VENUE, list_emitters


class Decoder:
    """Knows every event of one deployment by emitter and topic."""

    def __init__(self, deployment: PerpV2Deployment) -> None:
        self._markets = {market.base_token: name for name, market in deployment.markets.items()}
        self._events = {
            (address, event.topic0): (contract, event)
            for address, (contract, abi) in list_emitters(deployment).items()
            for event in abi.events.values()
        }

    def decode_log(self, log: Log) -> VenueEvent | None:
        """The event, or None when the log is not this venue's."""
        known = self._events.get((log.address, log.topics[0])) if log.topics else None
        if known is None:
            return None
        contract, event = known
        return VenueEvent(
            VENUE,
            contract,
            event.name,
            event.decode(log),
            log.address,
            log.block,
            log.log_index,
            log.tx_hash,
        )

    def decode_logs(self, logs: Iterable[Log]) -> list[VenueEvent]:
        """The venue's events among the logs, in order."""
        return [event for event in map(self.decode_log, logs) if event is not None]

    def decode_fills(self, receipt: Receipt, account: Address) -> tuple[Fill, ...]:
        """The fills of `account`, in log order. Funding that the transaction settled goes to the fill after
        it. A liquidated account's fee is the penalty; the liquidator's reward is in its price. A maker that
        removes liquidity gets the base it bought or sold as a fill without fee."""
        fills: list[Fill] = []
        funding: dict[str, int] = {}
        for event in self.decode_logs(receipt.logs):
            if event.contract != "ClearingHouse" or event.args.get("trader") != account:
                continue
            token = event.args["baseToken"]
            if event.name == "FundingPaymentSettled":
                funding[token] = funding.get(token, 0) + event.args["fundingPayment"]
            elif event.name in ("PositionChanged", "PositionClosed"):
                fill = self._fill(event, funding.pop(token, 0))
                fills.extend([fill] if fill.size else [])
            elif event.name == "PositionLiquidated":
                _charge_penalty(fills, self._name(token), event.args["liquidationFee"])
        return tuple(fills)

    def _name(self, base_token: Address) -> str:
        return self._markets.get(base_token, base_token)

    def _fill(self, event: VenueEvent, funding: int) -> Fill:
        size, notional, fee = _exchanged(event)
        return Fill(
            venue=VENUE,
            market=self._name(event.args["baseToken"]),
            size=from_wad(size),
            price=average_price(notional, size) if size else Decimal(0),
            fee=from_wad(fee),
            realized_pnl=from_wad(event.args["realizedPnl"]),
            funding=from_wad(-funding),
            tx_hash=TxHash(event.tx_hash),
            block=event.block,
            log_index=event.log_index,
        )


def _exchanged(event: VenueEvent) -> tuple[int, int, int]:
    """Signed size, notional and fee. A closed market's position leaves at the closing price without fee."""
    args = event.args
    if event.name == "PositionClosed":
        return -args["closedPositionSize"], args["closedPositionNotional"], 0
    return args["exchangedPositionSize"], args["exchangedPositionNotional"], args["fee"]


def _charge_penalty(fills: list[Fill], market: str, penalty: int) -> None:
    """PositionLiquidated follows the PositionChanged of the account that it liquidated."""
    for index in reversed(range(len(fills))):
        if fills[index].market == market:
            fills[index] = replace(fills[index], fee=fills[index].fee + from_wad(penalty))
            return
