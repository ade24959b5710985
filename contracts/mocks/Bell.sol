// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @notice A target that counts, fails with a reason, or takes all gas. `ring` keeps what it is paid; `giveBack`
/// pays it out, and `giveToken` a token that it has.
contract Bell {
    error Cracked(uint256 reason);

    uint256 public rung;

    receive() external payable {}

    function ring() external payable returns (uint256) {
        return ++rung;
    }

    function crack(uint256 reason) external payable {
        rung += 1_000;
        revert Cracked(reason);
    }

    /// Takes all gas, so many calls deep: each level keeps a 64th.
    function burn(uint256 depth) external {
        if (depth != 0) this.burn(depth - 1);
        while (depth == 0) ++rung;
    }

    function giveToken(IERC20 token, address to, uint256 amount) external {
        token.transfer(to, amount);
    }

    function giveBack(address payable to, uint256 amount) external {
        (bool isPaid,) = to.call{value: amount}("");
        require(isPaid);
    }
}
