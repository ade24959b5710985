// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

// What we call at, and are called by, GMX v2 (v2.2). Signatures only, written from their documentation.

struct AddressItem {
    string key;
    address value;
}

struct AddressArrayItem {
    string key;
    address[] value;
}

struct AddressItems {
    AddressItem[] items;
    AddressArrayItem[] arrayItems;
}

struct UintItem {
    string key;
    uint256 value;
}

struct UintArrayItem {
    string key;
    uint256[] value;
}

struct UintItems {
    UintItem[] items;
    UintArrayItem[] arrayItems;
}

struct IntItem {
    string key;
    int256 value;
}

struct IntArrayItem {
    string key;
    int256[] value;
}

struct IntItems {
    IntItem[] items;
    IntArrayItem[] arrayItems;
}

struct BoolItem {
    string key;
    bool value;
}

struct BoolArrayItem {
    string key;
    bool[] value;
}

struct BoolItems {
    BoolItem[] items;
    BoolArrayItem[] arrayItems;
}

struct Bytes32Item {
    string key;
    bytes32 value;
}

struct Bytes32ArrayItem {
    string key;
    bytes32[] value;
}

struct Bytes32Items {
    Bytes32Item[] items;
    Bytes32ArrayItem[] arrayItems;
}

struct BytesItem {
    string key;
    bytes value;
}

struct BytesArrayItem {
    string key;
    bytes[] value;
}

struct BytesItems {
    BytesItem[] items;
    BytesArrayItem[] arrayItems;
}

struct StringItem {
    string key;
    string value;
}

struct StringArrayItem {
    string key;
    string[] value;
}

struct StringItems {
    StringItem[] items;
    StringArrayItem[] arrayItems;
}

/// @notice Named values of an order or an event, in seven groups. Names may come in any order and number.
struct EventLogData {
    AddressItems addressItems;
    UintItems uintItems;
    IntItems intItems;
    BoolItems boolItems;
    Bytes32Items bytes32Items;
    BytesItems bytesItems;
    StringItems stringItems;
}

interface IGmxRoleStore {
    function hasRole(address account, bytes32 role) external view returns (bool);
}

interface IGmxDataStore {
    function getAddress(bytes32 key) external view returns (address);
    function getUint(bytes32 key) external view returns (uint256);
}

/// @notice What GMX calls after an order, with at most the order's `callbackGasLimit`; a revert is swallowed.
interface IGmxOrderCallbackReceiver {
    function afterOrderExecution(bytes32 key, EventLogData calldata orderData, EventLogData calldata eventData)
        external;
    function afterOrderCancellation(bytes32 key, EventLogData calldata orderData, EventLogData calldata eventData)
        external;
    function afterOrderFrozen(bytes32 key, EventLogData calldata orderData, EventLogData calldata eventData) external;
}

/// @notice What GMX pays the unused execution fee to; after a revert it pays the order's receiver instead.
interface IGmxGasFeeCallbackReceiver {
    function refundExecutionFee(bytes32 key, EventLogData calldata eventData) external payable;
}
