"""What every option venue must keep: one suite, run by declared capability.

Subclass `OptionVenueConformance` in a test module and give it a `stage` fixture:

    class TestMyVenue(OptionVenueConformance):
        @pytest.fixture
        async def stage(self, ...) -> OptionStage: ...

Each test begins from the stage as the fixture hands it over; nothing in it may be shared between tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Protocol

import pytest

from trimtab.chain.client import Client
from trimtab.chain.receipt import Log, Receipt
from trimtab.errors import (
    AcceptablePriceError,
    InsufficientMarginError,
    IntentError,
    UnknownMarketError,
    UnsupportedActionError,
    VenueError,
)
from trimtab.model.ids import Address, BlockHash, TxHash
from trimtab.model.limits import Limits
from trimtab.model.market import OptionChain, OptionKind, OptionSeriesState, OptionType
from trimtab.model.order import Fill, OptionAction, OptionIntent, OptionQuote
from trimtab.model.position import OptionPosition
from trimtab.testing.book_conformance import check_books
from trimtab.testing.calls import check_calls, submit_within
from trimtab.testing.capabilities import has, require
from trimtab.venues.base import Capability, ChainPlan, OptionVenue

NOBODY = Address("0x" + "5a" * 20)
WEI = Decimal(1).scaleb(-18)
GREEKS_AGREE = Decimal("1e-6")  # relative; a venue may round its own Greeks
OPTION_TYPES = tuple(OptionType)


class Submit(Protocol):
    """Sends a plan's calls for an account and returns the last receipt, None for an empty plan. A refusal
    must be raised as the venue's error, from `explain_revert`."""

    async def __call__(self, account: Address, plan: ChainPlan) -> Receipt | None: ...


@dataclass(frozen=True)
class OptionStage:
    """A venue with a market in it, and an account that can pay for a few options. `amount` is a size that
    the venue takes for every option type, one that it quotes near the money."""

    venue: OptionVenue
    client: Client
    market: str
    account: Address
    submit: Submit
    amount: Decimal = Decimal(1)


