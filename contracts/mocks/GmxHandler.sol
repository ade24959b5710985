// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {
    EventLogData,
    IGmxDataStore,
    IGmxGasFeeCallbackReceiver,
    IGmxOrderCallbackReceiver,
    IGmxRoleStore
} from "../interfaces/external/IGmxV2.sol";
import {Outcome} from "../interfaces/IOrderCallback.sol";

/// @title What an OrderCallback sees of GMX v2, which cannot be deployed here (its licence): store, roles, handler
/// @notice Keys, gas, swallowed reverts and refunds as GMX has them; what is in an order's data is the test's.
contract GmxHandler is IGmxRoleStore, IGmxDataStore {
    mapping(bytes32 key => uint256) public getUint;
    mapping(bytes32 key => address) public getAddress;
    mapping(address account => mapping(bytes32 role => bool)) public hasRole;

    event OrderCreated(bytes32 key);
    event CallbackReverted(bytes reason);

    constructor() {
        hasRole[address(this)][keccak256(abi.encode("CONTROLLER"))] = true;
    }

    receive() external payable {}

    function createOrder(address callback) external returns (bytes32 key) {
        key = keccak256(abi.encode(address(this), ++getUint[keccak256(abi.encode("NONCE"))]));
        getAddress[keccak256(abi.encode(key, keccak256(abi.encode("ACCOUNT"))))] = msg.sender;
        getAddress[keccak256(abi.encode(key, keccak256(abi.encode("CALLBACK_CONTRACT"))))] = callback;
        emit OrderCreated(key);
    }

    function finish(
        bytes32 key,
        Outcome outcome,
        EventLogData calldata orderData,
        EventLogData calldata eventData,
        uint256 gasLimit
    ) external payable {
        IGmxOrderCallbackReceiver callback = IGmxOrderCallbackReceiver(_callbackOf(key));
        if (outcome == Outcome.EXECUTED) {
            try callback.afterOrderExecution{gas: gasLimit}(key, orderData, eventData) {}
            catch (bytes memory reason) {
                emit CallbackReverted(reason);
            }
        } else if (outcome == Outcome.CANCELLED) {
            try callback.afterOrderCancellation{gas: gasLimit}(key, orderData, eventData) {}
            catch (bytes memory reason) {
                emit CallbackReverted(reason);
            }
        } else {
            try callback.afterOrderFrozen{gas: gasLimit}(key, orderData, eventData) {}
            catch (bytes memory reason) {
                emit CallbackReverted(reason);
            }
        }
        if (outcome != Outcome.FROZEN) _forget(key);
        if (msg.value > 0) _refund(key, address(callback), eventData, gasLimit);
    }

    function _refund(bytes32 key, address callback, EventLogData calldata data, uint256 gasLimit) private {
        try IGmxGasFeeCallbackReceiver(callback).refundExecutionFee{value: msg.value, gas: gasLimit}(key, data) {}
        catch (bytes memory reason) {
            emit CallbackReverted(reason);
        }
    }

    function _forget(bytes32 key) private {
        delete getAddress[keccak256(abi.encode(key, keccak256(abi.encode("ACCOUNT"))))];
        // The callback contract stays readable for the refund: GMX has the order in memory then.
    }

    function _callbackOf(bytes32 key) private view returns (address) {
        return getAddress[keccak256(abi.encode(key, keccak256(abi.encode("CALLBACK_CONTRACT"))))];
    }
}
