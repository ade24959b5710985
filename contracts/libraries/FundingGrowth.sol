// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IExchange} from "../interfaces/external/IPerpV2.sol";
import {PerpMarket} from "../interfaces/IPositionLens.sol";

/// @title Funding that many accounts owe in one market of Perp v2
/// @notice The house has no view of a market's growth of funding G. What a taker owes is size x (G - its last G)
/// / (2^96 x a day), rounded to zero: one answer of the house's view bounds G. Where both bounds give an account
/// the same number to the wei, that number is proven and the view is not asked; where not, it is, and the bounds
/// close in.
library FundingGrowth {
    int256 internal constant PER_DAY_X96 = 2 ** 96 * 1 days;

    function forget(PerpMarket memory market) internal pure {
        (market.growthLow, market.growthHigh) = (type(int256).min, type(int256).max);
    }

    /// @notice What a trader without liquidity owes, > 0, or is owed; equal to the view to the wei.
    function fundingOf(PerpMarket memory market, IExchange exchange, address trader, int256 base, int256 last)
        internal
        view
        returns (int256 funding)
    {
        if (base == 0) return 0;
        if (market.growthLow != type(int256).min) {
            funding = base * (market.growthLow - last) / PER_DAY_X96;
            if (funding == base * (market.growthHigh - last) / PER_DAY_X96) return funding;
        }
        funding = exchange.getPendingFundingPayment(trader, market.baseToken);
        _learn(market, funding, base, last);
    }

    /// @dev `product` = base x (G - last) lies between the products that round to zero to `funding`. Bounds are
    /// divided away from each other, so that G is never outside.
    function _learn(PerpMarket memory market, int256 funding, int256 base, int256 last) private pure {
        int256 low = (funding > 0 ? funding : funding - 1) * PER_DAY_X96;
        int256 high = (funding < 0 ? funding : funding + 1) * PER_DAY_X96;
        if (base < 0) (low, high, base) = (-high, -low, -base);
        low = low / base - 1 + last;
        high = high / base + 1 + last;
        if (market.growthLow == type(int256).min) {
            (market.growthLow, market.growthHigh) = (low, high);
        } else {
            if (low > market.growthLow) market.growthLow = low;
            if (high < market.growthHigh) market.growthHigh = high;
        }
    }
}
