// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Names of underlyings out of venues' own names for them
library Symbols {
    /// @notice "vETH" without "v": `bytes32("ETH")`. A name that does not begin so is kept; 32 bytes at most.
    function withoutPrefix(string memory symbol, bytes1 prefix) internal pure returns (bytes32) {
        return withoutPrefix(bytes32(bytes(symbol)), prefix);
    }

    function withoutPrefix(bytes32 symbol, bytes1 prefix) internal pure returns (bytes32) {
        return symbol[0] == prefix ? symbol << 8 : symbol;
    }
}
