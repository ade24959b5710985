"""Intents into calls. Pure: nothing is read, nothing is sent. Amounts with too many decimals are refused."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from trimtab.chain.call import Call
from trimtab.errors import IntentError
from trimtab.model.ids import ZERO_ADDRESS, Address
from trimtab.model.market import OptionType
from trimtab.model.order import OptionAction, OptionIntent
from trimtab.model.position import OptionPosition
from trimtab.model.units import to_base_down, to_base_up, to_decimal, to_positive, to_wad_exact
from trimtab.venues.base import ChainPlan
from trimtab.venues.lyra.addresses import LyraDeployment, LyraMarketAddresses
from trimtab.venues.lyra.contracts import TYPE_INDEX, VENUE, abi, find_market

MAX_UINT = 2**256 - 1
FUNCTIONS = {
    OptionAction.OPEN: "openPosition",
    OptionAction.CLOSE: "closePosition",
    OptionAction.FORCE_CLOSE: "forceClosePosition",
}


def is_buy(option_type: OptionType, action: OptionAction) -> bool:
    """True when the trader pays the total cost: opens a long or closes a short."""
    return option_type.is_long == (action is OptionAction.OPEN)


def cost_bounds(intent: OptionIntent) -> tuple[int, int]:
    """minTotalCost and maxTotalCost in base units, rounded against the venue: a payer never pays more than
    `limit_cost`, a receiver never gets less. Without a limit every cost is taken."""
    if intent.limit_cost is None:
        return 0, MAX_UINT
    if intent.limit_cost < 0:
        raise IntentError(
            f"limit_cost must not be negative, got {intent.limit_cost}: costs have no sign at this venue",
            field="limit_cost",
            value=intent.limit_cost,
        )
    if is_buy(intent.type, intent.action):
        return 0, to_base_down(intent.limit_cost, 18, "limit_cost")
    return to_base_up(intent.limit_cost, 18, "limit_cost"), MAX_UINT


def encode_trade(market: LyraMarketAddresses, intent: OptionIntent) -> Call:
    """The trade's call, with the intent's own limit. A position's collateral is what it shall be after it."""
    if intent.type.is_long and intent.set_collateral_to:
        raise IntentError(
            f"a {intent.type} holds no collateral; leave set_collateral_to at 0",
            field="set_collateral_to",
            value=intent.set_collateral_to,
        )
    least, most = cost_bounds(intent)
    order = (
        intent.series.strike_id,
        intent.position_id or 0,
        intent.iterations,
        TYPE_INDEX[intent.type],
        to_wad_exact(intent.amount, "amount"),
        to_wad_exact(intent.set_collateral_to, "set_collateral_to"),
        least,
        most,
    )
    trade = abi("OptionMarket").function(FUNCTIONS[intent.action])
    return trade.at(market.contracts["OptionMarket"], order)


def plan(market: str, *steps: tuple[str, Call]) -> ChainPlan:
    return ChainPlan(VENUE, market, tuple(call for _, call in steps), tuple(label for label, _ in steps))


def encode_approval(token: Address, spender: Address) -> Call:
    return abi("ERC20").function("approve").at(token, spender, MAX_UINT)


class _Plans:
    def __init__(self, deployment: LyraDeployment) -> None:
        self._deployment = deployment

    def _function(self, contract: str, function: str, market: str, *args: object) -> Call:
        address = find_market(self._deployment, market).contracts[contract]
        return abi(contract).function(function).at(address, *args)


