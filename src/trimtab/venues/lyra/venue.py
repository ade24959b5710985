"""The venue: the role of `OptionVenue`, and Lyra's own parts beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from trimtab.chain.client import Client
from trimtab.chain.receipt import Log, Receipt
from trimtab.errors import UnknownMarketError, VenueError
from trimtab.hooks.lens_reader import LensOptions, LensReader
from trimtab.hooks.plans import lyra_market_id
from trimtab.model.ids import Address
from trimtab.model.limits import AllowedCall
from trimtab.model.market import (
    OptionChain,
    OptionKind,
    OptionMarket,
    OptionSeries,
    OptionSeriesState,
    OptionType,
)
from trimtab.model.order import Fill, OptionIntent, OptionQuote, PerpIntent
from trimtab.model.position import AccountBook, OptionPosition
from trimtab.model.units import to_text
from trimtab.venues.base import Capability, ChainPlan, VenueEvent
from trimtab.venues.lyra.addresses import LyraDeployment
from trimtab.venues.lyra.books import BookReader
from trimtab.venues.lyra.calls import list_calls
from trimtab.venues.lyra.contracts import VENUE, abi, find_market, option_market, walk_addresses
from trimtab.venues.lyra.decode import Decoder, explain_revert
from trimtab.venues.lyra.encode import (
    KeeperPlans,
    PositionPlans,
    encode_approval,
    encode_trade,
    plan,
)
from trimtab.venues.lyra.pool import LyraPool
from trimtab.venues.lyra.quote import Quoter
from trimtab.venues.lyra.read import BlockTag, Reader

# An allowance below this counts as missing: the approvals that we encode are unlimited.
ENOUGH_ALLOWANCE = 2**128


@dataclass(frozen=True, slots=True)
class LyraOptions:
    """`lend_funds`: quote without the account's balance and allowance, where the node can."""

    lend_funds: bool = True


