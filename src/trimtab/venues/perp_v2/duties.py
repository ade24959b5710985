"""What an account does at the venue besides trading: liquidity, delegates, liquidations. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from trimtab.chain.call import Call
from trimtab.errors import IntentError
from trimtab.model.ids import Address
from trimtab.model.units import to_base_exact, to_decimal, to_positive, to_wad_exact
from trimtab.venues.base import ChainPlan
from trimtab.venues.perp_v2.addresses import PerpV2Deployment
from trimtab.venues.perp_v2.amounts import MAX_UINT256
from trimtab.venues.perp_v2.contracts import (
    CLEARING_HOUSE,
    DELEGATE_APPROVAL,
    ERC20,
    VAULT,
    VENUE,
    find_collateral,
    find_market,
)

OPEN_POSITION_ACTION = 1  # the bit of DelegateApproval that ClearingHouse.openPositionFor asks for
_ADD = CLEARING_HOUSE.function("addLiquidity")
_REMOVE = CLEARING_HOUSE.function("removeLiquidity")
_LIQUIDATE_ALL = CLEARING_HOUSE.function("liquidate(address,address)")
_LIQUIDATE = CLEARING_HOUSE.function("liquidate(address,address,int256)")
_CANCEL_EXCESS = CLEARING_HOUSE.function("cancelAllExcessOrders")
_QUIT = CLEARING_HOUSE.function("quitMarket")
_SETTLE_FUNDING = CLEARING_HOUSE.function("settleAllFunding")
_LIQUIDATE_COLLATERAL = VAULT.function("liquidateCollateral")
_APPROVE = DELEGATE_APPROVAL.function("approve")
_REVOKE = DELEGATE_APPROVAL.function("revoke")
_APPROVE_TOKEN = ERC20.function("approve")


class Duties:
    """Calls for the roles of maker, delegator and liquidator in one deployment."""

    deployment: PerpV2Deployment

    def encode_add_liquidity(
        self,
        market: str,
        *,
        base: Decimal,
        quote: Decimal,
        ticks: tuple[int, int],
        min_base: Decimal = Decimal(0),
        min_quote: Decimal = Decimal(0),
        deadline: int | None = None,
    ) -> ChainPlan:
        """Adds at most `base` and `quote` between two ticks (multiples of the pool's spacing, lower first);
        the pool takes the two in the ratio of its price, at least the minima or it reverts."""
        params = {
            "baseToken": find_market(self.deployment, market).base_token,
            "base": _to_wad(base, "base"),
            "quote": _to_wad(quote, "quote"),
            **_range(ticks),
            "minBase": _to_wad(min_base, "min_base"),
            "minQuote": _to_wad(min_quote, "min_quote"),
            "useTakerBalance": False,
            "deadline": MAX_UINT256 if deadline is None else deadline,
        }
        return self._plan(market, self._house(), _ADD.encode(params), f"add liquidity to {market}")

    def encode_remove_liquidity(
        self,
        market: str,
        *,
        liquidity: int,
        ticks: tuple[int, int],
        min_base: Decimal = Decimal(0),
        min_quote: Decimal = Decimal(0),
        deadline: int | None = None,
    ) -> ChainPlan:
        """Removes `liquidity` (the pool's own units, from `read_liquidity`) of the range; what it had traded
        becomes the account's position and pending fees are paid. Zero liquidity collects fees only."""
        if liquidity < 0:
            raise IntentError(f"liquidity must not be negative, got {liquidity}", field="liquidity")
        params = {
            "baseToken": find_market(self.deployment, market).base_token,
            **_range(ticks),
            "liquidity": liquidity,
            "minBase": _to_wad(min_base, "min_base"),
            "minQuote": _to_wad(min_quote, "min_quote"),
            "deadline": MAX_UINT256 if deadline is None else deadline,
        }
        return self._plan(market, self._house(), _REMOVE.encode(params), f"remove liquidity from {market}")

    def encode_delegation(self, delegate: Address, *, approve: bool) -> ChainPlan:
        """Lets `delegate` open positions for the account that sends this, or no longer."""
        function, word = (_APPROVE, "approve") if approve else (_REVOKE, "revoke")
        data = function.encode(delegate, OPEN_POSITION_ACTION)
        target = self.deployment.contracts["DelegateApproval"]
        return self._plan("", target, data, f"{word} delegate {delegate}")

    def encode_liquidate(self, account: Address, market: str, size: Decimal | None = None) -> ChainPlan:
        """Liquidates a position: all that may be, or at most `size` (signed like the position). The sender
        takes it over at the mark price less half the penalty, and needs initial margin for it."""
        token = find_market(self.deployment, market).base_token
        if size is None:
            data = _LIQUIDATE_ALL.encode(account, token)
        else:
            data = _LIQUIDATE.encode(account, token, to_wad_exact(size, "size"))
        return self._plan(market, self._house(), data, f"liquidate {account} in {market}")

    def encode_liquidate_collateral(
        self, account: Address, currency: str, amount: Decimal, allowance: int, max_paid: Decimal
    ) -> ChainPlan:
        """Buys `amount` of the account's collateral at the venue's discount, after approving `max_paid` of
        the settlement token where `allowance` (base units) is below it."""
        asset = find_collateral(self.deployment, currency)
        settlement = find_collateral(self.deployment, self.deployment.settlement)
        paid = to_base_exact(to_positive(max_paid, "max_paid"), settlement.decimals, "max_paid")
        units = to_base_exact(to_positive(amount, "amount"), asset.decimals, "amount")
        vault = self.deployment.contracts["Vault"]
        approval = _APPROVE_TOKEN.at(settlement.token, vault, paid)
        buy = _LIQUIDATE_COLLATERAL.at(vault, account, asset.token, units, False)  # noqa: FBT003
        steps = [(buy, f"liquidate {amount} {currency} of {account}")]
        if allowance < paid:
            steps.insert(0, (approval, f"approve {max_paid} {self.deployment.settlement}"))
        return ChainPlan(VENUE, "", tuple(call for call, _ in steps), tuple(label for _, label in steps))

    def encode_cancel_excess_orders(self, account: Address, market: str) -> ChainPlan:
        """Removes all liquidity of an account below its maintenance margin, so that it can be liquidated."""
        token = find_market(self.deployment, market).base_token
        data = _CANCEL_EXCESS.encode(account, token)
        return self._plan(market, self._house(), data, f"cancel orders of {account} in {market}")

    def encode_settle_funding(self, account: Address) -> ChainPlan:
        """Moves the sender's pending funding into its balance, in all markets."""
        return self._plan("", self._house(), _SETTLE_FUNDING.encode(account), "settle funding")

    def encode_quit_market(self, account: Address, market: str) -> ChainPlan:
        """Settles an account's position in a closed market at the closing price."""
        token = find_market(self.deployment, market).base_token
        return self._plan(market, self._house(), _QUIT.encode(account, token), f"quit {market} for {account}")

    def _house(self) -> Address:
        return self.deployment.contracts["ClearingHouse"]

    def _plan(self, market: str, target: Address, data: bytes, label: str) -> ChainPlan:
        return ChainPlan(VENUE, market, (Call(target, data),), (label,))


def _to_wad(value: Decimal, field: str) -> int:
    if to_decimal(value, field) < 0:
        raise IntentError(f"{field} must not be negative, got {value}", field=field, value=value)
    return to_wad_exact(value, field)


def _range(ticks: Sequence[int]) -> dict[str, int]:
    lower, upper = ticks
    if lower >= upper:
        raise IntentError(f"the lower tick must be below the upper, got {lower} and {upper}", field="ticks")
    return {"lowerTick": lower, "upperTick": upper}
