"""Which functions of a deployment the encoders call, for the limits of a key. Data and rules, no decision."""

from __future__ import annotations

from trimtab.model.ids import Address
from trimtab.model.limits import AllowedCall
from trimtab.venues.perp_v2.addresses import PerpV2Deployment
from trimtab.venues.perp_v2.contracts import CLEARING_HOUSE, DELEGATE_APPROVAL, ERC20, VAULT, VENUE


def list_calls(deployment: PerpV2Deployment) -> tuple[AllowedCall, ...]:
    """Trading, margin, liquidity and keeper duties in the deployment's markets and collaterals. Tokens are
    approved to the Vault alone. Giving rights to a delegate is not among them: see `allow_delegation`."""
    return (*_house_calls(deployment), *_vault_calls(deployment), _revocation(deployment))


def allow_delegation(deployment: PerpV2Deployment, delegate: Address) -> AllowedCall:
    """The call by which `delegate` may be given rights over the account's margin."""
    approve = DELEGATE_APPROVAL.function("approve")
    return approve.allow(_at(deployment, "DelegateApproval"), {"delegate": {delegate}}, is_trade=False)


def _house_calls(deployment: PerpV2Deployment) -> list[AllowedCall]:
    tokens = [market.base_token for market in deployment.markets.values()]
    house = _at(deployment, "ClearingHouse")
    trades = {
        "openPosition": "params.baseToken",
        "openPositionFor": "params.baseToken",
        "closePosition": "params.baseToken",
        "addLiquidity": "params.baseToken",
        "liquidate(address,address)": "baseToken",
        "liquidate(address,address,int256)": "baseToken",
    }
    others = {
        "removeLiquidity": "params.baseToken",
        "cancelAllExcessOrders": "baseToken",
        "quitMarket": "baseToken",
    }
    return [
        *(
            CLEARING_HOUSE.function(name).allow(house, {market: tokens}, venue=VENUE)
            for name, market in trades.items()
        ),
        *(
            CLEARING_HOUSE.function(name).allow(house, {market: tokens}, is_trade=False)
            for name, market in others.items()
        ),
        CLEARING_HOUSE.function("settleAllFunding").allow(house, is_trade=False),
    ]


def _vault_calls(deployment: PerpV2Deployment) -> list[AllowedCall]:
    vault = _at(deployment, "Vault")
    tokens = [asset.token for asset in deployment.collateral.values()]
    approve = ERC20.function("approve")
    return [
        *(approve.allow(token, {"spender": {vault}}, is_trade=False) for token in tokens),
        VAULT.function("deposit").allow(vault, {"token": tokens}, is_trade=False),
        VAULT.function("withdraw").allow(vault, {"token": tokens}, is_trade=False, venue=VENUE),
        VAULT.function("liquidateCollateral").allow(vault, {"token": tokens}, venue=VENUE),
    ]


def _revocation(deployment: PerpV2Deployment) -> AllowedCall:
    return DELEGATE_APPROVAL.function("revoke").allow(_at(deployment, "DelegateApproval"), is_trade=False)


def _at(deployment: PerpV2Deployment, contract: str) -> Address:
    return deployment.contracts[contract]
