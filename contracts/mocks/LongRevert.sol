// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Reverts whatever it is asked, with more bytes than anybody wants to pay for
contract LongRevert {
    fallback() external {
        assembly {
            revert(0, 200000)
        }
    }
}
