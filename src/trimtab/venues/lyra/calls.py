"""Which functions of a deployment the encoders call, for the limits of a key. Data and rules, no decision."""

from __future__ import annotations

from collections.abc import Iterator

from trimtab.model.limits import SELF, AllowedCall
from trimtab.venues.lyra.addresses import LyraDeployment, LyraMarketAddresses
from trimtab.venues.lyra.contracts import VENUE, abi

TRADES = ("openPosition", "closePosition", "forceClosePosition")
OWN = {
    ("LiquidityPool", "initiateDeposit"): "beneficiary",
    ("LiquidityPool", "initiateWithdraw"): "beneficiary",
    ("OptionMarket", "liquidatePosition"): "rewardBeneficiary",
    ("OptionToken", "split"): "recipient",
    ("OptionToken", "transferFrom"): "to",
}
"""What pays or gives to an address: the sender's own alone."""
PLAIN = (
    ("OptionMarket", "settleExpiredBoard"),
    ("OptionToken", "merge"),
    ("ShortCollateral", "settleOptions"),
    ("OptionGreekCache", "updateBoardCachedGreeks"),
    ("KeeperHelper", "updateStaleBoardCachedGreeks"),
    ("PoolHedger", "hedgeDelta"),
    ("LiquidityPool", "exchangeBase"),
    ("LiquidityPool", "updateCBs"),
    ("LiquidityPool", "processDepositQueue"),
    ("LiquidityPool", "processWithdrawalQueue"),
)


def list_calls(deployment: LyraDeployment) -> tuple[AllowedCall, ...]:
    """Trading, collateral, the pool's queues and keeper duties in the deployment's markets. Tokens are
    approved to a market or its pool alone, and what gives something away gives it to the sender: a position
    is not transferred to others. Collateral is changed by `openPosition`, which only a position's owner may
    call for it; see `allow_gifts` for `addCollateral`."""
    return tuple(call for at in deployment.markets.values() for call in _market_calls(at))


def allow_gifts(at: LyraMarketAddresses) -> AllowedCall:
    """`addCollateral`: it pays into any position, whoever owns it, so a key that may call it may give away
    what its account approved to the market."""
    function = abi("OptionMarket").function("addCollateral")
    return function.allow(at.contracts["OptionMarket"], is_trade=False)


def _market_calls(at: LyraMarketAddresses) -> Iterator[AllowedCall]:
    contracts = at.contracts
    market, pool = contracts["OptionMarket"], contracts["LiquidityPool"]
    for name in TRADES:
        yield abi("OptionMarket").function(name).allow(market, venue=VENUE)
    for (contract, name), recipient in OWN.items():
        function = abi(contract).function(name)
        yield function.allow(contracts[contract], {recipient: {SELF}}, is_trade=False)
    for contract, name in PLAIN:
        yield abi(contract).function(name).allow(contracts[contract], is_trade=False)
    approve = abi("ERC20").function("approve")
    yield approve.allow(at.quote_asset, {"spender": {market, pool}}, is_trade=False)
    yield approve.allow(at.base_asset, {"spender": {market}}, is_trade=False)
