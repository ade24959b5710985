"""A made-up deployment for the pure parts; the genuine one comes from the `world` fixture."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from trimtab.model.ids import Address
from trimtab.model.order import PerpIntent, PerpQuote
from trimtab.venues.perp_v2 import PerpV2CollateralToken, PerpV2Deployment, PerpV2MarketAddresses

CONTRACTS = (
    "ClearingHouse",
    "ClearingHouseConfig",
    "MarketRegistry",
    "OrderBook",
    "AccountBalance",
    "Exchange",
    "InsuranceFund",
    "Vault",
    "CollateralManager",
    "DelegateApproval",
    "QuoteToken",
    "PerpPortal",
    "Quoter",
    "Multicall2",
)


def address(number: int) -> Address:
    return Address(f"0x{number:040x}")


@pytest.fixture(scope="session")
def deployment() -> PerpV2Deployment:
    return PerpV2Deployment(
        contracts={name: address(100 + i) for i, name in enumerate(CONTRACTS)},
        markets={
            "vETH": PerpV2MarketAddresses("ETH", address(201), address(202), address(203), address(204)),
            "vBTC": PerpV2MarketAddresses("BTC", address(211), address(212), address(213)),
        },
        collateral={
            "USDC": PerpV2CollateralToken(address(301), 6),
            "WETH": PerpV2CollateralToken(address(302), 18),
        },
    )


def quote_for(intent: PerpIntent, **changes: object) -> PerpQuote:
    """A quote of 2 units at 2000 with a fee of 4, in the direction of the intent."""
    size = Decimal(2) * intent.side.sign
    made = PerpQuote(
        intent=intent,
        size=size,
        notional=Decimal(4000),
        price=Decimal(2000),
        fee=Decimal(4),
        price_impact=Decimal(0),
        mark_price=Decimal(2000),
        index_price=Decimal(2000),
        equity_after=Decimal(10_000),
        free_collateral_after=Decimal(9_000),
        liquidation_price_after=None,
        is_margin_sufficient=True,
        block=7,
        at=1_700_000_000,
    )
    return replace(made, **changes)  # type: ignore[arg-type]
