"""What every venue of perpetuals must keep: one suite, run by declared capability.

Subclass `PerpVenueConformance` in a test module and give it a `stage` fixture:

    class TestMyVenue(PerpVenueConformance):
        @pytest.fixture
        async def stage(self, ...) -> PerpStage: ...

Each test begins from the stage as the fixture hands it over; nothing in it may be shared between tests.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Protocol

import pytest

from trimtab.chain.client import Client
from trimtab.chain.receipt import Log, Receipt
from trimtab.errors import (
    AcceptablePriceError,
    InsufficientMarginError,
    IntentError,
    LimitError,
    OrderRejectedError,
    UnknownMarketError,
    VenueError,
)
from trimtab.model.ids import Address, BlockHash, TxHash
from trimtab.model.limits import Limits
from trimtab.model.order import PerpIntent, PerpQuote, Side
from trimtab.testing.book_conformance import check_books
from trimtab.testing.calls import check_calls, check_plan, submit_within
from trimtab.testing.capabilities import has, refuses, require
from trimtab.testing.exposure_conformance import ExposureCheck
from trimtab.venues.base import (
    BookVenue,
    Capability,
    ChainPlan,
    DelegationVenue,
    ExposureVenue,
    LiquidationVenue,
    MakerVenue,
    PerpVenue,
)

NOBODY = Address("0x" + "5a" * 20)
WEI = Decimal(1).scaleb(-18)
SIDES = tuple(Side)


class Submit(Protocol):
    """Sends a plan's calls for an account and returns the last receipt. A refusal must be raised as the
    venue's error, from `explain_revert`."""

    async def __call__(self, account: Address, plan: ChainPlan, /) -> Receipt: ...


@dataclass(frozen=True)
class PerpStage:
    """A venue with liquid markets, and two accounts: `account` has margin for a few `size` and more of
    `currency` in its wallet, `delegate` has neither. `ticks` is a range around the price where the venue has
    maker liquidity, `exposed_size` an order that a sandwich pays on where the venue tells exposures."""

    venue: PerpVenue
    client: Client
    market: str
    account: Address
    delegate: Address
    submit: Submit
    currency: str = "USDC"
    size: Decimal = Decimal(1)
    ticks: tuple[int, int] | None = None
    exposed_size: Decimal | None = None


