"""What every custom error of Lyra means, in our words, and which class of ours it is. Data only.

Keyed by the error's name: a name that several contracts share means the same in each. The meaning says what
to do next where there is something to do.
"""

from __future__ import annotations

from trimtab.errors import (
    AcceptablePriceError,
    InsufficientMarginError,
    MarketClosedError,
    OrderRejectedError,
    StalePriceError,
    UnknownMarketError,
    VenueError,
)

Meaning = tuple[type[VenueError], str]

CUSTOM_ERRORS: dict[str, Meaning] = {
    # Trading
    "TotalCostOutsideOfSpecifiedBounds": (
        AcceptablePriceError,
        "the total cost is beyond limit_cost; quote again or widen the limit",
    ),
    "TradeDeltaOutOfRange": (
        OrderRejectedError,
        "the strike's call delta is outside the range that trades; use another strike, or force close",
    ),
    "ForceCloseDeltaOutOfRange": (
        OrderRejectedError,
        "the strike's delta still allows an ordinary close; close instead of force closing",
    ),
    "ForceCloseSkewOutOfRange": (
        OrderRejectedError,
        "the force close would push the skew beyond its absolute bounds; close a smaller amount",
    ),
    "VolSkewOrBaseIvOutsideOfTradingBounds": (
        OrderRejectedError,
        "the trade would move volatility or skew beyond the market's bounds; trade a smaller amount",
    ),
    "TradeIterationsHasRemainder": (
        OrderRejectedError,
        "the amount is smaller than one base unit per iteration; use fewer iterations",
    ),
    "ExpectedNonZeroValue": (OrderRejectedError, "a value that must not be zero is zero"),
    "CannotOpenZeroAmount": (OrderRejectedError, "a new position needs an amount above zero"),
    "CannotClosePositionZero": (UnknownMarketError, "a close needs the id of a position"),
    "CannotAdjustInvalidPosition": (
        UnknownMarketError,
        "there is no active position of this id with this strike and option type",
    ),
    "OnlyOwnerCanAdjustPosition": (OrderRejectedError, "the position belongs to another account"),
    # Collateral and margin
    "AdjustmentResultsInMinimumCollateralNotBeingMet": (
        InsufficientMarginError,
        "the short position would hold less than its minimum collateral; raise set_collateral_to",
    ),
    "FullyClosingWithNonZeroSetCollateral": (
        OrderRejectedError,
        "a full close returns all collateral; set_collateral_to must be 0",
    ),
    "AddingCollateralToInvalidPosition": (
        OrderRejectedError,
        "collateral can only be added to an active short position",
    ),
    "OutOfQuoteCollateralForTransfer": (
        InsufficientMarginError,
        "the collateral contract holds less quote than it has to send",
    ),
    "OutOfBaseCollateralForTransfer": (
        InsufficientMarginError,
        "the collateral contract holds less base than it has to send",
    ),
    "OutOfBaseCollateralForExchangeAndTransfer": (
        InsufficientMarginError,
        "the collateral contract holds less base than it has to exchange",
    ),
    # Splitting and merging
    "SplittingUnapprovedPosition": (OrderRejectedError, "the caller may not split this position"),
    "InvalidSplitAmount": (
        OrderRejectedError,
        "the split amount must be above zero and below the position's amount",
    ),
    "ResultingOriginalPositionLiquidatable": (
        InsufficientMarginError,
        "the split would leave the original position below its minimum collateral",
    ),
    "ResultingNewPositionLiquidatable": (
        InsufficientMarginError,
        "the resulting position would be below its minimum collateral",
    ),
    "MustMergeTwoOrMorePositions": (OrderRejectedError, "a merge needs two or more positions"),
    "MergingUnapprovedPosition": (OrderRejectedError, "the caller may not merge this position"),
    "PositionMismatchWhenMerging": (
        OrderRejectedError,
        "positions merge only with the same owner, strike and option type, each named once",
    ),
    # Liquidation
    "PositionNotLiquidatable": (
        OrderRejectedError,
        "the position is long, closed, or holds its minimum collateral",
    ),
    # Boards, strikes and their life
    "InvalidStrikeId": (UnknownMarketError, "there is no such strike in this market"),
    "InvalidBoardId": (UnknownMarketError, "there is no such board, or it is settled"),
    "BoardIsFrozen": (MarketClosedError, "the board is frozen; wait until the owner unfreezes it"),
    "BoardExpired": (MarketClosedError, "the board is expired; settle it, then settle the positions"),
    "BoardAlreadySettled": (MarketClosedError, "the board is settled already; settle the positions"),
    "BoardNotExpired": (OrderRejectedError, "the board is not expired yet; wait for its expiry"),
    "BoardMustBeSettled": (OrderRejectedError, "settle the expired board before its positions"),
    "StrikeIsSettled": (MarketClosedError, "the strike's board is settled; settle the position"),
    "TradingCutoffReached": (
        MarketClosedError,
        "trading has stopped shortly before expiry; only force close is left",
    ),
    "CannotUpdateExpiredBoard": (MarketClosedError, "the Greeks of an expired board cannot be updated"),
    "BoardNotFrozen": (OrderRejectedError, "the board must be frozen for this"),
    "BoardStrikeLimitExceeded": (OrderRejectedError, "the board has as many strikes as it may have"),
    "InvalidExpiryTimestamp": (OrderRejectedError, "the expiry is in the past or too far ahead"),
    "StrikeSkewLengthMismatch": (OrderRejectedError, "there must be one skew for each strike, at least one"),
    # Pauses and prices
    "MarketIsPaused": (MarketClosedError, "this market is paused"),
    "AllMarketsPaused": (MarketClosedError, "all Lyra markets are paused"),
    "RateIsInvalid": (StalePriceError, "the oracle marks its spot price as invalid; wait for a new price"),
    "InvalidBlockTimestamp": (StalePriceError, "the block is older than the last volatility observation"),
    # Liquidity pool
    "LockingMoreQuoteThanIsFree": (
        OrderRejectedError,
        "the pool has too little free liquidity to back this put; trade a smaller amount",
    ),
    "QuoteBaseExchangeExceedsLimit": (
        OrderRejectedError,
        "the pool has too little free liquidity to buy the base that backs this call; trade a smaller amount",
    ),
    "BaseQuoteExchangeExceedsLimit": (
        OrderRejectedError,
        "exchanging base for quote would take more base than allowed",
    ),
    "InsufficientFreeLiquidityForBaseExchange": (
        OrderRejectedError,
        "the pool has too little free liquidity for the pending exchange of base",
    ),
    "SendPremiumNotEnoughCollateral": (
        OrderRejectedError,
        "the pool has too little free liquidity to pay this premium; trade a smaller amount",
    ),
    "NotEnoughFreeToReclaimInsolvency": (
        OrderRejectedError,
        "the pool has too little free liquidity to give back what insolvent positions owe",
    ),
    "OptionValueDebtExceedsTotalAssets": (
        OrderRejectedError,
        "the options that the pool owes are worth more than all its assets",
    ),
    "InvalidBeneficiaryAddress": (OrderRejectedError, "the beneficiary must not be the zero address"),
    "MinimumDepositNotMet": (OrderRejectedError, "the deposit is below the pool's minimum"),
    "MinimumWithdrawNotMet": (OrderRejectedError, "the withdrawal is below the pool's minimum"),
    # Pool hedger
    "InteractionDelayNotExpired": (
        OrderRejectedError,
        "the pool hedged a short while ago; wait for its delay",
    ),
    "ShortAccountAlreadyOpen": (OrderRejectedError, "the pool hedger has its short account already"),
    "NotEnoughQuoteForMinCollateral": (
        InsufficientMarginError,
        "the pool gave the hedger less quote than its short account needs",
    ),
    # Tokens and exchanges
    "QuoteTransferFailed": (InsufficientMarginError, "the quote token refused the transfer"),
    "BaseTransferFailed": (InsufficientMarginError, "the base token refused the transfer"),
    "AssetTransferFailed": (InsufficientMarginError, "the token refused the transfer"),
    "QuoteApprovalFailure": (OrderRejectedError, "the quote token refused the approval"),
    "ApprovalFailure": (OrderRejectedError, "the token refused the approval"),
    "ReceivedZeroFromExchange": (OrderRejectedError, "the Synthetix exchange returned nothing"),
    "ExchangerBaseReceivedTooLow": (AcceptablePriceError, "the exchange returned less base than asked for"),
    "ExchangerQuoteReceivedTooLow": (AcceptablePriceError, "the exchange returned less quote than asked for"),
    "UnsupportedToken": (UnknownMarketError, "the wrapper does not know this token"),
    "OnlyShorts": (OrderRejectedError, "this works for short positions only"),
    # Directory
    "NonExistentMarket": (UnknownMarketError, "the registry has no such market"),
    "NonExistentGlobalContract": (UnknownMarketError, "the registry has no such contract"),
    "RemovingInvalidMarket": (UnknownMarketError, "there is no such market to remove"),
    "RemovingInvalidId": (UnknownMarketError, "there is no such id to remove"),
    "DuplicateEntry": (OrderRejectedError, "the id or the address is registered already"),
    # Callers
    "OnlyOwner": (OrderRejectedError, "only the contract's owner may do this"),
    "OnlyNominatedOwner": (OrderRejectedError, "only the nominated owner may do this"),
    "OnlySecurityModule": (OrderRejectedError, "only the security module may do this"),
    "OnlyOptionMarket": (OrderRejectedError, "only the option market may do this"),
    "OnlyIOptionMarket": (OrderRejectedError, "only the option market may do this"),
    "OnlyOptionMarketPricer": (OrderRejectedError, "only the pricer may do this"),
    "OnlyIOptionMarketPricer": (OrderRejectedError, "only the pricer may do this"),
    "OnlyLiquidityPool": (OrderRejectedError, "only the liquidity pool may do this"),
    "OnlyPoolHedger": (OrderRejectedError, "only the pool hedger may do this"),
    "OnlyShortCollateral": (OrderRejectedError, "only the collateral contract may do this"),
    # Parameters of the owner
    "AlreadyInitialised": (OrderRejectedError, "the contract is initialised already"),
    "InvalidForceCloseParameters": (OrderRejectedError, "the force-close parameters are out of range"),
    "InvalidGreekCacheParameters": (OrderRejectedError, "the Greek cache's parameters are out of range"),
    "InvalidLiquidityPoolParameters": (OrderRejectedError, "the pool's parameters are out of range"),
    "InvalidMinCollatParams": (OrderRejectedError, "the collateral parameters are out of range"),
    "InvalidOptionMarketParams": (OrderRejectedError, "the market's parameters are out of range"),
    "InvalidPartialCollateralParameters": (OrderRejectedError, "the liquidation parameters are out of range"),
    "InvalidPricingParameters": (OrderRejectedError, "the pricing parameters are out of range"),
    "InvalidRewardAddress": (OrderRejectedError, "the reward address must not be zero"),
    "InvalidShortBuffer": (OrderRejectedError, "the hedger's short buffer is out of range"),
    "InvalidTradeLimitParameters": (OrderRejectedError, "the trade limits are out of range"),
    # Maths
    "ExpOverflow": (OrderRejectedError, "the pricing formula overflowed: an input is out of range"),
    "LnNegativeUndefined": (OrderRejectedError, "the pricing formula met a number that is not positive"),
    "Overflow": (OrderRejectedError, "the pricing formula overflowed: an input is out of range"),
}

