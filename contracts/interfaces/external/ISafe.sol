// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev Of a Safe (1.3.0, 1.4.1), what a module calls. `operation` 0 is a call, 1 a delegatecall.
interface ISafe {
    function execTransactionFromModuleReturnData(address to, uint256 value, bytes memory data, uint8 operation)
        external
        returns (bool success, bytes memory returnData);
}
