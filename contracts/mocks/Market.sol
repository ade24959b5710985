// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccountState, Exposure, IProbe} from "../interfaces/IProbe.sol";

/// @notice A venue where everybody trades at the price that they say, and its own probe. Health is 100 and cash.
contract Market is IProbe {
    mapping(address => int256) public sizeOf;
    mapping(address => int256) public cashOf;

    function trade(int256 size, int256 cash) external {
        sizeOf[msg.sender] += size;
        cashOf[msg.sender] += cash;
    }

    function probe(address account) external view returns (AccountState memory state) {
        state.cash = cashOf[account];
        state.equity = 100e18 + state.cash;
        state.health = state.equity < 0 ? 0 : uint256(state.equity);
        state.exposures = new Exposure[](1);
        int256 size = sizeOf[account];
        state.exposures[0] = Exposure(bytes32("M"), bytes32("ETH"), size, size, 1e18, 1e18);
    }
}