# Error(string) of the tokens, by the start of the text.
TEXTS: dict[str, Meaning] = {
    "ERC20: transfer amount exceeds balance": (InsufficientMarginError, "the balance is too small"),
    "ERC20: transfer amount exceeds allowance": (
        InsufficientMarginError,
        "the allowance is too small; send the plan of encode_approvals first",
    ),
    "ERC20: burn amount exceeds balance": (InsufficientMarginError, "the balance is too small"),
    "ERC721: owner query for nonexistent token": (
        UnknownMarketError,
        "there is no such position, or it is closed, liquidated, merged or settled",
    ),
    "ERC721: operator query for nonexistent token": (
        UnknownMarketError,
        "there is no such position, or it is closed, liquidated, merged or settled",
    ),
    "ERC721: transfer caller is not owner nor approved": (
        OrderRejectedError,
        "the caller may not move this position",
    ),
    "ERC721: transfer of token that is not own": (OrderRejectedError, "the position is another account's"),
    "SafeCast: value must be positive": (
        OrderRejectedError,
        "the amount is larger than all that is open in this strike",
    ),
    "SafeCast: value doesn't fit in an int256": (OrderRejectedError, "the amount is too large for the venue"),
    "not trusted counter": (OrderRejectedError, "the wrapper is not trusted by its fee counter"),
    "not enough collateral": (InsufficientMarginError, "the pool's short at Synthetix lacks collateral"),
    "must provide more than minCollateral": (
        InsufficientMarginError,
        "the pool's short at Synthetix lacks its minimum collateral",
    ),
    "ReentrancyGuard: reentrant call": (OrderRejectedError, "the contract was called from inside itself"),
}

PANICS: dict[int, Meaning] = {
    0x11: (
        OrderRejectedError,
        "an amount is larger than what is there: the position's amount, its collateral, or a balance",
    ),
    0x12: (OrderRejectedError, "a division by zero inside the venue"),
    0x21: (OrderRejectedError, "an enumeration value is out of range"),
    0x32: (UnknownMarketError, "an index is out of range"),
}