class OptionVenueConformance:
    """The suite. A capability that is not declared must be refused with `UnsupportedActionError`."""

    @pytest.fixture
    async def stage(self) -> OptionStage:
        """To be overridden."""
        pytest.fail("give the suite a `stage` fixture")

    @pytest.fixture(autouse=True)
    def _within_its_calls(self, stage: OptionStage) -> None:
        """Every plan of every test is held to what the venue says it calls."""
        object.__setattr__(stage, "submit", submit_within(Limits.of(stage.venue), stage.submit))

    def test_its_calls_are_its_own(self, stage: OptionStage) -> None:
        """See `check_calls`."""
        check_calls(stage.venue)

    def test_it_plays_the_role(self, stage: OptionStage) -> None:
        """The venue has the members of OptionVenue and declares capabilities of the house."""
        assert isinstance(stage.venue, OptionVenue)
        assert stage.venue.name
        assert stage.venue.capabilities <= frozenset(Capability)

    async def test_every_address_has_code(self, stage: OptionStage) -> None:
        """`trimtab doctor` finds a contract at each address that the venue names."""
        for name, address in stage.venue.addresses.items():
            assert await stage.client.code(address), name

    async def test_markets_and_chains_are_sane(self, stage: OptionStage) -> None:
        """Unique names; every strike has a positive volatility, marks, and deltas inside their bounds."""
        markets = await stage.venue.read_option_markets()
        assert len({m.name for m in markets}) == len(markets)
        assert stage.market in {m.name for m in markets}
        for market in markets:
            check_chain(await stage.venue.read_chain(market.name))

    async def test_a_series_is_its_part_of_the_chain(self, stage: OptionStage) -> None:
        """read_series gives what read_chain shows for the strike at the same block."""
        chain = await stage.venue.read_chain(stage.market)
        state = near_the_money(chain)
        read = await stage.venue.read_series(stage.market, state.series.strike_id, block=chain.block)
        assert read == state

    async def test_unknown_names_and_ids(self, stage: OptionStage) -> None:
        """An unknown market or strike is an UnknownMarketError that carries the venue."""
        venue, series = stage.venue, (await self.state(stage)).series
        lost = replace(series, market=replace(series.market, name="no such market"))
        intent = OptionIntent(lost, OptionType.LONG_CALL, OptionAction.OPEN, stage.amount)
        for work in (
            venue.read_chain("no such market"),
            venue.read_series("no such market", 1),
            venue.read_series(stage.market, 10**9),
            venue.read_min_collateral(lost, OptionType.SHORT_PUT_QUOTE, stage.amount),
            venue.read_option_quote(stage.account, intent),
            venue.encode_approvals(stage.account, "no such market"),
        ):
            with pytest.raises(UnknownMarketError) as caught:
                await work
            assert caught.value.venue == venue.name
            assert str(caught.value)

    @pytest.mark.parametrize("option_type", OPTION_TYPES)
    async def test_the_quote_is_the_fill(self, stage: OptionStage, option_type: OptionType) -> None:
        """Opened and closed at the quoted cost to the wei, and the position is there between."""
        require(stage, Capability.OPTION_TRADE)
        opening = await self.intent(stage, option_type)
        quote, receipt = await self.trade(stage, opening)
        fills = stage.venue.decode_fills(receipt, stage.account)
        check_fills_match(quote, sum((f.size for f in fills), Decimal(0)), fills_cost(fills))
        assert receipt.block == quote.block
        assert stage.venue.decode_fills(receipt, NOBODY) == ()
        (position,) = await stage.venue.read_option_positions(stage.account)
        check_position(position, opening)
        await check_books(stage, [stage.account, NOBODY])
        closing = replace(
            opening,
            action=OptionAction.CLOSE,
            position_id=position.position_id,
            set_collateral_to=Decimal(0),
        )
        quote, receipt = await self.trade(stage, closing)
        fills = stage.venue.decode_fills(receipt, stage.account)
        check_fills_match(quote, sum((f.size for f in fills), Decimal(0)), fills_cost(fills))
        assert not await stage.venue.read_option_positions(stage.account)

    @pytest.mark.parametrize("option_type", OPTION_TYPES)
    async def test_a_limit_one_wei_too_tight_is_refused(
        self, stage: OptionStage, option_type: OptionType
    ) -> None:
        """At the quoted cost it is quoted; one wei better, quote and order say AcceptablePriceError."""
        require(stage, Capability.ACCEPTABLE_PRICE)
        intent = await self.intent(stage, option_type)
        quote = await stage.venue.read_option_quote(stage.account, intent)
        exact = replace(intent, limit_cost=quote.total_cost)
        assert (await stage.venue.read_option_quote(stage.account, exact)).total_cost == quote.total_cost
        tight = replace(intent, limit_cost=quote.total_cost - option_type.sign * WEI)
        with pytest.raises(AcceptablePriceError):
            await stage.venue.read_option_quote(stage.account, tight)
        with pytest.raises(AcceptablePriceError):
            await stage.submit(stage.account, stage.venue.encode_option_order(stage.account, tight, quote))

    async def test_a_short_must_hold_its_minimum(self, stage: OptionStage) -> None:
        """Collateral one wei below the venue's own minimum is an InsufficientMarginError."""
        require(stage, Capability.OPTION_TRADE)
        intent = await self.intent(stage, OptionType.SHORT_PUT_QUOTE)
        quote = await stage.venue.read_option_quote(stage.account, intent)
        assert quote.min_collateral is not None
        poor = replace(intent, set_collateral_to=quote.min_collateral - WEI)
        with pytest.raises(InsufficientMarginError):
            await stage.venue.read_option_quote(stage.account, poor)

    async def test_force_close_is_declared_or_unsupported(self, stage: OptionStage) -> None:
        """Declared: it fills or the venue gives its reason. Not declared: UnsupportedActionError."""
        require(stage, Capability.OPTION_TRADE)
        opening = await self.intent(stage, OptionType.LONG_CALL)
        await self.trade(stage, opening)
        (position,) = await stage.venue.read_option_positions(stage.account)
        force = replace(opening, action=OptionAction.FORCE_CLOSE, position_id=position.position_id)
        if not has(stage, Capability.FORCE_CLOSE):
            with pytest.raises(UnsupportedActionError):
                await stage.venue.read_option_quote(stage.account, force)
            return
        try:
            quote, receipt = await self.trade(stage, force)
        except UnsupportedActionError:
            pytest.fail("force close is declared, then it is supported")
        except VenueError:
            return  # the venue's own reason, like a delta at which an ordinary close is possible
        fills = stage.venue.decode_fills(receipt, stage.account)
        check_fills_match(quote, sum((f.size for f in fills), Decimal(0)), fills_cost(fills))

    async def test_nothing_is_rounded_away(self, stage: OptionStage) -> None:
        """An amount with more decimals than the venue keeps is an IntentError, quoted or encoded."""
        intent = await self.intent(stage, OptionType.LONG_CALL)
        quote = await stage.venue.read_option_quote(stage.account, intent)
        fine = replace(intent, amount=stage.amount + Decimal("1e-24"))
        with pytest.raises(IntentError):
            await stage.venue.read_option_quote(stage.account, fine)
        with pytest.raises(IntentError):
            stage.venue.encode_option_order(stage.account, fine, quote)

    async def test_approvals_are_asked_for_once(self, stage: OptionStage) -> None:
        """A new account needs approvals; after they are mined the plan is empty."""
        plan = await stage.venue.encode_approvals(NOBODY, stage.market)
        assert len(plan.calls) == len(plan.labels) > 0
        await stage.submit(stage.account, await stage.venue.encode_approvals(stage.account, stage.market))
        assert (await stage.venue.encode_approvals(stage.account, stage.market)).calls == ()

    async def test_the_past_stays_readable(self, stage: OptionStage) -> None:
        """A chain read again at its block is the same after a trade; the latest one is not."""
        require(stage, Capability.OPTION_TRADE)
        before = await stage.venue.read_chain(stage.market)
        await self.trade(stage, await self.intent(stage, OptionType.LONG_PUT))
        assert await stage.venue.read_chain(stage.market, block=before.block) == before
        assert await stage.venue.read_chain(stage.market) != before

    async def test_an_account_without_positions(self, stage: OptionStage) -> None:
        """No positions is an empty sequence, not an error."""
        assert list(await stage.venue.read_option_positions(NOBODY)) == []

    def test_foreign_bytes_are_no_surprise(self, stage: OptionStage) -> None:
        """A log of another contract decodes to None; any revert data is explained and nothing is raised."""
        log = Log(NOBODY, (b"\x01" * 32,), b"", 1, BlockHash("0x"), TxHash("0x"), 0)
        assert stage.venue.decode_log(log) is None
        for data in (b"", b"\x00", b"\xff" * 4, b"\xff" * 68, bytes.fromhex("08c379a0")):
            error = stage.venue.explain_revert(data, stage.market)
            assert isinstance(error, VenueError)
            assert str(error)

    async def state(self, stage: OptionStage) -> OptionSeriesState:
        """The strike nearest to the money of the first board."""
        return near_the_money(await stage.venue.read_chain(stage.market))

    async def intent(self, stage: OptionStage, option_type: OptionType) -> OptionIntent:
        """Open the stage's amount near the money, with twice the minimum collateral."""
        series = (await self.state(stage)).series
        least = await stage.venue.read_min_collateral(series, option_type, stage.amount)
        collateral = (2 * least).quantize(Decimal("1e-6"))
        return OptionIntent(
            series, option_type, OptionAction.OPEN, stage.amount, set_collateral_to=collateral
        )

    async def trade(self, stage: OptionStage, intent: OptionIntent) -> tuple[OptionQuote, Receipt]:
        """Quote, encode, send."""
        quote = await stage.venue.read_option_quote(stage.account, intent)
        receipt = await stage.submit(
            stage.account, stage.venue.encode_option_order(stage.account, intent, quote)
        )
        assert receipt is not None
        return quote, receipt


