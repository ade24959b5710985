"""The Lyra markets' parameters, as the package's own defaultParams.js has them. Data only.

Fixed-point numbers have 18 decimals. A month is Lyra's: 28 days.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from trimtab.model.ids import ZERO_ADDRESS
from trimtab.model.units import to_wad_exact as _wad

_HOUR, _DAY, _WEEK, _MONTH = 3_600, 86_400, 604_800, 28 * 86_400

SECURITY_MODULE = "0xefeefeefeefeefeefeefeefeefeefeefeefeefee"
EXCHANGE_FEE_FROM_BASE = _wad("0.0075")
EXCHANGE_FEE_FROM_QUOTE = _wad("0.005")

# (contract, function, parameters), in the order of the package's own deployment script.
PARAMETERS: tuple[tuple[str, str, Mapping[str, object] | int], ...] = (
    (
        "LiquidityPool",
        "setLiquidityPoolParameters",
        {
            "minDepositWithdraw": _wad(1),
            "depositDelay": _WEEK,
            "withdrawalDelay": _WEEK,
            "withdrawalFee": _wad("0.01"),
            "liquidityCBThreshold": _wad("0.01"),
            "liquidityCBTimeout": 3 * _DAY,
            "ivVarianceCBThreshold": _wad("0.1"),
            "skewVarianceCBThreshold": _wad("0.35"),
            "ivVarianceCBTimeout": 12 * _HOUR,
            "skewVarianceCBTimeout": 12 * _HOUR,
            "guardianMultisig": ZERO_ADDRESS,
            "guardianDelay": 2 * _WEEK,
            "boardSettlementCBTimeout": 6 * _HOUR,
            "maxFeePaid": _wad("0.01"),
        },
    ),
    ("PoolHedger", "setPoolHedgerParams", {"interactionDelay": 24 * _HOUR, "hedgeCap": 2**256 - 1}),
    ("PoolHedger", "setShortBuffer", _wad(2)),
    (
        "OptionGreekCache",
        "setGreekCacheParameters",
        {
            "maxStrikesPerBoard": 30,
            "acceptableSpotPricePercentMove": _wad("0.05"),
            "staleUpdateDuration": 3 * _HOUR,
            "varianceIvGWAVPeriod": _DAY,
            "varianceSkewGWAVPeriod": 3 * _DAY,
            "optionValueIvGWAVPeriod": _DAY,
            "optionValueSkewGWAVPeriod": 3 * _DAY,
            "gwavSkewFloor": _wad("0.5"),
            "gwavSkewCap": _wad(2),
            "rateAndCarry": _wad("0.05"),
        },
    ),
    (
        "OptionGreekCache",
        "setMinCollateralParameters",
        {
            "minStaticQuoteCollateral": _wad(200),
            "minStaticBaseCollateral": _wad("0.2"),
            "shockVolA": _wad("2.5"),
            "shockVolPointA": 2 * _WEEK,
            "shockVolB": _wad("1.8"),
            "shockVolPointB": 8 * _WEEK,
            "callSpotPriceShock": _wad("1.2"),
            "putSpotPriceShock": _wad("0.8"),
        },
    ),
    (
        "OptionGreekCache",
        "setForceCloseParameters",
        {
            "ivGWAVPeriod": 12 * _HOUR,
            "skewGWAVPeriod": 24 * _HOUR,
            "shortVolShock": _wad("1.2"),
            "shortPostCutoffVolShock": _wad("1.4"),
            "longVolShock": _wad("0.8"),
            "longPostCutoffVolShock": _wad("0.5"),
            "liquidateVolShock": _wad("1.3"),
            "liquidatePostCutoffVolShock": _wad("1.6"),
            "shortSpotMin": _wad("0.01"),
            "liquidateSpotMin": _wad("0.02"),
        },
    ),
    (
        "OptionMarketPricer",
        "setPricingParams",
        {
            "optionPriceFeeCoefficient": _wad("0.01"),
            "optionPriceFee1xPoint": 6 * _WEEK,
            "optionPriceFee2xPoint": 16 * _WEEK,
            "spotPriceFeeCoefficient": _wad("0.01"),
            "spotPriceFee1xPoint": 6 * _WEEK,
            "spotPriceFee2xPoint": 12 * _WEEK,
            "vegaFeeCoefficient": _wad(100),
            "standardSize": _wad(5),
            "skewAdjustmentFactor": _wad("0.75"),
        },
    ),
    (
        "OptionMarketPricer",
        "setTradeLimitParams",
        {
            "minDelta": _wad("0.15"),
            "minForceCloseDelta": _wad("0.25"),
            "tradingCutoff": _DAY // 2,
            "minBaseIV": _wad("0.35"),
            "maxBaseIV": _wad(2),
            "minSkew": _wad("0.5"),
            "maxSkew": _wad("1.5"),
            "minVol": _wad("0.55"),
            "maxVol": _wad(3),
            "absMinSkew": _wad("0.15"),
            "absMaxSkew": _wad(5),
            "capSkewsToAbs": False,
        },
    ),
    (
        "OptionMarketPricer",
        "setVarianceFeeParams",
        {
            "defaultVarianceFeeCoefficient": _wad("0.25"),
            "forceCloseVarianceFeeCoefficient": _wad("0.25"),
            "skewAdjustmentCoefficient": _wad(3),
            "referenceSkew": _wad(1),
            "minimumStaticSkewAdjustment": _wad(1),
            "vegaCoefficient": _wad("0.01"),
            "minimumStaticVega": 0,
            "ivVarianceCoefficient": _wad("1.5"),
            "minimumStaticIvVariance": _wad(1),
        },
    ),
    (
        "OptionToken",
        "setPartialCollateralParams",
        {
            "penaltyRatio": _wad("0.2"),
            "liquidatorFeeRatio": _wad("0.4"),
            "smFeeRatio": _wad("0.3"),
            "minLiquidationFee": _wad(15),
        },
    ),
)

OPTION_MARKET_PARAMETERS: Mapping[str, object] = MappingProxyType(
    {
        "maxBoardExpiry": 12 * _MONTH,
        "securityModule": SECURITY_MODULE,
        "feePortionReserved": _wad("0.1"),
        "staticBaseSettlementFee": EXCHANGE_FEE_FROM_BASE,
    }
)
