// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";

/// @title Price per unit of a trade, fees inside, from what it did to an account's size and cash
/// @notice Rounded against the trader: what was paid up, what was received down. Being paid to buy is a price
/// of zero; paying to sell is none at all, and worse than every limit.
library TradePrice {
    uint256 private constant WAD = 1e18;

    /// @notice Price of `size` > 0 units for which `cash` went out; all with 18 decimals.
    function paidUp(int256 size, int256 cash) internal pure returns (uint256) {
        return cash <= 0 ? 0 : Math.mulDiv(uint256(cash), WAD, uint256(size), Math.Rounding.Ceil);
    }

    /// @notice Price of `size` < 0 units for which `cash` came in; all with 18 decimals.
    function receivedDown(int256 size, int256 cash) internal pure returns (uint256) {
        return cash <= 0 ? 0 : Math.mulDiv(uint256(cash), WAD, SignedMath.abs(size), Math.Rounding.Floor);
    }

    /// @notice Price of a trade that changed an account by `size` and `cash`, and whether `limit` allows it: at
    /// most so much where it bought, at least so much where it sold. `size` is not zero.
    function judge(int256 size, int256 cash, uint256 limit) internal pure returns (uint256 price, bool isWorse) {
        if (size > 0) {
            price = paidUp(size, -cash);
            return (price, price > limit);
        }
        price = receivedDown(size, cash);
        return (price, price < limit || cash < 0);
    }
}
