"""The Perp v2 adapter: capabilities, and the wiring of the files beside it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from trimtab.chain.client import Client
from trimtab.chain.receipt import Log, Receipt
from trimtab.errors import VenueError
from trimtab.hooks.lens_reader import LensOptions, LensReader
from trimtab.hooks.plans import perp_market_id
from trimtab.model.exposure import Remedies, SandwichExposure
from trimtab.model.ids import Address
from trimtab.model.limits import AllowedCall
from trimtab.model.market import PerpMarket, PerpState
from trimtab.model.order import Fill, OptionIntent, PerpIntent, PerpQuote
from trimtab.model.position import AccountBook, LiquidityRange, MarginAccount, PerpPosition
from trimtab.model.trade import TradeFacts
from trimtab.model.units import to_base_exact
from trimtab.venues.base import Capability, ChainPlan, PerpVenue, VenueEvent
from trimtab.venues.perp_v2.addresses import PerpV2Deployment
from trimtab.venues.perp_v2.batch import BlockRef
from trimtab.venues.perp_v2.books import BookReader
from trimtab.venues.perp_v2.calls import allow_delegation, list_calls
from trimtab.venues.perp_v2.contracts import (
    DELEGATE_APPROVAL,
    ERC20,
    VENUE,
    find_collateral,
    find_market,
    list_addresses,
)
from trimtab.venues.perp_v2.decode import Decoder
from trimtab.venues.perp_v2.duties import Duties
from trimtab.venues.perp_v2.encode import encode_deposit, encode_order, encode_order_for, encode_withdraw
from trimtab.venues.perp_v2.exposure import exposure_of, gas_cost, remedies_of
from trimtab.venues.perp_v2.facts import withdrawal_facts
from trimtab.venues.perp_v2.pool import PoolReader
from trimtab.venues.perp_v2.quote import Quoter
from trimtab.venues.perp_v2.read import Reader
from trimtab.venues.perp_v2.reverts import explain_revert


class PerpV2(Duties, PerpVenue):
    """Perpetuals of one Perp v2 deployment, read through `client`. Holds no key, sends nothing.

    Quotes refuse an index older than its feed allows, unless `refuse_stale_index` is false: the venue itself
    would trade on.
    """

    name = VENUE
    capabilities = frozenset(
        {
            Capability.MARKET_ORDER,
            Capability.REDUCE_ONLY,
            Capability.ACCEPTABLE_PRICE,
            Capability.DEADLINE,
            Capability.MULTI_COLLATERAL,
            Capability.MAKER_LIQUIDITY,
            Capability.DELEGATED_TRADING,
            Capability.LIQUIDATE,
            Capability.LIQUIDATE_COLLATERAL,
            Capability.SANDWICH_EXPOSURE,
            Capability.BOOKS,
        }
    )

    def __init__(
        self,
        client: Client,
        deployment: PerpV2Deployment,
        *,
        refuse_stale_index: bool = True,
        lens: LensOptions | None = None,
    ) -> None:
        self.deployment = deployment
        self.client = client
        self._reader = Reader(client, deployment)
        self._books = BookReader(self._reader, LensReader(client, lens))
        self._quoter = Quoter(client, deployment, refuse_stale_index=refuse_stale_index)
        self._decoder = Decoder(deployment)
        self._pools = PoolReader(client, deployment)

    @property
    def addresses(self) -> dict[str, Address]:
        return list_addresses(self.deployment)

    @property
    def chain_id(self) -> int:
        return self.client.chain_id

    @property
    def allowed_calls(self) -> tuple[AllowedCall, ...]:
        return list_calls(self.deployment)

    def allow_delegation(self, delegate: Address) -> AllowedCall:
        """For the limits of a key that shall be able to approve `delegate`."""
        return allow_delegation(self.deployment, delegate)

    async def read_markets(self) -> Sequence[PerpMarket]:
        return self._reader.list_markets()

    async def read_state(self, market: str, *, block: BlockRef = "latest") -> PerpState:
        return await self._reader.read_state(market, block)

    async def read_position(
        self, account: Address, market: str, *, block: BlockRef = "latest"
    ) -> PerpPosition:
        return await self._reader.read_position(account, market, block)

    async def read_positions(self, account: Address, *, block: BlockRef = "latest") -> Sequence[PerpPosition]:
        """Markets in which the account holds nothing are left out."""
        return [p for p in await self._reader.read_positions(account, block) if p.size or p.open_notional]

    async def read_margin(self, account: Address, *, block: BlockRef = "latest") -> MarginAccount:
        return await self._reader.read_margin(account, block)

    async def read_books(
        self, accounts: Sequence[Address], *, block: BlockRef = "latest"
    ) -> Sequence[AccountBook | VenueError]:
        """Positions and margin of every account; one that cannot be read has its error in its place."""
        return await self._books.read(accounts, block)

    async def read_withdrawal_facts(
        self, account: Address, currency: str, amount: Decimal, *, block: BlockRef = "pending"
    ) -> TradeFacts:
        """What a withdrawal does to the account, for a key whose leverage is limited."""
        asset = find_collateral(self.deployment, currency)
        units = to_base_exact(amount, asset.decimals, "amount")
        snapshot = await self._reader.read_snapshot(account, block)
        return withdrawal_facts(snapshot.account, currency, units)

    async def read_liquidity(
        self, account: Address, market: str, *, block: BlockRef = "latest"
    ) -> Sequence[LiquidityRange]:
        """The account's maker orders in a market."""
        return await self._reader.read_liquidity(account, market, block)

    async def read_open_interest(self, market: str, *, from_block: int = 0) -> tuple[Decimal, Decimal]:
        """Long and short taker positions, units of underlying, summed from the events since `from_block`."""
        return await self._reader.read_open_interest(market, from_block)

    async def read_is_delegate(
        self, account: Address, delegate: Address, *, block: BlockRef = "latest"
    ) -> bool:
        """Whether `delegate` may open positions for `account`."""
        read = DELEGATE_APPROVAL.function("canOpenPositionFor")
        target = self.deployment.contracts["DelegateApproval"]
        return bool(await self.client.call(read.read(target, account, delegate), block=block))

    async def read_quote(
        self, account: Address, intent: PerpIntent, *, block: BlockRef = "pending"
    ) -> PerpQuote:
        return await self._quoter.read_quote(account, intent, block)

    async def read_exposure(
        self,
        account: Address,
        quote: PerpQuote,
        *,
        gas_price_wei: int,
        gas_token_price: Decimal,
        capital: Decimal | None = None,
        block: BlockRef = "pending",
    ) -> SandwichExposure:
        """What an attacker could earn at most by trading around the quoted order, in one block."""
        look = await self._pools.read(quote.intent.market, account=account, block=block)
        return exposure_of(quote, look, gas_cost(gas_price_wei, gas_token_price), capital)

    async def read_remedies(
        self,
        account: Address,
        quote: PerpQuote,
        max_profit: Decimal,
        *,
        gas_price_wei: int,
        gas_token_price: Decimal,
        max_slippage: Decimal | None = None,
        block: BlockRef = "pending",
    ) -> Remedies:
        """The acceptable price, and the amount at once, with which it earns at most `max_profit`."""
        look = await self._pools.read(quote.intent.market, account=account, block=block)
        return remedies_of(quote, look, gas_cost(gas_price_wei, gas_token_price), max_profit, max_slippage)

    def encode_order(self, account: Address, intent: PerpIntent, quote: PerpQuote) -> ChainPlan:  # noqa: ARG002
        """To be sent by `account` itself; see `encode_order_for` for delegates."""
        return encode_order(self.deployment, intent, quote)

    def encode_order_for(self, trader: Address, intent: PerpIntent, quote: PerpQuote) -> ChainPlan:
        """To be sent by a delegate of `trader`."""
        return encode_order_for(self.deployment, trader, intent, quote)

    async def encode_deposit(self, account: Address, currency: str, amount: Decimal) -> ChainPlan:
        allowance = await self.read_allowance(account, currency)
        return encode_deposit(self.deployment, currency, amount, allowance)

    def encode_withdraw(self, account: Address, currency: str, amount: Decimal) -> ChainPlan:  # noqa: ARG002
        return encode_withdraw(self.deployment, currency, amount)

    async def read_allowance(self, account: Address, currency: str) -> int:
        """What the Vault may take of the account's tokens, in base units."""
        token = find_collateral(self.deployment, currency).token
        read = ERC20.function("allowance").read(token, account, self.deployment.contracts["Vault"])
        return int(await self.client.call(read))

    def probe_market(self, intent: PerpIntent | OptionIntent) -> bytes:
        """The base token's word. Raises `UnknownMarketError`."""
        name = intent.market if isinstance(intent, PerpIntent) else intent.series.market.name
        return perp_market_id(find_market(self.deployment, name).base_token)

    def decode_log(self, log: Log) -> VenueEvent | None:
        return self._decoder.decode_log(log)

    def decode_fills(self, receipt: Receipt, account: Address) -> tuple[Fill, ...]:
        return self._decoder.decode_fills(receipt, account)

    def explain_revert(self, data: bytes, market: str | None = None) -> VenueError:
        return explain_revert(data, market)
