// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;


/// @notice Calls back when it is called, in whatever role: a token with hooks, a receiver of value or of a token, a
/// target, the code that an EOA took on. Tells afterwards how that went.
contract Ambush {
    address public target;
    bytes public data;
    bool public isArmed;
    bool public isSuccess;
    bytes public answer;

    receive() external payable {
        _strike();
    }

    fallback(bytes calldata) external payable returns (bytes memory) {
        _strike();
        return abi.encode(true);
    }

    function arm(address target_, bytes calldata data_) external {
        (target, data, isArmed, isSuccess, answer) = (target_, data_, true, false, "");
    }

    /// @notice Calls anything, as its own key would: for the account whose code this is.
    function act(address target_, bytes calldata data_) external payable returns (bytes memory) {
        (bool isDone, bytes memory said) = target_.call{value: msg.value}(data_);
        if (isDone) return said;
        assembly ("memory-safe") {
            revert(add(said, 32), mload(said))
        }
    }

    /// @notice Runs anything in its own storage.
    function become(address code, bytes calldata data_) external returns (bool isDone, bytes memory said) {
        return code.delegatecall(data_);
    }

    function _strike() private {
        if (!isArmed) return;
        isArmed = false;
        (isSuccess, answer) = target.call(data);
    }
}
