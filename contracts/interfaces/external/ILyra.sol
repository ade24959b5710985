// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What is called of Lyra ("Avalon"). Amounts, prices and ratios have 18 decimals.
struct OptionMarketAddresses {
    address liquidityPool;
    address liquidityToken;
    address greekCache;
    address optionMarket;
    address optionMarketPricer;
    address optionToken;
    address shortCollateral;
    address poolHedger;
    address quoteAsset;
    address baseAsset;
}

interface IOptionMarketViewer {
    function marketAddresses(address market) external view returns (OptionMarketAddresses memory);
    function synthetixAdapter() external view returns (address);
}

interface ISynthetixAdapter {
    /// @dev Name of a market's base asset, like `bytes32("sETH")`.
    function baseKey(address market) external view returns (bytes32);

    /// @dev Reverts while the rate is invalid or the market paused.
    function getSpotPriceForMarket(address market) external view returns (uint256);
}

struct Strike {
    uint256 id;
    uint256 strikePrice;
    uint256 skew;
    uint256 longCall;
    uint256 shortCallBase;
    uint256 shortCallQuote;
    uint256 longPut;
    uint256 shortPut;
    uint256 boardId;
}

struct OptionBoard {
    uint256 id;
    uint256 expiry;
    uint256 iv;
    bool frozen;
    uint256[] strikeIds;
}

interface IOptionMarket {
    function getStrikeAndBoard(uint256 strikeId) external view returns (Strike memory, OptionBoard memory);

    /// @dev 0 until the board is settled.
    function boardToPriceAtExpiry(uint256 boardId) external view returns (uint256);
}

enum OptionType {
    LONG_CALL,
    LONG_PUT,
    SHORT_CALL_BASE,
    SHORT_CALL_QUOTE,
    SHORT_PUT_QUOTE
}

struct OptionPosition {
    uint256 positionId;
    uint256 strikeId;
    OptionType optionType;
    uint256 amount;
    uint256 collateral;
    uint8 state;
}

interface IOptionToken {
    /// @dev Only open positions: a closed, liquidated or settled one is burned.
    function getOwnerPositions(address target) external view returns (OptionPosition[] memory);
}

struct GreekCacheParameters {
    uint256 maxStrikesPerBoard;
    uint256 acceptableSpotPricePercentMove;
    uint256 staleUpdateDuration;
    uint256 varianceIvGWAVPeriod;
    uint256 varianceSkewGWAVPeriod;
    uint256 optionValueIvGWAVPeriod;
    uint256 optionValueSkewGWAVPeriod;
    uint256 gwavSkewFloor;
    uint256 gwavSkewCap;
    int256 rateAndCarry;
}

interface IOptionGreekCache {
    function getGreekCacheParams() external view returns (GreekCacheParameters memory);

    /// @dev In the collateral's own currency.
    function getMinCollateral(
        OptionType optionType,
        uint256 strikePrice,
        uint256 expiry,
        uint256 spotPrice,
        uint256 amount
    ) external view returns (uint256);
}

struct BlackScholesInputs {
    uint256 timeToExpirySec;
    uint256 volatilityDecimal;
    uint256 spotDecimal;
    uint256 strikePriceDecimal;
    int256 rateDecimal;
}

/// @dev `vega` per 1.0 of volatility.
struct PricesDeltaStdVega {
    uint256 callPrice;
    uint256 putPrice;
    int256 callDelta;
    int256 putDelta;
    uint256 vega;
    uint256 stdVega;
}