class PerpVenueConformance:
    """The suite. A capability that is not declared must be refused with `UnsupportedActionError`."""

    @pytest.fixture
    async def stage(self) -> PerpStage:
        """To be overridden."""
        pytest.fail("give the suite a `stage` fixture")

    @pytest.fixture(autouse=True)
    def _within_its_calls(self, stage: PerpStage) -> None:
        """Every plan of every test is held to what the venue says it calls."""
        venue: Any = stage.venue
        delegates = has(stage, Capability.DELEGATED_TRADING)
        extra = (venue.allow_delegation(stage.delegate),) if delegates else ()
        object.__setattr__(stage, "submit", submit_within(Limits.of(venue, calls=extra), stage.submit))

    def test_its_calls_are_its_own(self, stage: PerpStage) -> None:
        """See `check_calls`; giving rights to a delegate is not among them, and is allowed by name alone."""
        venue: Any = stage.venue
        check_calls(venue)
        if has(stage, Capability.DELEGATED_TRADING):
            plan = venue.encode_delegation(stage.delegate, approve=True)
            limits = Limits.of(venue, calls=(venue.allow_delegation(NOBODY),))
            with pytest.raises(LimitError):
                check_plan(limits, venue.chain_id, stage.account, plan)

    def test_it_plays_its_roles(self, stage: PerpStage) -> None:
        """The members of PerpVenue, and those of each role whose capability it declares."""
        venue = stage.venue
        assert isinstance(venue, PerpVenue)
        assert venue.name
        assert venue.capabilities <= frozenset(Capability)
        for capability, role in (
            (Capability.MAKER_LIQUIDITY, MakerVenue),
            (Capability.DELEGATED_TRADING, DelegationVenue),
            (Capability.LIQUIDATE, LiquidationVenue),
            (Capability.SANDWICH_EXPOSURE, ExposureVenue),
            (Capability.BOOKS, BookVenue),
        ):
            assert capability not in venue.capabilities or isinstance(venue, role)

    async def test_every_address_has_code(self, stage: PerpStage) -> None:
        """`trimtab doctor` finds a contract at each address that the venue names."""
        for name, address in stage.venue.addresses.items():
            assert await stage.client.code(address), name

    async def test_markets_are_sane(self, stage: PerpStage) -> None:
        """Unique names, positive prices, a fee below 100 %, basis = mark - index, one block."""
        markets = await stage.venue.read_markets()
        assert len({m.name for m in markets}) == len(markets)
        assert stage.market in {m.name for m in markets}
        for market in markets:
            state = await stage.venue.read_state(market.name)
            assert state.market == market
            assert min(state.mark_price, state.index_price, state.spot_price) > 0
            assert 0 <= state.fee_rate < 1
            assert state.basis == state.mark_price - state.index_price
            head = await stage.client.block(state.block)
            assert head.at == state.at

    async def test_an_account_without_anything(self, stage: PerpStage) -> None:
        """Zero everywhere, no health, no liquidation price, and no error."""
        margin = await stage.venue.read_margin(NOBODY)
        assert not any((margin.equity, margin.free_collateral, margin.total_notional))
        assert margin.health is None
        assert not await stage.venue.read_positions(NOBODY)
        position = await stage.venue.read_position(NOBODY, stage.market)
        assert position.size == 0
        assert position.entry_price is None
        assert position.liquidation_price is None

    async def test_unknown_names(self, stage: PerpStage) -> None:
        """An unknown market is an UnknownMarketError that carries the venue."""
        venue, name = stage.venue, "no such market"
        for work in (
            venue.read_state(name),
            venue.read_position(stage.account, name),
            venue.read_quote(stage.account, PerpIntent(name, Side.BUY, size=Decimal(1))),
        ):
            with pytest.raises(UnknownMarketError) as caught:
                await work
            assert caught.value.venue == venue.name
            assert name in str(caught.value)

    @pytest.mark.parametrize(
        "value", [Decimal(0), Decimal(-1), Decimal("NaN"), Decimal("Infinity"), 1.5, True]
    )
    @pytest.mark.parametrize("field", ["size", "notional", "acceptable_price"])
    def test_bad_numbers_never_become_an_intent(self, field: str, value: Any) -> None:
        """Zero, negative, not finite, a float, a bool."""
        terms = {"size": Decimal(1)} if field == "acceptable_price" else {}
        with pytest.raises(IntentError):
            PerpIntent("any market", Side.BUY, **terms, **{field: value})  # type: ignore[arg-type]

    async def test_more_decimals_than_the_venue_has(self, stage: PerpStage) -> None:
        """Refused, not rounded."""
        intent = PerpIntent(stage.market, Side.BUY, size=stage.size + Decimal(1).scaleb(-19))
        with pytest.raises(IntentError):
            await stage.venue.read_quote(stage.account, intent)
        with pytest.raises(IntentError):
            await stage.venue.encode_deposit(stage.account, stage.currency, Decimal(1).scaleb(-30))

    @pytest.mark.parametrize("side", SIDES)
    @pytest.mark.parametrize("by", ["size", "notional"])
    async def test_the_quote_is_the_fill(self, stage: PerpStage, side: Side, by: str) -> None:
        """Size, price and fee of the fill are the quote's, to the wei; so is the account afterwards."""
        require(stage, Capability.MARKET_ORDER)
        amount = stage.size
        if by == "notional":
            state = await stage.venue.read_state(stage.market)
            amount = (stage.size * state.spot_price).quantize(Decimal("1e-6"))
        intent = PerpIntent(stage.market, side, **{by: amount})  # type: ignore[arg-type]
        quote = await self.trade(stage, intent)
        assert (quote.size > 0) is (side is Side.BUY)
        assert await self.holds(stage, quote.size)
        await check_account_after(stage, quote)

    @pytest.mark.parametrize("side", SIDES)
    async def test_close_takes_the_whole_position(self, stage: PerpStage, side: Side) -> None:
        """Nothing is left, and only the closing side closes."""
        require(stage, Capability.MARKET_ORDER)
        opened = await self.trade(stage, PerpIntent(stage.market, side, size=stage.size))
        with pytest.raises(OrderRejectedError):
            await stage.venue.read_quote(stage.account, PerpIntent(stage.market, side, close=True))
        closing = PerpIntent(stage.market, opposite(side), close=True)
        quote = await self.trade(stage, closing)
        assert quote.size == -opened.size
        assert await self.holds(stage, Decimal(0))
        with pytest.raises(OrderRejectedError):
            await stage.venue.read_quote(stage.account, closing)

    async def test_reduce_only_neither_opens_nor_flips(self, stage: PerpStage) -> None:
        """A part and the whole pass; more than the position, the same side, or no position do not."""
        reducing = PerpIntent(stage.market, Side.SELL, size=stage.size, reduce_only=True)
        if not has(stage, Capability.REDUCE_ONLY):
            await refuses(lambda: stage.venue.read_quote(stage.account, reducing))
            return
        with pytest.raises(OrderRejectedError):
            await stage.venue.read_quote(stage.account, reducing)
        await self.trade(stage, PerpIntent(stage.market, Side.BUY, size=stage.size))
        for wrong in (replace(reducing, size=stage.size + WEI), replace(reducing, side=Side.BUY)):
            with pytest.raises(OrderRejectedError):
                await stage.venue.read_quote(stage.account, wrong)
        await self.trade(stage, replace(reducing, size=stage.size / 2))
        await self.trade(stage, replace(reducing, size=stage.size / 2))
        assert await self.holds(stage, Decimal(0))

    @pytest.mark.parametrize("side", SIDES)
    async def test_the_acceptable_price(self, stage: PerpStage, side: Side) -> None:
        """The quoted price passes, a better one is refused here, and one that the market left, on chain."""
        intent = PerpIntent(stage.market, side, size=stage.size)
        if not has(stage, Capability.ACCEPTABLE_PRICE):
            limited = replace(intent, acceptable_price=Decimal(1))
            await refuses(lambda: stage.venue.read_quote(stage.account, limited))
            return
        quote = await stage.venue.read_quote(stage.account, intent)
        better = (quote.price * (1 - side.sign * Decimal("1e-9"))).quantize(WEI)
        with pytest.raises(AcceptablePriceError):
            stage.venue.encode_order(stage.account, replace(intent, acceptable_price=better), quote)
        late = stage.venue.encode_order(stage.account, replace(intent, acceptable_price=quote.price), quote)
        await self.trade(stage, replace(intent, acceptable_price=quote.price))
        with pytest.raises(AcceptablePriceError):
            await stage.submit(stage.account, late)

    async def test_the_deadline(self, stage: PerpStage) -> None:
        """A passed one is refused here; one that passes before the block, on chain."""
        intent = PerpIntent(stage.market, Side.BUY, size=stage.size)
        quote = await stage.venue.read_quote(stage.account, intent)
        passed, last = replace(intent, deadline=quote.at - 1), replace(intent, deadline=quote.at)
        if not has(stage, Capability.DEADLINE):
            await refuses(lambda: stage.venue.read_quote(stage.account, passed))
            return
        with pytest.raises(OrderRejectedError):
            stage.venue.encode_order(stage.account, passed, quote)
        plan = stage.venue.encode_order(stage.account, last, quote)
        await stage.submit(stage.account, plan)
        with pytest.raises(OrderRejectedError):
            await stage.submit(stage.account, plan)

    async def test_a_margin_too_small(self, stage: PerpStage) -> None:
        """The quote says so without failing, and the venue refuses the order by its typed error."""
        equity = (await stage.venue.read_margin(stage.account)).equity
        intent = PerpIntent(stage.market, Side.BUY, notional=(equity * 30).quantize(Decimal("1e-6")))
        quote = await stage.venue.read_quote(stage.account, intent)
        assert not quote.is_margin_sufficient
        with pytest.raises(InsufficientMarginError):
            await stage.submit(stage.account, stage.venue.encode_order(stage.account, intent, quote))

    async def test_deposit_and_withdraw(self, stage: PerpStage) -> None:
        """Equity follows to the unit; more than what is free is refused."""
        before = await stage.venue.read_margin(stage.account)
        amount = Decimal("123.45")
        await stage.submit(
            stage.account, await stage.venue.encode_deposit(stage.account, stage.currency, amount)
        )
        between = await stage.venue.read_margin(stage.account)
        assert between.equity == before.equity + amount
        await stage.submit(stage.account, stage.venue.encode_withdraw(stage.account, stage.currency, amount))
        assert (await stage.venue.read_margin(stage.account)).equity == before.equity
        above = (before.free_collateral + Decimal("0.01")).quantize(Decimal("0.01"))
        with pytest.raises(InsufficientMarginError):
            await stage.submit(
                stage.account, stage.venue.encode_withdraw(stage.account, stage.currency, above)
            )
        with pytest.raises(IntentError):
            stage.venue.encode_withdraw(stage.account, "no such currency", Decimal(1))

    async def test_collateral_of_several_kinds(self, stage: PerpStage) -> None:
        """Where declared, margin lists more than one currency, each with what it counts for."""
        found = (await stage.venue.read_margin(stage.account)).collateral
        assert stage.currency in {c.currency for c in found}
        assert (len(found) > 1) is has(stage, Capability.MULTI_COLLATERAL)

    async def test_maker_liquidity(self, stage: PerpStage) -> None:
        """A range is added, read back, and removed."""
        venue: Any = stage.venue
        if not has(stage, Capability.MAKER_LIQUIDITY):
            await refuses(lambda: venue.read_liquidity(stage.account, stage.market))
            return
        assert stage.ticks is not None, "give the stage a range around the price"
        state = await stage.venue.read_state(stage.market)
        base, ticks = stage.size / 10, stage.ticks
        quote = (base * state.spot_price).quantize(WEI)
        plan = venue.encode_add_liquidity(stage.market, base=base, quote=quote, ticks=ticks)
        await stage.submit(stage.account, plan)
        (added,) = await venue.read_liquidity(stage.account, stage.market)
        await check_books(stage, [stage.account, NOBODY])
        assert added.ticks == ticks
        assert added.prices[0] < state.spot_price < added.prices[1]
        assert 0 < added.base_debt <= base
        removal = venue.encode_remove_liquidity(stage.market, liquidity=added.liquidity, ticks=ticks)
        await stage.submit(stage.account, removal)
        assert not await venue.read_liquidity(stage.account, stage.market)

    async def test_delegated_trading(self, stage: PerpStage) -> None:
        """A delegate trades the account's margin exactly while it is approved."""
        venue: Any = stage.venue
        if not has(stage, Capability.DELEGATED_TRADING):
            await refuses(lambda: venue.read_is_delegate(stage.account, stage.delegate))
            return
        intent = PerpIntent(stage.market, Side.BUY, size=stage.size)
        quote = await stage.venue.read_quote(stage.account, intent)
        order = venue.encode_order_for(stage.account, intent, quote)
        with pytest.raises(OrderRejectedError):
            await stage.submit(stage.delegate, order)
        await stage.submit(stage.account, venue.encode_delegation(stage.delegate, approve=True))
        assert await venue.read_is_delegate(stage.account, stage.delegate)
        receipt = await stage.submit(stage.delegate, order)
        (fill,) = stage.venue.decode_fills(receipt, stage.account)
        assert fill.size == stage.size
        assert stage.venue.decode_fills(receipt, stage.delegate) == ()
        await stage.submit(stage.account, venue.encode_delegation(stage.delegate, approve=False))
        assert not await venue.read_is_delegate(stage.account, stage.delegate)

    async def test_a_healthy_account_is_not_liquidated(self, stage: PerpStage) -> None:
        """By its typed refusal."""
        venue: Any = stage.venue
        if not has(stage, Capability.LIQUIDATE):
            await refuses(lambda: venue.encode_liquidate(stage.account, stage.market))
            return
        await self.trade(stage, PerpIntent(stage.market, Side.BUY, size=stage.size))
        with pytest.raises(OrderRejectedError):
            await stage.submit(stage.delegate, venue.encode_liquidate(stage.account, stage.market))

    @pytest.mark.parametrize("side", SIDES)
    async def test_exposure_and_remedies(self, stage: PerpStage, side: Side) -> None:
        """See `exposure_conformance.py`: limits, costs and remedies bring the worst sandwich down."""
        if not has(stage, Capability.SANDWICH_EXPOSURE):
            return
        assert stage.exposed_size is not None, "give the stage a size that is exposed"
        check = ExposureCheck(stage.venue, stage.account)
        await check.check_order(PerpIntent(stage.market, side, size=stage.exposed_size))

    async def test_logs_of_others_are_not_ours(self, stage: PerpStage) -> None:
        """Every log of a trade decodes or is None; a log of an unknown contract is None."""
        quote = await stage.venue.read_quote(
            stage.account, PerpIntent(stage.market, Side.BUY, size=stage.size)
        )
        receipt = await stage.submit(
            stage.account, stage.venue.encode_order(stage.account, quote.intent, quote)
        )
        events = [stage.venue.decode_log(log) for log in receipt.logs]
        assert any(event is not None for event in events)
        stray = Log(NOBODY, (b"\1" * 32,), b"", 1, BlockHash("0x"), TxHash("0x"), 0)
        assert stage.venue.decode_log(stray) is None

    @pytest.mark.parametrize("data", [b"", b"\1\2\3\4", b"\x08\xc3\x79\xa0" + b"\xff" * 40])
    def test_any_revert_is_explained(self, stage: PerpStage, data: bytes) -> None:
        """explain_revert never raises and always says something."""
        error = stage.venue.explain_revert(data, stage.market)
        assert isinstance(error, VenueError)
        assert str(error)

    async def trade(self, stage: PerpStage, intent: PerpIntent) -> PerpQuote:
        """Quote and fill at the same block, which must agree to the wei."""
        quote = await stage.venue.read_quote(stage.account, intent)
        assert quote.is_margin_sufficient
        receipt = await stage.submit(stage.account, stage.venue.encode_order(stage.account, intent, quote))
        assert receipt.block == quote.block
        (fill,) = stage.venue.decode_fills(receipt, stage.account)
        assert (fill.size, fill.price, fill.fee) == (quote.size, quote.price, quote.fee)
        assert stage.venue.decode_fills(receipt, NOBODY) == ()
        return quote

    async def holds(self, stage: PerpStage, size: Decimal) -> bool:
        position = await stage.venue.read_position(stage.account, stage.market)
        listed = {p.market: p.size for p in await stage.venue.read_positions(stage.account)}
        return position.size == size == listed.get(stage.market, Decimal(0))


async def check_account_after(stage: PerpStage, quote: PerpQuote) -> None:
    """The account in the block of the fill is the one that the quote foretold."""
    margin = await stage.venue.read_margin(stage.account, block=quote.block)
    position = await stage.venue.read_position(stage.account, quote.intent.market, block=quote.block)
    assert margin.equity == quote.equity_after
    assert margin.free_collateral == quote.free_collateral_after
    assert position.liquidation_price == quote.liquidation_price_after


def opposite(side: Side) -> Side:
    return Side.SELL if side is Side.BUY else Side.BUY
