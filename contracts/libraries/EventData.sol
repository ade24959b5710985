// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AddressItem, EventLogData, UintItem} from "../interfaces/external/IGmxV2.sol";

/// @title Values of GMX v2's event data by name
/// @notice By name and never by place: GMX adds names, and moves them, between its versions. What is not there is
/// told as zero; no number of other names, and no size of their values, matters.
library EventData {
    function addressOf(EventLogData calldata data, bytes32 nameHash) internal pure returns (address) {
        AddressItem[] calldata items = data.addressItems.items;
        for (uint256 i; i < items.length; ++i) {
            if (keccak256(bytes(items[i].key)) == nameHash) return items[i].value;
        }
        return address(0);
    }

    function uintOf(EventLogData calldata data, bytes32 nameHash) internal pure returns (uint256) {
        UintItem[] calldata items = data.uintItems.items;
        for (uint256 i; i < items.length; ++i) {
            if (keccak256(bytes(items[i].key)) == nameHash) return items[i].value;
        }
        return 0;
    }
}
