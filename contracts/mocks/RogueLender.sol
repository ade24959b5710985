// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IAaveFlashBorrower} from "../interfaces/external/IAaveV3.sol";
import {IUniswapV3Callee} from "../interfaces/external/IUniswapV3.sol";
import {IFlashLiquidator, Order} from "../interfaces/IFlashLiquidator.sol";

/// @notice A lender gone bad, in place of Aave's pool and of Uniswap's factory and pools: it lends what it has,
/// and then does something that it should not.
contract RogueLender {
    enum Trick {
        /// An honest loan.
        NONE,
        /// Says that somebody else asked.
        FOREIGN_INITIATOR,
        /// Calls back a second time.
        TWICE,
        /// Gives a new order before it calls back.
        REENTER,
        /// Calls back as if for a swap.
        OTHER_CALLBACK
    }

    Trick public trick;
    bytes public again;

    function play(Trick trick_, bytes calldata again_) external {
        trick = trick_;
        again = again_;
    }

    function getPool(address, address, uint24) external view returns (address) {
        return address(this);
    }

    function flashLoanSimple(address receiver, address asset, uint256 amount, bytes calldata params, uint16)
        external
    {
        IERC20(asset).transfer(receiver, amount);
        if (trick == Trick.REENTER) IFlashLiquidator(receiver).liquidate(abi.decode(again, (Order)));
        if (trick == Trick.OTHER_CALLBACK) {
            IUniswapV3Callee(receiver).uniswapV3FlashCallback(0, 0, params);
        } else {
            address initiator = trick == Trick.FOREIGN_INITIATOR ? address(this) : msg.sender;
            IAaveFlashBorrower(receiver).executeOperation(asset, amount, 0, initiator, params);
        }
        if (trick == Trick.TWICE) {
            IAaveFlashBorrower(receiver).executeOperation(asset, amount, 0, msg.sender, params);
        }
        IERC20(asset).transferFrom(receiver, address(this), amount);
    }
}
