// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What is called of Perp v2 ("Curie"). Amounts have 18 decimals unless said otherwise, ratios are
/// millionths. All views of an account revert where a price that they need is not there.
/// @dev The bound is of quote: at least, of a long position; at most, of a short one. Zero is none.
struct ClosePositionParams {
    address baseToken;
    uint160 sqrtPriceLimitX96;
    uint256 oppositeAmountBound;
    uint256 deadline;
    bytes32 referralCode;
}

interface IClearingHouse {
    function getAccountBalance() external view returns (address);
    function getClearingHouseConfig() external view returns (address);
    function getExchange() external view returns (address);
    function getOrderBook() external view returns (address);
    function getVault() external view returns (address);

    /// @dev Takes over at most `positionSize` of a position, 0 for as much as the house allows.
    function liquidate(address trader, address baseToken, int256 positionSize) external;

    function cancelAllExcessOrders(address maker, address baseToken) external;

    /// @dev Closes as much as may be traded in this block; what is returned has the fee inside.
    function closePosition(ClosePositionParams calldata params) external returns (uint256 base, uint256 quote);
}

/// @dev `takerPositionSize` may hold dust: the house counts less than 10 wei as none.
struct AccountMarketInfo {
    int256 takerPositionSize;
    int256 takerOpenNotional;
    int256 lastTwPremiumGrowthGlobalX96;
}

interface IAccountBalance {
    /// @dev The markets that an account trades or makes in.
    function getBaseTokens(address trader) external view returns (address[] memory);

    function getAccountInfo(address trader, address baseToken) external view returns (AccountMarketInfo memory);

    function getMarkPrice(address baseToken) external view returns (uint256);

    /// @dev Liquidity at the pool's spot price inside.
    function getTotalPositionSize(address trader, address baseToken) external view returns (int256);

    /// @dev Without liquidity; dust is zero.
    function getTakerPositionSize(address trader, address baseToken) external view returns (int256);

    function getTotalOpenNotional(address trader, address baseToken) external view returns (int256);
    function getBase(address trader, address baseToken) external view returns (int256);
    function getQuote(address trader, address baseToken) external view returns (int256);

    function getPnlAndPendingFee(address trader)
        external
        view
        returns (int256 owedRealizedPnl, int256 unrealizedPnl, uint256 pendingFee);
}

interface IBaseToken {
    function symbol() external view returns (string memory);

    /// @dev Of the oracle, averaged over `interval` seconds, 0 for now; of the pause when the market is not open.
    function getIndexPrice(uint256 interval) external view returns (uint256);

    function isOpen() external view returns (bool);
    function isClosed() external view returns (bool);
    function getClosedPrice() external view returns (uint256);
    function getPausedIndexPrice() external view returns (uint256);
}

interface IExchange {
    /// @dev Positive: the trader pays.
    function getPendingFundingPayment(address trader, address baseToken) external view returns (int256);

    function getAllPendingFundingPayment(address trader) external view returns (int256);
}

interface IOrderBook {
    function getOpenOrderIds(address trader, address baseToken) external view returns (bytes32[] memory);
}

interface IClearingHouseConfig {
    function getImRatio() external view returns (uint24);
    function getMmRatio() external view returns (uint24);
}

interface IVault {
    function decimals() external view returns (uint8);
    function getSettlementToken() external view returns (address);
    function getCollateralManager() external view returns (address);
    function getCollateralTokens(address trader) external view returns (address[] memory);

    /// @dev Of the settlement token, in its decimals.
    function getBalance(address trader) external view returns (int256);

    /// @dev In the token's decimals.
    function getBalanceByToken(address trader, address token) external view returns (int256);

    /// @dev Whether the collateral of an account may be bought at a discount.
    function isLiquidatable(address trader) external view returns (bool);

    /// @dev The most that may be bought now, and what is paid for it; each in its token's decimals.
    function getMaxRepaidSettlementAndLiquidatableCollateral(address trader, address token)
        external
        view
        returns (uint256 maxRepaidSettlement, uint256 maxLiquidatableCollateral);

    function deposit(address token, uint256 amount) external;
    function withdrawAll(address token) external returns (uint256 amount);

    function liquidateCollateral(
        address trader,
        address token,
        uint256 amount,
        bool isDenominatedInSettlementToken
    ) external returns (uint256 returnAmount);
}

struct CollateralConfig {
    address priceFeed;
    uint24 collateralRatio;
    uint24 discountRatio;
    uint256 depositCap;
}

interface ICollateralManager {
    function getPrice(address token, uint256 interval) external view returns (uint256);
    function getPriceFeedDecimals(address token) external view returns (uint8);
    function getCollateralConfig(address token) external view returns (CollateralConfig memory);
}
