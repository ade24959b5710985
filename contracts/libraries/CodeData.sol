// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Bytes kept as the code of a contract, for a third of what storage would cost
/// @notice The code starts with STOP, so that it cannot be run. At most 24,575 bytes (EIP-170).
contract CodeData {
    constructor(bytes memory data) {
        bytes memory code = bytes.concat(hex"00", data);
        assembly ("memory-safe") {
            return(add(code, 32), mload(code))
        }
    }
}

library CodeDataLib {
    /// @notice Keep the bytes. Reverts where they are too many.
    function keep(bytes memory data) internal returns (CodeData) {
        return new CodeData(data);
    }

    /// @notice The bytes from place `start` on.
    function read(CodeData from, uint256 start) internal view returns (bytes memory data) {
        uint256 size = address(from).code.length - 1 - start;
        data = new bytes(size);
        assembly ("memory-safe") {
            extcodecopy(from, add(data, 32), add(start, 1), size)
        }
    }
}
