// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

/// @notice What was spent in the last seconds, exactly: one cumulative sum for each second in which there was any.
/// No bucket and no reset: an amount spent at second `at` counts while `at > now - window`.
library Windows {
    using Checkpoints for Checkpoints.Trace208;

    /// @notice Spent in the `window` seconds that end now.
    function within(Checkpoints.Trace208 storage trace, uint256 window) internal view returns (uint256) {
        uint256 since = Math.saturatingSub(block.timestamp, window);
        return trace.latest() - trace.upperLookupRecent(uint48(since));
    }

    /// @notice Spend `amount` now, and write it down though it be nothing. Reverts where the sum of all times passes
    /// 208 bits.
    function add(Checkpoints.Trace208 storage trace, uint256 amount) internal {
        trace.push(uint48(block.timestamp), SafeCast.toUint208(trace.latest() + amount));
    }
}
