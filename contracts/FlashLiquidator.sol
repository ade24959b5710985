// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IAaveFlashBorrower, IAavePool} from "./interfaces/external/IAaveV3.sol";
import {ClosePositionParams, IAccountBalance, IClearingHouse, IVault} from "./interfaces/external/IPerpV2.sol";
import {IUniswapV3Callee, IUniswapV3Factory, IUniswapV3Pool} from "./interfaces/external/IUniswapV3.sol";
import {
    CollateralTarget,
    IFlashLiquidator,
    Lender,
    Order,
    PositionTarget,
    Unwind
} from "./interfaces/IFlashLiquidator.sol";

/// @title FlashLiquidator
/// @notice See {IFlashLiquidator}: it lends to itself, for one transaction, what a liquidation needs.
contract FlashLiquidator is IFlashLiquidator, IAaveFlashBorrower, IUniswapV3Callee, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    uint256 private constant WAD = 1e18;
    /// @dev One inside of the least and the greatest root of a price that a pool knows: no limit.
    uint160 private constant LOWEST_SQRT_PRICE = 4295128740;
    uint160 private constant HIGHEST_SQRT_PRICE = 1461446703485210103287273052203988822378723970341;

    /// @dev Reasons of Perp v2, as hashes of their revert data.
    bytes32 private constant HEALTHY = keccak256(abi.encodeWithSignature("Error(string)", "CH_EAV"));
    bytes32 private constant NO_POSITION = keccak256(abi.encodeWithSignature("Error(string)", "CH_PSZ"));
    bytes32 private constant IN_POOL = keccak256(abi.encodeWithSignature("Error(string)", "CH_CLWTISO"));
    bytes32 private constant NOT_IN_EXCESS = keccak256(abi.encodeWithSignature("Error(string)", "CH_NEXO"));

    // IMMUTABLES

    /// @inheritdoc IFlashLiquidator
    address public immutable clearingHouse;
    /// @inheritdoc IFlashLiquidator
    address public immutable vault;
    /// @inheritdoc IFlashLiquidator
    address public immutable settlementToken;
    /// @inheritdoc IFlashLiquidator
    address public immutable aavePool;
    /// @inheritdoc IFlashLiquidator
    address public immutable uniswapFactory;
    IAccountBalance private immutable accountBalance;

    // STORAGE, OF THE TRANSACTION ONLY

    /// @dev Whose callback is due; zero: nobody's.
    address private transient expected;
    uint256 private transient premium;
    uint256 private transient steps;

    /// @param clearingHouse_ Of Perp v2; it names the other contracts of the venue.
    /// @param aavePool_ Zero where there is none: then it cannot lend.
    /// @param uniswapFactory_ Of Uniswap v3.
    constructor(address clearingHouse_, address aavePool_, address uniswapFactory_) {
        clearingHouse = clearingHouse_;
        vault = IClearingHouse(clearingHouse_).getVault();
        accountBalance = IAccountBalance(IClearingHouse(clearingHouse_).getAccountBalance());
        settlementToken = IVault(vault).getSettlementToken();
        aavePool = aavePool_;
        uniswapFactory = uniswapFactory_;
    }

    /// @dev Only who was just asked for something may call back, and once.
    modifier onlyExpected() {
        if (msg.sender != expected) revert CallbackNotExpected(msg.sender);
        expected = address(0);
        _;
    }

    // ORDERS

    /// @inheritdoc IFlashLiquidator
    function liquidate(Order calldata order) external nonReentrant returns (uint256 profit) {
        if (block.timestamp > order.deadline) revert DeadlinePassed(order.deadline, block.timestamp);
        if (order.recipient == address(0) || order.recipient == address(this)) {
            revert RecipientNotAllowed(order.recipient);
        }
        premium = 0;
        steps = 0;

        _borrow(order);

        profit = IERC20(settlementToken).balanceOf(address(this));
        emit Liquidated(
            msg.sender, order.recipient, order.loan.lender, order.loan.amount, premium, steps, profit
        );
        IERC20(settlementToken).safeTransfer(order.recipient, profit);
    }

    /// @dev All that is done with the money; `owed` is paid back after it.
    function _work(Order memory order, uint256 owed) private {
        // Whatever the venue pulls; it pulls of its caller only.
        IERC20(settlementToken).forceApprove(vault, type(uint256).max);
        if (order.positions.length != 0) _liquidatePositions(order);
        for (uint256 i; i < order.collaterals.length; ++i) {
            _liquidateCollateral(order.collaterals[i]);
        }
        IERC20(settlementToken).forceApprove(vault, 0);

        if (steps == 0) revert NothingToLiquidate();
        int256 profit = IERC20(settlementToken).balanceOf(address(this)).toInt256() - owed.toInt256();
        if (profit < order.minProfit.toInt256()) revert ProfitBelow(profit, order.minProfit);
    }

    // LENDERS

    function _borrow(Order calldata order) private {
        uint256 amount = order.loan.amount;
        if (order.loan.lender == Lender.NONE) {
            _work(order, 0);
        } else if (order.loan.lender == Lender.AAVE_V3) {
            expected = aavePool;
            IAavePool(aavePool).flashLoanSimple(address(this), settlementToken, amount, abi.encode(order), 0);
        } else {
            address pool = _findPool(order.loan.pair, order.loan.poolFee);
            (uint256 amount0, uint256 amount1) =
                _isFirst(settlementToken, order.loan.pair) ? (amount, uint256(0)) : (uint256(0), amount);
            expected = pool;
            IUniswapV3Pool(pool).flash(address(this), amount0, amount1, abi.encode(order));
        }
    }

    /// @inheritdoc IAaveFlashBorrower
    function executeOperation(
        address, /* asset */
        uint256 amount,
        uint256 fee,
        address initiator,
        bytes calldata params
    ) external onlyExpected returns (bool) {
        if (initiator != address(this)) revert CallbackNotExpected(initiator);
        premium = fee;
        _work(abi.decode(params, (Order)), amount + fee);
        IERC20(settlementToken).forceApprove(aavePool, amount + fee);
        return true;
    }

    /// @inheritdoc IUniswapV3Callee
    function uniswapV3FlashCallback(uint256 fee0, uint256 fee1, bytes calldata data) external onlyExpected {
        Order memory order = abi.decode(data, (Order));
        uint256 fee = _isFirst(settlementToken, order.loan.pair) ? fee0 : fee1;
        premium = fee;
        _work(order, order.loan.amount + fee);
        IERC20(settlementToken).safeTransfer(msg.sender, order.loan.amount + fee);
    }

    // POSITIONS

    /// @dev Everything that is borrowed is margin until all that was inherited is closed.
    function _liquidatePositions(Order memory order) private {
        IVault(vault).deposit(settlementToken, order.loan.amount);
        for (uint256 i; i < order.positions.length; ++i) {
            _takeOver(order.positions[i]);
        }
        for (uint256 i; i < order.unwinds.length; ++i) {
            _unwind(order.unwinds[i]);
        }
        address[] memory left = accountBalance.getBaseTokens(address(this));
        if (left.length != 0) {
            revert PositionLeft(left[0], accountBalance.getTakerPositionSize(address(this), left[0]));
        }
        IVault(vault).withdrawAll(settlementToken);
    }

    function _takeOver(PositionTarget memory target) private {
        for (uint256 round; round < target.rounds; ++round) {
            if (!_takeStep(target)) return;
            ++steps;
        }
    }

    /// @dev Whether there was anything to take. To ask the venue first would cost as much as to try.
    function _takeStep(PositionTarget memory target) private returns (bool) {
        try IClearingHouse(clearingHouse).liquidate(target.trader, target.baseToken, target.size) {
            return true;
        } catch (bytes memory reason) {
            if (_isReason(reason, HEALTHY) || _isReason(reason, NO_POSITION)) return false;
            if (!_isReason(reason, IN_POOL)) Address.verifyCallResult(false, reason);
        }
        return _cancelOrders(target.trader) && _takeStep(target);
    }

    /// @dev Whether the venue lets go of all of them, as it does of an account under water.
    function _cancelOrders(address trader) private returns (bool) {
        address[] memory baseTokens = accountBalance.getBaseTokens(trader);
        for (uint256 i; i < baseTokens.length; ++i) {
            try IClearingHouse(clearingHouse).cancelAllExcessOrders(trader, baseTokens[i]) {}
            catch (bytes memory reason) {
                if (!_isReason(reason, NOT_IN_EXCESS)) Address.verifyCallResult(false, reason);
                return false;
            }
        }
        return true;
    }

    /// @dev Positions against each other may have left none. What a block's price limit lets stand is told by
    /// the caller.
    function _unwind(Unwind memory unwind) private {
        int256 size = accountBalance.getTakerPositionSize(address(this), unwind.baseToken);
        if (size == 0) return;

        (uint256 base, uint256 quote) = IClearingHouse(clearingHouse).closePosition(
            ClosePositionParams(unwind.baseToken, 0, 0, block.timestamp, 0)
        );
        bool sells = size > 0;
        uint256 price = Math.mulDiv(quote, WAD, base, sells ? Math.Rounding.Floor : Math.Rounding.Ceil);
        if (sells ? price < unwind.minPrice : price > unwind.maxPrice) {
            revert UnwindPriceOutside(unwind.baseToken, price, unwind.minPrice, unwind.maxPrice);
        }
    }

    // COLLATERAL

    function _liquidateCollateral(CollateralTarget memory target) private {
        address pool = _findPool(target.token, target.poolFee);
        for (uint256 round; round < target.rounds; ++round) {
            (uint256 cost, uint256 most) =
                IVault(vault).getMaxRepaidSettlementAndLiquidatableCollateral(target.trader, target.token);
            uint256 amount = target.amount == 0 ? most : Math.min(target.amount, most);
            if (amount == 0 || !_sellCollateral(target, pool, amount, Math.mulDiv(cost, WAD, most))) return;
            ++steps;
        }
    }

    /// @dev Whether there was anything for sale, which is asked only where it failed. The pool pays first; its callback buys from the venue, at
    /// `cost` for 1e18, what is sold to it.
    function _sellCollateral(CollateralTarget memory target, address pool, uint256 amount, uint256 cost)
        private
        returns (bool)
    {
        bool isFirst = _isFirst(target.token, settlementToken);
        uint160 limit = isFirst ? LOWEST_SQRT_PRICE : HIGHEST_SQRT_PRICE;
        bytes memory sale = abi.encode(target.trader, target.token, target.minPrice, cost);
        expected = pool;
        try IUniswapV3Pool(pool).swap(address(this), isFirst, amount.toInt256(), limit, sale) {
            return true;
        } catch (bytes memory reason) {
            if (IVault(vault).isLiquidatable(target.trader)) Address.verifyCallResult(false, reason);
        }
        expected = address(0);
        return false;
    }

    /// @inheritdoc IUniswapV3Callee
    function uniswapV3SwapCallback(int256 amount0Delta, int256 amount1Delta, bytes calldata data)
        external
        onlyExpected
    {
        (address trader, address token, uint256 minPrice, uint256 cost) =
            abi.decode(data, (address, address, uint256, uint256));
        (int256 owed, int256 paid) =
            _isFirst(token, settlementToken) ? (amount0Delta, amount1Delta) : (amount1Delta, amount0Delta);
        uint256 sold = uint256(owed);
        uint256 price = Math.mulDiv(uint256(-paid), WAD, sold);
        if (price < minPrice) revert CollateralPriceBelow(token, price, minPrice);
        if (price < cost) revert CollateralNotCovered(token, price, cost);

        IVault(vault).liquidateCollateral(trader, token, sold, false);
        IERC20(token).safeTransfer(msg.sender, sold);
    }

    // REASONS AND POOLS

    function _isReason(bytes memory reason, bytes32 code) private pure returns (bool) {
        return keccak256(reason) == code;
    }

    function _findPool(address token, uint24 fee) private view returns (address pool) {
        pool = IUniswapV3Factory(uniswapFactory).getPool(token, settlementToken, fee);
        if (pool == address(0)) revert NoSuchPool(token, fee);
    }

    function _isFirst(address token, address other) private pure returns (bool) {
        return token < other;
    }
}
