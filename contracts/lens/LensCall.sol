// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PositionLens} from "../PositionLens.sol";

/// @title The lens where nothing is deployed and `eth_call` takes no code of the caller's
/// @notice An `eth_call` without a target runs this constructor. It reverts with the lens's answer: what a
/// constructor returns is code, which may have 24,576 bytes, and what it reverts with has no limit.
contract LensCall {
    error LensAnswer(bool isSuccess, bytes answer);

    /// @param query a call of PositionLens.read
    constructor(bytes memory query) {
        (bool isSuccess, bytes memory answer) = address(new PositionLens()).staticcall(query);
        revert LensAnswer(isSuccess, answer);
    }
}
