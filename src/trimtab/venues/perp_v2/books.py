"""Many accounts at one block: by the lens where there are many, one after the other where they are few."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.chain.receipt import Block
from trimtab.errors import VenueError
from trimtab.hooks.lens import PerpHoldingReading, PerpMarketReading, PerpReading, PerpRequest, Unread
from trimtab.hooks.lens_reader import LensReader
from trimtab.model.ids import Address
from trimtab.model.position import AccountBook, CollateralBalance, MarginAccount, PerpPosition
from trimtab.model.units import from_base, from_wad
from trimtab.venues.perp_v2.addresses import PerpV2Deployment
from trimtab.venues.perp_v2.amounts import average_price
from trimtab.venues.perp_v2.batch import BlockRef
from trimtab.venues.perp_v2.contracts import VENUE
from trimtab.venues.perp_v2.read import Reader
from trimtab.venues.perp_v2.reverts import explain_revert

LENS_FROM = 2  # accounts; of one, plain reads move fewer bytes than the code of the lens has


class BookReader:
    """Reads of one deployment; a lens of one's own comes in `lens`."""

    def __init__(self, reader: Reader, lens: LensReader) -> None:
        self._reader = reader
        self._lens = lens

    async def read(self, accounts: Sequence[Address], block: BlockRef) -> list[AccountBook | VenueError]:
        """In order, all at one block."""
        head = await self._reader.client.block(block)
        ref = block if block == "pending" else head.number
        if len(accounts) >= LENS_FROM:
            deployment = self._reader.deployment
            answer = await self._lens.read(accounts, ref, perps=[request_of(deployment)])
            (found,) = answer.perps
            if all(m.price is not None and m.index_price is not None for m in found.markets):
                pairs = zip(accounts, found.accounts, strict=True)
                return [book_from(deployment, a, reading, found.markets, head) for a, reading in pairs]
        return [await self._one(account, ref) for account in accounts]

    async def _one(self, account: Address, ref: BlockRef) -> AccountBook | VenueError:
        try:
            positions = await self._reader.read_positions(account, ref)
            margin = await self._reader.read_margin(account, ref)
        except VenueError as error:
            return error
        held = tuple(p for p in positions if p.size or p.open_notional)
        return AccountBook(VENUE, account, held, (), margin, margin.block)


def request_of(deployment: PerpV2Deployment) -> PerpRequest:
    """What the lens is asked about this deployment."""
    house = deployment.contracts["ClearingHouse"]
    tokens = tuple(m.base_token for m in deployment.markets.values())
    others = (c.token for name, c in deployment.collateral.items() if name != deployment.settlement)
    return PerpRequest(house, tokens, tuple(others))


def book_from(
    deployment: PerpV2Deployment,
    account: Address,
    reading: PerpReading | Unread,
    markets: Sequence[PerpMarketReading],
    head: Block,
) -> AccountBook | VenueError:
    """A reading of the lens in the house's nouns."""
    if isinstance(reading, Unread):
        return explain_revert(reading.reason)
    prices = {market.base_token: market for market in markets}
    held = {holding.base_token: holding for holding in reading.holdings}
    positions = (
        _position(name, account, held[market.base_token], prices[market.base_token], head.number)
        for name, market in deployment.markets.items()
        if market.base_token in held
    )
    kept = tuple(p for p in positions if p.size or p.open_notional)
    margin = _margin(deployment, account, reading, head)
    return AccountBook(VENUE, account, kept, (), margin, head.number)


def _position(
    name: str, account: Address, held: PerpHoldingReading, prices: PerpMarketReading, block: int
) -> PerpPosition:
    liquidation = held.liquidation_price
    return PerpPosition(
        venue=VENUE,
        market=name,
        account=account,
        size=from_wad(held.size),
        open_notional=from_wad(held.open_notional),
        entry_price=average_price(held.open_notional, held.size) if held.size else None,
        mark_price=from_wad(prices.price or 0),
        index_price=from_wad(prices.index_price or 0),
        unrealized_pnl=from_wad(held.value + held.open_notional),
        pending_funding=from_wad(held.pending_funding),
        liquidation_price=None if liquidation is None else from_wad(liquidation),
        block=block,
    )


def _margin(
    deployment: PerpV2Deployment, account: Address, reading: PerpReading, head: Block
) -> MarginAccount:
    return MarginAccount(
        venue=VENUE,
        account=account,
        equity=from_wad(reading.equity),
        initial_margin=from_wad(reading.initial_margin),
        maintenance_margin=from_wad(reading.maintenance_margin),
        free_collateral=from_wad(reading.free_collateral),
        collateral=_collateral(deployment, reading),
        total_notional=from_wad(reading.notional),
        pending_funding=from_wad(sum(h.pending_funding for h in reading.holdings)),
        block=head.number,
        at=head.at,
    )


def _collateral(deployment: PerpV2Deployment, reading: PerpReading) -> tuple[CollateralBalance, ...]:
    posted = {item.token: item for item in reading.collaterals}
    found = []
    for currency, asset in deployment.collateral.items():
        item = posted.get(asset.token)
        if currency == deployment.settlement:
            amount = value = from_base(reading.settlement_balance, asset.decimals)
        else:
            amount = from_base(item.balance if item else 0, asset.decimals)
            value = from_wad(item.value if item else 0)
        found.append(CollateralBalance(currency, asset.token, amount, value))
    return tuple(found)