class PositionPlans(_Plans):
    """What the holder of a position can do with it, beside trading."""

    def encode_add_collateral(self, market: str, position_id: int, amount: Decimal) -> ChainPlan:
        """More collateral for a short position, in its own currency: for anybody's, the venue does not ask
        whose it is. So the limits of a key hold this call only where `calls.allow_gifts` is added; what
        `encode_set_collateral` makes is always among them."""
        wad = to_wad_exact(to_positive(amount, "amount"), "amount")
        call = self._function("OptionMarket", "addCollateral", market, position_id, wad)
        return plan(market, (f"add {amount} collateral to position {position_id}", call))

    def encode_set_collateral(self, position: OptionPosition, collateral: Decimal) -> ChainPlan:
        """Set a short position's collateral: the difference is paid in or out. The venue refuses less than
        the minimum (`InsufficientMarginError`)."""
        if position.type.is_long:
            raise IntentError(
                f"position {position.position_id} is long: it holds no collateral", field="type"
            )
        target = to_decimal(collateral, "collateral")
        if target < 0:
            raise IntentError(f"collateral must not be negative, got {target}", field="collateral")
        wad = to_wad_exact(target, "collateral")
        order = (
            position.series.strike_id,
            position.position_id,
            1,
            TYPE_INDEX[position.type],
            0,
            wad,
            0,
            MAX_UINT,
        )
        market = position.series.market.name
        call = self._function("OptionMarket", "openPosition", market, order)
        return plan(market, (f"set collateral of position {position.position_id} to {target}", call))

    def encode_split(
        self, market: str, position_id: int, amount: Decimal, collateral: Decimal, recipient: Address
    ) -> ChainPlan:
        """Move `amount` and `collateral` of a position into a new one of `recipient`."""
        wads = (to_wad_exact(to_positive(amount), "amount"), to_wad_exact(collateral, "collateral"))
        call = self._function("OptionToken", "split", market, position_id, *wads, recipient)
        return plan(market, (f"split {amount} off position {position_id}", call))

    def encode_merge(self, market: str, position_ids: Sequence[int]) -> ChainPlan:
        """Merge positions of the same strike and type into the first."""
        call = self._function("OptionToken", "merge", market, list(position_ids))
        return plan(market, (f"merge positions {', '.join(map(str, position_ids))}", call))

    def encode_transfer(self, market: str, position_id: int, owner: Address, recipient: Address) -> ChainPlan:
        """Give a position to another account."""
        if recipient == ZERO_ADDRESS:
            raise IntentError("recipient is the zero address: the position would be lost", field="recipient")
        call = self._function("OptionToken", "transferFrom", market, owner, recipient, position_id)
        return plan(market, (f"transfer position {position_id}", call))


class KeeperPlans(_Plans):
    """What anybody may do for the venue: settle, liquidate, refresh, hedge, work off the pool's queues."""

    def encode_settle_board(self, market: str, board_id: int) -> ChainPlan:
        """Settle an expired board. The settlement price is the oracle's when this is mined."""
        call = self._function("OptionMarket", "settleExpiredBoard", market, board_id)
        return plan(market, (f"settle board {board_id}", call))

    def encode_settle_positions(self, market: str, position_ids: Sequence[int]) -> ChainPlan:
        """Pay out positions of settled boards to their owners. One bad id fails the whole call."""
        call = self._function("ShortCollateral", "settleOptions", market, list(position_ids))
        return plan(market, (f"settle positions {', '.join(map(str, position_ids))}", call))

    def encode_liquidate(self, market: str, position_id: int, beneficiary: Address) -> ChainPlan:
        """Liquidate a short position that is below its minimum collateral; the fee goes to `beneficiary`."""
        call = self._function("OptionMarket", "liquidatePosition", market, position_id, beneficiary)
        return plan(market, (f"liquidate position {position_id}", call))

    def encode_refresh_greeks(self, market: str, board_id: int | None = None) -> ChainPlan:
        """Refresh the venue's Greek cache: of one board, or of every stale board."""
        if board_id is None:
            call = self._function("KeeperHelper", "updateStaleBoardCachedGreeks", market)
            return plan(market, ("refresh stale Greeks", call))
        call = self._function("OptionGreekCache", "updateBoardCachedGreeks", market, board_id)
        return plan(market, (f"refresh Greeks of board {board_id}", call))

    def encode_hedge(self, market: str) -> ChainPlan:
        """Let the pool hedge its net delta; the venue allows it once per its interaction delay."""
        return plan(market, ("hedge the pool", self._function("PoolHedger", "hedgeDelta", market)))

    def encode_exchange_base(self, market: str) -> ChainPlan:
        """Let the pool buy or sell base so that it holds what it has locked."""
        return plan(market, ("exchange base", self._function("LiquidityPool", "exchangeBase", market)))

    def encode_update_breakers(self, market: str) -> ChainPlan:
        """Let the pool check its circuit breakers now."""
        return plan(market, ("update circuit breakers", self._function("LiquidityPool", "updateCBs", market)))

    def encode_process_deposits(self, market: str, limit: int) -> ChainPlan:
        """Work off up to `limit` queued deposits. A stale cache or a circuit breaker stops it silently."""
        call = self._function("LiquidityPool", "processDepositQueue", market, limit)
        return plan(market, (f"process {limit} deposits", call))

    def encode_process_withdrawals(self, market: str, limit: int) -> ChainPlan:
        """Work off up to `limit` queued withdrawals. A stale cache or a circuit breaker stops it silently."""
        call = self._function("LiquidityPool", "processWithdrawalQueue", market, limit)
        return plan(market, (f"process {limit} withdrawals", call))
