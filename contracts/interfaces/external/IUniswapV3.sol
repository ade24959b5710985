// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What is called of Uniswap v3.
interface IUniswapV3Factory {
    /// @dev Zero where there is none; the tokens in any order, the fee in millionths.
    function getPool(address tokenA, address tokenB, uint24 fee) external view returns (address);
}

/// @dev `token0` has the lower address. A pool is locked while it waits for a callback.
interface IUniswapV3Pool {
    /// @dev Sends the amounts to `recipient`, calls `uniswapV3FlashCallback` of the caller, and wants them back
    /// with the fees.
    function flash(address recipient, uint256 amount0, uint256 amount1, bytes calldata data) external;

    /// @dev Sends what is bought to `recipient`, calls `uniswapV3SwapCallback` of the caller, and wants what is
    /// sold. `amountSpecified` > 0 is what is sold, at most: less, where the price reaches the limit.
    function swap(
        address recipient,
        bool zeroForOne,
        int256 amountSpecified,
        uint160 sqrtPriceLimitX96,
        bytes calldata data
    ) external returns (int256 amount0, int256 amount1);
}

/// @notice What a pool calls of who asked it to `flash` or to `swap`.
interface IUniswapV3Callee {
    function uniswapV3FlashCallback(uint256 fee0, uint256 fee1, bytes calldata data) external;

    /// @dev Deltas are the pool's: above zero is owed to it.
    function uniswapV3SwapCallback(int256 amount0Delta, int256 amount1Delta, bytes calldata data) external;
}
