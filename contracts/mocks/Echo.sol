// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Makes one call whenever it is called, paid, or given an NFT or a token that tells: a re-entry, from
/// every door. It swallows what comes of it, and remembers.
contract Echo {
    address private _target;
    bytes private _data;
    uint256 public calls;
    bool public wasLetIn;
    bytes public answer;

    function arm(address target, bytes calldata data) external {
        (_target, _data) = (target, data);
    }

    function onERC721Received(address, address, uint256, bytes calldata) external returns (bytes4) {
        _call();
        return this.onERC721Received.selector;
    }

    receive() external payable {
        _call();
    }

    fallback() external payable {
        _call();
    }

    function _call() private {
        ++calls;
        bool isSuccess;
        (isSuccess, answer) = _target.call(_data);
        wasLetIn = wasLetIn || isSuccess;
    }
}