class Lyra:
    """Lyra on one chain. `positions` has what holders do beside trading, `pool` is for liquidity providers,
    `keeper` has what anybody may do: settle, liquidate, refresh, hedge. Nothing here sends."""

    name = VENUE
    capabilities = frozenset(
        {
            Capability.OPTION_TRADE,
            Capability.ACCEPTABLE_PRICE,
            Capability.FORCE_CLOSE,
            Capability.ADJUST_COLLATERAL,
            Capability.SPLIT_MERGE,
            Capability.LP_QUEUE,
            Capability.SETTLE,
            Capability.BOOKS,
            Capability.LIQUIDATE,
        }
    )

    def __init__(
        self,
        client: Client,
        deployment: LyraDeployment,
        options: LyraOptions | None = None,
        *,
        lens: LensOptions | None = None,
    ) -> None:
        self.deployment = deployment
        chosen = options or LyraOptions()
        self._reader = Reader(client, deployment)
        self._books = BookReader(self._reader, LensReader(client, lens))
        self._quoter = Quoter(self._reader, lend_funds=chosen.lend_funds)
        self._decoder = Decoder(deployment)
        self.pool = LyraPool(self._reader)
        self.positions = PositionPlans(deployment)
        self.keeper = KeeperPlans(deployment)

    @property
    def addresses(self) -> dict[str, Address]:
        """Every contract by name; a market's own as "sETH/OptionMarket"."""
        return {name: address for name, _, _, address in walk_addresses(self.deployment)}

    @property
    def chain_id(self) -> int:
        return self._reader.client.chain_id

    @property
    def allowed_calls(self) -> tuple[AllowedCall, ...]:
        """What trading, positions, pool and keeper encode, but for what gives to others: positions handed
        over, collateral added to a position whoever owns it (`calls.allow_gifts`)."""
        return list_calls(self.deployment)

    async def read_option_markets(self) -> Sequence[OptionMarket]:
        """The markets of the deployment."""
        return [option_market(self.deployment, name) for name in self.deployment.markets]

    async def read_chain(self, market: str, *, block: BlockTag = "latest") -> OptionChain:
        """All live boards. Marks and Greeks are the venue's own at the block, see `pricing`."""
        return await self._reader.read_chain(market, block)

    async def read_series(
        self, market: str, strike_id: int, *, block: BlockTag = "latest"
    ) -> OptionSeriesState:
        """One live strike. `UnknownMarketError` when it is unknown or settled."""
        return await self._reader.read_series(market, strike_id, block)

    async def read_option_positions(
        self, account: Address, *, block: BlockTag = "latest"
    ) -> Sequence[OptionPosition]:
        """Every open position of the account. On a settled board the mark is what the position pays."""
        return await self._reader.read_positions(account, block)

    async def read_books(
        self, accounts: Sequence[Address], *, block: BlockTag = "latest"
    ) -> Sequence[AccountBook | VenueError]:
        """Every account's open positions; one that cannot be read has its error in its place."""
        return await self._books.read(accounts, block)

    async def read_option_quote(
        self, account: Address, intent: OptionIntent, *, block: BlockTag = "pending"
    ) -> OptionQuote:
        """Exact terms: the fill at the same block costs the same, to the wei. The limit is checked too."""
        return await self._quoter.read_quote(account, intent, block)

    async def read_min_collateral(
        self, series: OptionSeries, option_type: OptionType, amount: Decimal, *, block: BlockTag = "latest"
    ) -> Decimal:
        """What a short of `amount` must hold, in base for SHORT_CALL_BASE, else in quote; 0 for a long."""
        return await self._reader.read_min_collateral(series, option_type, amount, block)

    async def read_liquidatable(self, market: str, *, block: BlockTag = "latest") -> Sequence[int]:
        """Ids of all open positions of the market that anybody may liquidate now."""
        return await self._reader.read_liquidatable(market, block)

    def encode_option_order(self, account: Address, intent: OptionIntent, quote: OptionQuote) -> ChainPlan:
        """One transaction, guarded by the intent's limit cost. The quote is not needed to encode it."""
        del account, quote
        name = intent.series.market.name
        call = encode_trade(find_market(self.deployment, name), intent)
        amount, strike = to_text(intent.amount), to_text(intent.series.strike)
        label = f"{intent.action} {amount} {name} {strike} {intent.type}"
        return plan(name, (label, call))

    async def encode_approvals(self, account: Address, market: str) -> ChainPlan:
        """The unlimited approvals of quote and base to the market that the account has not given yet."""
        at = find_market(self.deployment, market)
        spender, allowance = at.contracts["OptionMarket"], abi("ERC20").function("allowance")
        tokens = {"quote": at.quote_asset, "base": at.base_asset}
        given = await self._reader.read_all(
            [allowance.read(token, account, spender) for token in tokens.values()], "latest", market
        )
        return plan(
            market,
            *(
                (f"approve {currency} for {market} trading", encode_approval(token, spender))
                for (currency, token), allowed in zip(tokens.items(), given, strict=True)
                if allowed < ENOUGH_ALLOWANCE
            ),
        )

    def probe_market(self, intent: PerpIntent | OptionIntent) -> bytes:
        """Strike and kind. Raises `UnknownMarketError` for what is no option."""
        if isinstance(intent, PerpIntent):
            raise UnknownMarketError(
                f"{self.name} has options, and {intent.market} is none", venue=self.name, market=intent.market
            )
        return lyra_market_id(intent.series.strike_id, is_call=intent.type.kind is OptionKind.CALL)

    @property
    def decoder(self) -> Decoder:
        """Settlements and liquidations, beside events and fills."""
        return self._decoder

    def decode_log(self, log: Log) -> VenueEvent | None:
        """The event, or None when the log is not this venue's."""
        return self._decoder.decode_log(log)

    def decode_fills(self, receipt: Receipt, account: Address) -> tuple[Fill, ...]:
        """The account's trades in a receipt, liquidations of its positions too."""
        return self._decoder.decode_fills(receipt, account)

    def explain_revert(self, data: bytes, market: str | None = None) -> VenueError:
        """The typed error for revert data, with the venue's meaning; never raises."""
        return explain_revert(data, market)
