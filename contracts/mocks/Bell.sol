// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice A target that counts, fails with a reason, or takes all gas. `ring` keeps what it is paid; `giveBack`
/// pays it out.
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

    function giveBack(address payable to, uint256 amount) external {
        (bool isPaid,) = to.call{value: amount}("");
        require(isPaid);
    }
}
