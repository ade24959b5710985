// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";
import {AccountState, Exposure} from "../interfaces/IProbe.sol";

/// @notice One market of an account, before and after a call. `low` and `high` bound the oracle's price.
struct Change {
    bytes32 market;
    int256 sizeBefore;
    int256 sizeAfter;
    uint256 notionalPrice;
    uint256 low;
    uint256 high;
}

/// @notice What a call did to an account, told from two states of it. All numbers have 18 decimals.
/// @dev Assumes that a state names each market once.
library Trades {
    using SafeCast for uint256;

    uint256 private constant ONE = 1e18;

    /// @notice Every market that either state names; an entry of zeros, which changes nothing, may be among them.
    function changes(Exposure[] memory before, Exposure[] memory afterwards)
        internal
        pure
        returns (Change[] memory all)
    {
        uint256 kept = afterwards.length;
        all = new Change[](kept + before.length);
        for (uint256 i; i < kept; ++i) all[i] = _changeOf(before, afterwards[i]);
        for (uint256 i; i < before.length; ++i) {
            Exposure memory old = before[i];
            if (_find(afterwards, old.market) < kept) continue;
            all[kept + i] =
                Change(old.market, old.size, 0, old.notionalPrice, old.oraclePrice, old.oraclePrice);
        }
    }

    /// @notice Notional traded: sum of |change of size| x notional price, each rounded up.
    function notionalUp(Change[] memory all) internal pure returns (uint256 sum) {
        for (uint256 i; i < all.length; ++i) {
            sum += _timesUp(SignedMath.abs(all[i].sizeAfter - all[i].sizeBefore), all[i].notionalPrice);
        }
    }

    /// @notice Cash paid less the oracle's worth of what came for it, rounded up; 0 where the trade won.
    function lossUp(Change[] memory all, int256 paid) internal pure returns (uint256) {
        int256 loss = paid;
        for (uint256 i; i < all.length; ++i) {
            int256 change = all[i].sizeAfter - all[i].sizeBefore;
            uint256 size = SignedMath.abs(change);
            loss += change < 0
                ? _timesUp(size, all[i].high).toInt256()
                : -Math.mulDiv(size, all[i].low, ONE).toInt256();
        }
        return loss > 0 ? uint256(loss) : 0;
    }

    /// @notice Whether the size did neither grow nor change its side.
    function isReducing(Change memory change) internal pure returns (bool) {
        if (change.sizeAfter == 0) return true;
        return (change.sizeAfter > 0) == (change.sizeBefore > 0)
            && SignedMath.abs(change.sizeAfter) <= SignedMath.abs(change.sizeBefore);
    }

    /// @notice Whether `part` of `whole` is at most `max` of one; `type(uint256).max` is no limit.
    function isWithin(uint256 part, uint256 whole, uint256 max) internal pure returns (bool) {
        return max == type(uint256).max || Math.saturatingMul(part, ONE) <= Math.saturatingMul(whole, max);
    }

    /// @notice Whether notional / equity is at most `max`. Without notional there is no leverage; with notional and
    /// without equity it is above any number.
    function isLeverageWithin(AccountState memory state, uint256 max) internal pure returns (bool) {
        if (state.notional == 0 || max == type(uint256).max) return true;
        return state.equity > 0 && isWithin(state.notional, uint256(state.equity), max);
    }

    /// @notice Whether notional / equity is above what it was. Where one of the two states has no equity: whether
    /// either part is worse.
    function isLeverageRaised(AccountState memory before, AccountState memory afterwards) internal pure returns (bool) {
        if (before.equity > 0 && afterwards.equity > 0) {
            return Math.saturatingMul(afterwards.notional, uint256(before.equity))
                > Math.saturatingMul(before.notional, uint256(afterwards.equity));
        }
        return afterwards.equity < before.equity || afterwards.notional > before.notional;
    }

    function _changeOf(Exposure[] memory before, Exposure memory now_) private pure returns (Change memory change) {
        uint256 found = _find(before, now_.market);
        change = Change(now_.market, 0, now_.size, now_.notionalPrice, now_.oraclePrice, now_.oraclePrice);
        if (found == before.length) return change;
        change.sizeBefore = before[found].size;
        change.low = Math.min(now_.oraclePrice, before[found].oraclePrice);
        change.high = Math.max(now_.oraclePrice, before[found].oraclePrice);
    }

    /// @dev The length where there is none.
    function _find(Exposure[] memory exposures, bytes32 market) private pure returns (uint256 i) {
        while (i < exposures.length && exposures[i].market != market) ++i;
    }

    function _timesUp(uint256 size, uint256 price) private pure returns (uint256) {
        return Math.mulDiv(size, price, ONE, Math.Rounding.Ceil);
    }
}
