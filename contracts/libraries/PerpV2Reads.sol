// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {
    IAccountBalance,
    IBaseToken,
    IClearingHouse,
    IClearingHouseConfig,
    ICollateralManager,
    IExchange,
    IOrderBook,
    IVault
} from "../interfaces/external/IPerpV2.sol";

/// @dev The contracts of one Perp v2, and what 1 base unit of its settlement token counts for.
struct PerpV2 {
    IAccountBalance accountBalance;
    IClearingHouseConfig config;
    IExchange exchange;
    IOrderBook orderBook;
    IVault vault;
    ICollateralManager collateralManager;
    uint256 unit;
}

/// @dev What a collateral counts for: `price` for each `one` of it, less the haircut; ratio in millionths.
struct CollateralTerms {
    address token;
    uint8 decimals;
    uint256 price;
    uint256 one;
    uint256 ratio;
}

/// @title Perp v2 in its own integers
/// @notice Repeats Vault and AccountBalance to the wei where asking them would cost more. 18 decimals.
library PerpV2Reads {
    uint256 internal constant WAD = 1e18;
    uint256 internal constant MILLION = 1e6;
    /// Vault's constant: collaterals are priced by the average of so many seconds.
    uint256 internal constant COLLATERAL_TWAP = 900;
    /// AccountBalance counts a smaller size as none.
    uint256 internal constant DUST = 10;

    function contractsOf(address clearingHouse) internal view returns (PerpV2 memory v) {
        IClearingHouse house = IClearingHouse(clearingHouse);
        v.accountBalance = IAccountBalance(house.getAccountBalance());
        v.config = IClearingHouseConfig(house.getClearingHouseConfig());
        v.exchange = IExchange(house.getExchange());
        v.orderBook = IOrderBook(house.getOrderBook());
        v.vault = IVault(house.getVault());
        v.collateralManager = ICollateralManager(v.vault.getCollateralManager());
        v.unit = 10 ** (18 - v.vault.decimals());
    }

    /// @notice What positions in a market are valued at: its mark while it is open, then its index at the pause,
    /// then its closing price.
    function referencePrice(IAccountBalance accountBalance, IBaseToken token) internal view returns (uint256) {
        if (token.isOpen()) return accountBalance.getMarkPrice(address(token));
        return token.isClosed() ? token.getClosedPrice() : token.getPausedIndexPrice();
    }

    /// @notice size x price, rounded to zero as AccountBalance does.
    function positionValue(int256 size, uint256 price) internal pure returns (int256) {
        int256 worth = int256(Math.mulDiv(abs(size), price, WAD));
        return size < 0 ? -worth : worth;
    }

    function collateralTerms(ICollateralManager manager, address token)
        internal
        view
        returns (CollateralTerms memory terms)
    {
        terms.token = token;
        terms.decimals = IERC20Metadata(token).decimals();
        terms.price = manager.getPrice(token, COLLATERAL_TWAP);
        terms.one = 10 ** manager.getPriceFeedDecimals(token);
        terms.ratio = manager.getCollateralConfig(token).collateralRatio;
    }

    /// @notice What `balance` of a collateral counts for: decimals, price and haircut in Vault's order, each
    /// rounded down.
    function collateralValue(CollateralTerms memory t, int256 balance) internal pure returns (uint256) {
        uint256 amount = uint256(balance); // never below zero: only the settlement token may be
        uint256 value = t.decimals > 18
            ? Math.mulDiv(amount, t.price, t.one) / 10 ** (t.decimals - 18)
            : Math.mulDiv(amount * 10 ** (18 - t.decimals), t.price, t.one);
        return ratioOf(value, t.ratio);
    }

    /// @notice `value` down to whole base units of the settlement token: what Vault answers.
    function floorToUnit(int256 value, uint256 unit) internal pure returns (int256) {
        int256 units = value / int256(unit);
        if (value < 0 && value % int256(unit) != 0) units--;
        return units * int256(unit);
    }

    /// @notice `ratio` millionths of `value`, rounded down as AccountBalance does.
    function ratioOf(uint256 value, uint256 ratio) internal pure returns (uint256) {
        return Math.mulDiv(value, ratio, MILLION);
    }

    /// @notice equity / margin with 18 decimals, rounded down. A position so small that its margin rounds to zero
    /// is liquidated only below zero equity.
    function healthDown(int256 equity, uint256 margin, uint256 totalAbsValue) internal pure returns (uint256) {
        if (totalAbsValue == 0) return type(uint256).max;
        if (equity < 0) return 0;
        return margin == 0 ? type(uint256).max : Math.mulDiv(uint256(equity), WAD, margin);
    }

    /// @notice PerpPortal.getLiquidationPrice: of a size that is not zero, `left` = equity - maintenance margin.
    function liquidationPrice(int256 size, uint256 price, int256 left, uint256 mmRatio)
        internal
        pure
        returns (uint256)
    {
        uint256 weight = ratioOf(abs(size), size > 0 ? MILLION - mmRatio : MILLION + mmRatio);
        if (weight == 0) return 0;
        int256 distance = left * int256(WAD) / (size > 0 ? int256(weight) : -int256(weight));
        int256 found = int256(price) - distance;
        return found < 0 ? 0 : uint256(found);
    }

    function abs(int256 value) internal pure returns (uint256) {
        return value < 0 ? uint256(-value) : uint256(value);
    }
}
