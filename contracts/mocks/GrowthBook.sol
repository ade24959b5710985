// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IExchange} from "../interfaces/external/IPerpV2.sol";
import {PerpMarket} from "../interfaces/IPositionLens.sol";
import {FundingGrowth} from "../libraries/FundingGrowth.sol";
import {PerpV2Reads} from "../libraries/PerpV2Reads.sol";

/// @title An exchange of takers, and what the lens makes of its view
contract GrowthBook {
    using FundingGrowth for PerpMarket;

    int256 public growth;
    int256[] public bases;
    int256[] public lasts;

    function set(int256 growth_, int256[] calldata bases_, int256[] calldata lasts_) external {
        (growth, bases, lasts) = (growth_, bases_, lasts_);
    }

    /// @dev Trader number `trader`; rounded as Perp v2 rounds it.
    function getPendingFundingPayment(address trader, address) public view returns (int256) {
        (int256 base, int256 moved) = (bases[uint160(trader)], growth - lasts[uint160(trader)]);
        int256 product = int256(Math.mulDiv(PerpV2Reads.abs(base), PerpV2Reads.abs(moved), 2 ** 96));
        return (base < 0) == (moved < 0) ? product / 1 days : -product / 1 days;
    }

    /// @return viewed what the view says of each
    /// @return told what the lens says, one after the other
    /// @return width of the bounds at the end
    function read() external view returns (int256[] memory viewed, int256[] memory told, uint256 width) {
        PerpMarket memory market;
        market.forget();
        viewed = new int256[](bases.length);
        told = new int256[](bases.length);
        for (uint160 i; i < bases.length; i++) {
            viewed[i] = getPendingFundingPayment(address(i), address(0));
            told[i] = market.fundingOf(IExchange(address(this)), address(i), bases[i], lasts[i]);
        }
        require(market.growthLow <= growth && growth <= market.growthHigh, "outside");
        unchecked {
            width = uint256(market.growthHigh) - uint256(market.growthLow);
        }
    }
}
