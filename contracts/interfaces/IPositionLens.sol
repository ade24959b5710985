// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {OptionType} from "./external/ILyra.sol";
import {Series} from "../libraries/LyraReads.sol";

/// @notice Which Perp v2. `collaterals` are priced once for all accounts; one that is left out costs more where
/// an account has it, and nothing else.
struct PerpQuery {
    address clearingHouse;
    address[] baseTokens;
    address[] collaterals;
}

/// @notice A market of Perp v2, 18 decimals. `price` is what positions are valued at (the mark while it is open,
/// then the index at the pause, then the closing price), `indexPrice` the oracle's now; 0 where it cannot be told.
/// The market's growth of funding (X96) lies from `growthLow` to `growthHigh`, as far as this reading had to know.
struct PerpMarket {
    address baseToken;
    uint256 price;
    uint256 indexPrice;
    int256 growthLow;
    int256 growthHigh;
}

/// @notice A place in one market, 18 decimals, long > 0. Liquidity is inside, valued at the pool's spot price.
/// `value` is rounded to zero. `pendingFunding` > 0 is owed; rounded to zero. `liquidationPrice` is PerpPortal's:
/// the price at which the account falls to its maintenance margin, all others held; 0 where none does.
struct PerpHolding {
    address baseToken;
    int256 size;
    int256 openNotional;
    int256 value;
    int256 pendingFunding;
    uint256 liquidationPrice;
}

/// @notice A collateral beside the settlement token: `balance` in its decimals, `value` after the haircut with 18,
/// rounded down.
struct CollateralHolding {
    address token;
    int256 balance;
    uint256 value;
}

/// @notice An account at Perp v2, every number the house's own. 18 decimals but for `settlementBalance`, which has
/// the settlement token's. Rounded down: equity and free collateral to that token's decimals, margins, health.
/// `health` is equity / maintenance margin, `type(uint256).max` without a position. `notional` adds up |value|.
/// `isOk` false: nothing but `reason` is told, empty where the gas was not enough.
struct PerpAccount {
    bool isOk;
    bytes reason;
    int256 equity;
    uint256 maintenanceMargin;
    uint256 initialMargin;
    uint256 freeCollateral;
    uint256 health;
    uint256 notional;
    int256 settlementBalance;
    CollateralHolding[] collaterals;
    PerpHolding[] holdings;
}

struct PerpBook {
    PerpMarket[] markets;
    PerpAccount[] accounts;
}

/// @notice Which option market of Lyra: its deployment's OptionMarketViewer and BlackScholes library.
struct OptionQuery {
    address viewer;
    address optionMarket;
    address blackScholes;
}

/// @notice An open position. `series` is its strike's place in the book. `collateral` and `minCollateral` are in
/// the collateral's currency, 0 of a bought option.
struct OptionHolding {
    uint256 positionId;
    uint256 series;
    OptionType optionType;
    uint8 state;
    uint256 amount;
    uint256 collateral;
    uint256 minCollateral;
}

/// @notice An account in one option market, 18 decimals, as its probe tells it: `equity` and `health` rounded
/// down, `maintenanceMargin` up, `delta` and `vega` (per 1.0 of volatility) to zero, position by position.
/// `isOk` false: nothing but `reason` is told, empty where the gas was not enough.
struct OptionAccount {
    bool isOk;
    bytes reason;
    int256 equity;
    uint256 maintenanceMargin;
    uint256 health;
    int256 delta;
    int256 vega;
    OptionHolding[] holdings;
}

/// @notice `spot` and `rate` are what the series are priced with; 0 where no account has a position, or where the
/// venue gives no price: then accounts with positions have its error.
struct OptionBook {
    uint256 spot;
    int256 rate;
    Series[] series;
    OptionAccount[] accounts;
}

/// @title Many accounts in one call
/// @notice Positions, margin, health, liquidation prices and Greeks at Perp v2 and Lyra. What accounts share
/// (prices, collaterals, the growth of funding, series) is read once; what is each one's own is read by the
/// cheapest views, and the venue's arithmetic is repeated to the wei. An account whose reading reverts has its
/// error in its place and spoils no other: each may use its share of the gas that is left, and no more.
/// @dev Holds nothing and need not be deployed: it answers as well where `eth_call` places its code for the call.
/// It trusts the venues that it is asked about. It reverts only when a query names what is not there.
interface IPositionLens {
    /// @dev The reason of an account that is in a market which the query does not have.
    error UnknownMarket(address baseToken);

    function read(PerpQuery[] calldata perps, OptionQuery[] calldata options, address[] calldata accounts)
        external
        view
        returns (PerpBook[] memory perpBooks, OptionBook[] memory optionBooks);
}