def near_the_money(chain: OptionChain) -> OptionSeriesState:
    """The strike of the first board that is nearest to the spot."""
    return min(chain.boards[0].strikes, key=lambda s: abs(s.series.strike - chain.spot_price))


def check_chain(chain: OptionChain) -> None:
    """Bounds that hold for every venue."""
    assert chain.spot_price > 0
    for board in chain.boards:
        assert board.trading_cutoff_at <= board.expiry
        for s in board.strikes:
            assert (s.series.board_id, s.series.expiry) == (board.board_id, board.expiry)
            assert s.series.market == chain.market
            assert s.series.strike > 0
            assert s.iv > 0
            assert s.call_price >= 0 <= s.put_price
            assert 0 <= s.call.delta <= 1
            assert -1 <= s.put.delta <= 0


def check_fills_match(quote: OptionQuote, size: Decimal, cost: Decimal) -> None:
    """Size and cost of the fills are those of the quote."""
    intent = quote.intent
    bought = intent.type.is_long == (intent.action is OptionAction.OPEN)
    assert size == (intent.amount if bought else -intent.amount)
    # A fill's price is a rounded quotient: the cost made of it again is exact to its last digit.
    assert abs(cost - quote.total_cost) <= abs(quote.total_cost) * Decimal("1e-24")


def fills_cost(fills: Sequence[Fill]) -> Decimal:
    """What the fills cost a buyer or brought a seller, fees inside."""
    return abs(sum((f.size * f.price + f.fee for f in fills), Decimal(0)))


def check_position(position: OptionPosition, intent: OptionIntent) -> None:
    """The position is what was ordered, and venue and we agree about its delta and vega."""
    assert (position.series, position.type, position.amount) == (intent.series, intent.type, intent.amount)
    assert position.collateral == intent.set_collateral_to
    is_up = intent.type.is_long == (intent.type.kind is OptionKind.CALL)
    for greeks in (position.venue_greeks, position.greeks):
        assert (greeks.delta > 0) == is_up
        assert (greeks.vega > 0) == intent.type.is_long
    assert (position.greeks.gamma > 0) == intent.type.is_long
    for ours, theirs in (
        (position.greeks.delta, position.venue_greeks.delta),
        (position.greeks.vega, position.venue_greeks.vega),
    ):
        assert abs(ours - theirs) <= abs(theirs) * GREEKS_AGREE
    if not intent.type.is_long:
        assert position.min_collateral is not None
        assert position.min_collateral <= position.collateral
