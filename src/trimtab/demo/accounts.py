"""What the trader owns at one block, read from the contracts: venue accounts, options, wallet."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from trimtab.chain.abi import Abi
from trimtab.chain.client import Client
from trimtab.hedging.book import Book
from trimtab.hedging.exposure import UnderlyingExposure, read_exposure
from trimtab.model.ids import Address
from trimtab.model.position import MarginAccount
from trimtab.model.units import from_base, from_wad

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Token:
    """An ERC-20 of the trader's wallet. `is_base` tokens are worth the spot price, the others 1."""

    currency: str
    address: Address
    decimals: int
    is_base: bool = False


@dataclass(frozen=True, slots=True)
class AccountValues:
    """Everything the trader owns at one block, in quote currency unless said.

    ether is what pays for gas, in ETH: it is an operating cost, valued when it is spent, so the price moves
    of what is left of it are nobody's profit or loss here.
    """

    block: int
    at: int
    exposure: UnderlyingExposure
    margin: MarginAccount
    wallet: Mapping[str, Decimal]
    wallet_value: Decimal
    ether: Decimal

    @property
    def spot(self) -> Decimal:
        spot = self.exposure.spot_price
        assert spot is not None  # the demo's book has a perp
        return spot

    @property
    def option_value(self) -> Decimal:
        """Signed value of the options at the venue's mark, without collateral."""
        return sum((p.mark_value for p in self.exposure.options), _ZERO)

    @property
    def option_collateral(self) -> Decimal:
        """What the writer posted, all of it in quote currency here."""
        return sum((p.collateral for p in self.exposure.options), _ZERO)

    @property
    def total(self) -> Decimal:
        """Venue account, options with their collateral, and wallet; without the ether for gas."""
        return self.margin.equity + self.option_value + self.option_collateral + self.wallet_value


async def read_accounts(
    client: Client, book: Book, underlying: str, tokens: tuple[Token, ...]
) -> AccountValues:
    """All of it at the latest block."""
    exposure = (await read_exposure(book, client)).of(underlying)
    leg, block = book.hedge_leg(underlying), exposure.block
    erc20 = Abi.load("lyra/ERC20").function("balanceOf")
    async with asyncio.TaskGroup() as group:
        margin = group.create_task(leg.venue.read_margin(leg.account, block=block))
        ether = group.create_task(client.balance(leg.account, block))
        reads = [erc20.read(token.address, leg.account) for token in tokens]
        balances = group.create_task(client.read_many(reads, block=block))
    wallet: dict[str, Decimal] = {}
    value = _ZERO
    for token, balance in zip(tokens, balances.result(), strict=True):
        if isinstance(balance, Exception):
            raise balance
        amount = from_base(balance, token.decimals)
        wallet[token.currency] = amount
        value += amount * (exposure.spot_price or _ZERO) if token.is_base else amount
    return AccountValues(
        block, exposure.at, exposure, margin.result(), wallet, value, from_wad(ether.result())
    )
