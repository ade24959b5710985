// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice A token that calls a listener at each transfer, and takes `feeBps` of it. Its deployer has all.
contract HookToken is ERC20 {
    address public listener;
    uint256 public feeBps;

    constructor(string memory symbol) ERC20(symbol, symbol) {
        _mint(msg.sender, 1e30);
    }

    function set(address listener_, uint256 feeBps_) external {
        (listener, feeBps) = (listener_, feeBps_);
    }

    function _update(address from, address to, uint256 value) internal override {
        uint256 fee = from == address(0) ? 0 : value * feeBps / 10_000;
        super._update(from, to, value - fee);
        if (fee != 0) super._update(from, address(0), fee);
        if (listener != address(0)) {
            (bool isHeard,) = listener.call(abi.encodeWithSignature("tokenMoved()"));
            isHeard;
        }
    }
}
