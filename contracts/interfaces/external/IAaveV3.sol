// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What is called of Aave v3.
interface IAavePool {
    /// @dev Sends `amount` of `asset` to `receiver`, calls its `executeOperation`, and pulls amount and premium.
    function flashLoanSimple(
        address receiver,
        address asset,
        uint256 amount,
        bytes calldata params,
        uint16 referralCode
    ) external;
}

/// @notice What Aave v3 calls of a borrower.
interface IAaveFlashBorrower {
    /// @dev `initiator` is who asked for the loan; true is asked for as the answer.
    function executeOperation(
        address asset,
        uint256 amount,
        uint256 premium,
        address initiator,
        bytes calldata params
    ) external returns (bool);
}
