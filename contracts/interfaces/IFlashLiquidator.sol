// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

enum Lender {
    /// Nothing is borrowed: enough for collateral, whose sale brings the money first.
    NONE,
    /// Aave v3, `flashLoanSimple`.
    AAVE_V3,
    /// A Uniswap v3 pool, `flash`.
    UNISWAP_V3
}

/// @notice Settlement tokens that are borrowed for the transaction.
struct Loan {
    Lender lender;
    /// Margin for what is taken over: at the venue's initial ratio of all positions before they are closed.
    uint256 amount;
    /// Only of a Uniswap pool: its other token and its fee in millionths. It is locked while it lends, so
    /// collateral is sold in another one.
    address pair;
    uint24 poolFee;
}

/// @notice A position to take over, in one step or in several.
struct PositionTarget {
    address trader;
    address baseToken;
    /// The most of each step, signed as the position is; 0: as much as the venue allows.
    int256 size;
    /// The most steps; no more are made once the account is healthy or the position is gone.
    uint256 rounds;
}

/// @notice The band of prices in which what was taken over in a market is closed, quote per unit of the
/// underlying with 18 decimals, fee inside: at least `minPrice` where it sells, at most `maxPrice` where it buys.
struct Unwind {
    address baseToken;
    uint256 minPrice;
    uint256 maxPrice;
}

/// @notice Collateral to buy at the venue's discount and to sell in the Uniswap v3 pool of `poolFee`.
struct CollateralTarget {
    address trader;
    address token;
    /// The most of each step, in the token's base units; 0: as much as the venue allows.
    uint256 amount;
    /// The most steps; no more are made once the venue allows none.
    uint256 rounds;
    uint24 poolFee;
    /// The least for 1e18 base units of the token, in base units of the settlement token; rounded down.
    uint256 minPrice;
}

/// @notice Positions first, one after the other; then each market is closed once; then collaterals.
struct Order {
    Loan loan;
    PositionTarget[] positions;
    /// Each market in which positions are taken over, once.
    Unwind[] unwinds;
    CollateralTarget[] collaterals;
    /// The least that is left after premium, fees and slippage, in base units of the settlement token.
    uint256 minProfit;
    /// Who gets what is left.
    address recipient;
    /// Unix second of the last block that may hold it.
    uint256 deadline;
}

/// @title Liquidation at Perp v2 with borrowed money
/// @notice A liquidator of Perp v2 inherits the position, for which it needs margin, and pays for collateral
/// before it can sell it. This contract borrows what is needed, liquidates, closes what it inherited, sells what
/// it bought, pays back, and gives the rest to `recipient`; or nothing of it happens.
/// @dev It has no owner and no state, and holds nothing between transactions: no tokens, no position, no balance
/// at the venue, no allowance. Whoever sends tokens to it, or deposits for it at the venue, gives them to the
/// next caller (settlement tokens) or loses them (all others). Should a gift ever stand in the way (collateral
/// whose price feed died), a new copy is as good as the old one.
///
/// Assumes:
/// - of the venue, of Aave's pool and of Uniswap's factory that they are the genuine ones: it trusts what they
///   are told at construction, and pools that the factory names;
/// - of the settlement token that it is an ERC-20 without fees or hooks on transfer;
/// - of callers nothing. An order is public once it is sent, and anyone may send it for himself: use a private
///   route. `minProfit` bounds what a sandwich round the unwinding can take, the price bands narrow it.
///
/// An account that somebody else has made healthy is passed over; all other failures undo everything, with the
/// venue's own reason.
interface IFlashLiquidator {
    /// @notice `loan` and its `premium`, `steps` (liquidations that were made) and what `recipient` got.
    event Liquidated(
        address indexed caller,
        address indexed recipient,
        Lender lender,
        uint256 loan,
        uint256 premium,
        uint256 steps,
        uint256 profit
    );

    error DeadlinePassed(uint256 deadline, uint256 time);
    error RecipientNotAllowed(address recipient);
    error NothingToLiquidate();
    error NoSuchPool(address token, uint24 fee);
    error UnwindPriceOutside(address baseToken, uint256 price, uint256 min, uint256 max);
    error PositionLeft(address baseToken, int256 size);
    error CollateralPriceBelow(address token, uint256 price, uint256 min);
    /// @notice The pool would pay less for the collateral than the venue asks; both for 1e18 base units of it.
    error CollateralNotCovered(address token, uint256 price, uint256 cost);
    /// @notice What would be left (below zero: what is missing) is less than what was asked for.
    error ProfitBelow(int256 profit, uint256 minProfit);
    error CallbackNotExpected(address caller);

    /// @notice Liquidate what is named, in one transaction. Anyone may call; as an `eth_call` it tells the
    /// profit, and the same block gives the same.
    /// @return profit What `recipient` got, in base units of the settlement token.
    function liquidate(Order calldata order) external returns (uint256 profit);

    /// @notice Perp v2's ClearingHouse, its vault and what it settles in.
    function clearingHouse() external view returns (address);
    function vault() external view returns (address);
    function settlementToken() external view returns (address);

    /// @notice Who may lend: Aave's pool, and the pools of Uniswap's factory, where collateral is sold too.
    function aavePool() external view returns (address);
    function uniswapFactory() external view returns (address);
}
