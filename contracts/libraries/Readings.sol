// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccountState, Exposure, IProbe} from "../interfaces/IProbe.sol";

/// @dev One account as a probe told it.
struct Reading {
    IProbe probe;
    address account;
    AccountState state;
}

/// @dev What was read since the last call: nothing changes between two reads, so each account is read once.
struct Readings {
    Reading[] taken;
    uint256 count;
}

/// @title Reads accounts through probes, each once, and picks numbers from what they tell
library ReadingsLib {
    /// @notice Room for `size` accounts at most.
    function withRoom(uint256 size) internal pure returns (Readings memory readings) {
        readings.taken = new Reading[](size);
    }

    /// @notice A call is made: what was read is of the past.
    function forget(Readings memory readings) internal pure {
        readings.count = 0;
    }

    /// @notice The account through the probe, from memory when it was read before. Reverts as the probe does.
    function read(Readings memory readings, IProbe probe, address account)
        internal
        view
        returns (AccountState memory)
    {
        uint256 count = readings.count;
        for (uint256 i; i < count; ++i) {
            Reading memory taken = readings.taken[i];
            if (address(taken.probe) == address(probe) && taken.account == account) return taken.state;
        }
        AccountState memory state = probe.probe(account);
        readings.taken[count] = Reading(probe, account, state);
        readings.count = count + 1;
        return state;
    }

    /// @notice Size in one market; zero without a position there.
    function sizeIn(AccountState memory state, bytes32 market) internal pure returns (int256 size) {
        Exposure[] memory exposures = state.exposures;
        for (uint256 i; i < exposures.length; ++i) {
            if (exposures[i].market == market) size += exposures[i].size;
        }
    }

    /// @notice Sum of the deltas of one underlying's markets.
    function deltaIn(AccountState memory state, bytes32 underlying) internal pure returns (int256 delta) {
        Exposure[] memory exposures = state.exposures;
        for (uint256 i; i < exposures.length; ++i) {
            if (exposures[i].underlying == underlying) delta += exposures[i].delta;
        }
    }
}
