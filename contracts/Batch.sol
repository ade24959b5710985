// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {
    BalanceCondition,
    Call,
    Conditions,
    DeltaCondition,
    HealthCondition,
    IExecutor,
    OnFailure,
    Plan,
    PriceCondition,
    Result,
    SizeCondition
} from "./interfaces/IExecutor.sol";
import {AccountState} from "./interfaces/IProbe.sol";
import {Readings, ReadingsLib} from "./libraries/Readings.sol";
import {TradePrice} from "./libraries/TradePrice.sol";

/// @title Runs a plan for an account, and checks what must hold after it
/// @notice What a plan means is written at IExecutor. What inherits this decides who may run which plan as which
/// account, and guards its entries with `nonReentrant`: `_run` does not guard itself.
abstract contract Batch is ReentrancyGuardTransient {
    using ReadingsLib for AccountState;
    using ReadingsLib for Readings;
    using SafeCast for uint256;

    /* CONSTANTS */

    address private constant NATIVE = address(0);
    /// A call that may fail must leave this part of the gas it began with, or its plan is undone. Where gas runs
    /// out n calls deep, n/64 of it are left: a third is more than 25 calls deep leave.
    uint256 private constant GAS_RESERVE = 3;

    /* TYPES */

    /// @dev An account as it was before the call whose price is bounded.
    struct Before {
        int256 size;
        int256 cash;
    }

    /* PLANS */

    /// @dev Everything of a plan, in order: deadline, inputs, calls, conditions, outputs.
    function _run(address account, Plan calldata plan) internal virtual returns (Result[] memory results) {
        if (block.timestamp > plan.deadline) revert IExecutor.DeadlinePassed(plan.deadline, block.timestamp);
        _checkPriceCalls(plan);
        bytes32 planHash = _hash(plan);

        _takeInputs(account, plan);
        int256[] memory starts = _startBalances(account, plan.conditions.balances);
        Readings memory readings = ReadingsLib.withRoom(_countReads(plan.conditions));
        results = _makeCalls(account, plan, planHash, readings);
        _checkConditions(account, plan.conditions, starts, readings);
        _giveOutputs(account, plan);

        emit IExecutor.PlanExecuted(account, planHash, msg.sender);
    }

    function _hash(Plan calldata plan) internal pure returns (bytes32) {
        return keccak256(abi.encode(plan));
    }

    /// @dev Nothing is taken or given here: a plan that asks for it is refused.
    function _takeInputs(address account, Plan calldata plan) internal virtual {
        if (plan.inputs.length != 0 || plan.outputs.length != 0) revert IExecutor.FundsNotAllowed(account);
    }

    function _giveOutputs(address account, Plan calldata plan) internal virtual {}

    /* CALLS */

    /// @dev Makes call number `index` as the account. Whether it succeeded, and what it returned.
    function _call(address, uint256, Call calldata call) internal virtual returns (bool, bytes memory) {
        return call.target.call{value: call.value}(call.data);
    }

    /// @dev What was read after one call serves before the next, and at the end.
    function _makeCalls(address account, Plan calldata plan, bytes32 planHash, Readings memory readings)
        private
        returns (Result[] memory results)
    {
        uint256 count = plan.calls.length;
        results = new Result[](count);
        for (uint256 i; i < count; ++i) {
            Before[] memory before = _readBefore(account, plan.conditions.prices, i, readings);
            readings.forget();
            if (!_makeCall(account, i, plan.calls[i], planHash, results[i])) {
                _checkNonePriced(plan.conditions.prices, i);
                return results;
            }
            _checkPrices(account, plan.conditions.prices, i, before, readings);
        }
    }

    /// @dev False when no further call is to be made.
    function _makeCall(address account, uint256 index, Call calldata call, bytes32 planHash, Result memory result)
        private
        returns (bool)
    {
        uint256 gasBefore = gasleft();
        (bool isSuccess, bytes memory data) = _hasCode(call)
            ? _call(account, index, call)
            : (false, abi.encodeWithSelector(IExecutor.NoCode.selector, call.target));
        result.data = data;
        if (isSuccess) {
            result.isSuccess = true;
            return true;
        }
        if (call.onFailure == OnFailure.REVERT) revert IExecutor.CallReverted(index, call.target, data);
        if (gasleft() < gasBefore / GAS_RESERVE) revert IExecutor.GasTooLow(index, gasBefore);
        emit IExecutor.CallFailed(account, planHash, index, data);
        return call.onFailure == OnFailure.CONTINUE;
    }

    /// @dev Data for an address without code would be ignored, which looks like success.
    function _hasCode(Call calldata call) private view returns (bool) {
        return call.data.length == 0 || call.target.code.length != 0;
    }

    /* PRICES */

    function _checkPriceCalls(Plan calldata plan) private pure {
        PriceCondition[] calldata prices = plan.conditions.prices;
        uint256 calls = plan.calls.length;
        for (uint256 i; i < prices.length; ++i) {
            if (prices[i].call >= calls) revert IExecutor.NoSuchCall(prices[i].call, calls);
        }
    }

    /// @dev One entry for each price condition; those of other calls stay empty.
    function _readBefore(
        address account,
        PriceCondition[] calldata prices,
        uint256 index,
        Readings memory readings
    ) private view returns (Before[] memory before) {
        before = new Before[](prices.length);
        for (uint256 i; i < prices.length; ++i) {
            if (prices[i].call != index) continue;
            AccountState memory state = readings.read(prices[i].probe, _or(prices[i].account, account));
            before[i] = Before(state.sizeIn(prices[i].market), state.cash);
        }
    }

    function _checkPrices(
        address account,
        PriceCondition[] calldata prices,
        uint256 index,
        Before[] memory before,
        Readings memory readings
    ) private view {
        for (uint256 i; i < prices.length; ++i) {
            PriceCondition calldata wanted = prices[i];
            if (wanted.call != index) continue;
            AccountState memory state = readings.read(wanted.probe, _or(wanted.account, account));
            int256 size = state.sizeIn(wanted.market) - before[i].size;
            if (size == 0) revert IExecutor.NothingTraded(index, wanted.market);
            (uint256 price, bool isWorse) = TradePrice.judge(size, state.cash - before[i].cash, wanted.limit);
            if (isWorse) revert IExecutor.PriceWorse(index, wanted.market, price, wanted.limit);
        }
    }

    /// @dev After a stop at call `index`: a price was promised of a call that did not happen.
    function _checkNonePriced(PriceCondition[] calldata prices, uint256 index) private pure {
        for (uint256 i; i < prices.length; ++i) {
            if (prices[i].call >= index) revert IExecutor.NothingTraded(prices[i].call, prices[i].market);
        }
    }

    /* CONDITIONS */

    function _checkConditions(
        address account,
        Conditions calldata wanted,
        int256[] memory starts,
        Readings memory readings
    ) private view {
        _checkBalances(account, wanted.balances, starts);
        _checkDeltas(account, wanted.deltas, readings);
        _checkHealths(account, wanted.healths, readings);
        _checkSizes(account, wanted.sizes, readings);
    }

    function _checkBalances(address account, BalanceCondition[] calldata wanted, int256[] memory starts)
        private
        view
    {
        for (uint256 i; i < wanted.length; ++i) {
            address holder = _or(wanted[i].account, account);
            int256 balance = _balanceOf(wanted[i].token, holder) - starts[i];
            if (balance < wanted[i].min || balance > wanted[i].max) {
                revert IExecutor.BalanceOutside(wanted[i].token, holder, balance, wanted[i].min, wanted[i].max);
            }
        }
    }

    function _checkDeltas(address account, DeltaCondition[] calldata wanted, Readings memory readings)
        private
        view
    {
        for (uint256 i; i < wanted.length; ++i) {
            bytes32 underlying = wanted[i].underlying;
            int256 delta;
            for (uint256 j; j < wanted[i].holdings.length; ++j) {
                address holder = _or(wanted[i].holdings[j].account, account);
                delta += readings.read(wanted[i].holdings[j].probe, holder).deltaIn(underlying);
            }
            for (uint256 j; j < wanted[i].spot.length; ++j) {
                delta += _wholeTokensDown(wanted[i].spot[j], account);
            }
            if (delta < wanted[i].min || delta > wanted[i].max) {
                revert IExecutor.DeltaOutside(underlying, delta, wanted[i].min, wanted[i].max);
            }
        }
    }

    function _checkHealths(address account, HealthCondition[] calldata wanted, Readings memory readings)
        private
        view
    {
        for (uint256 i; i < wanted.length; ++i) {
            address holder = _or(wanted[i].account, account);
            uint256 health = readings.read(wanted[i].probe, holder).health;
            if (health < wanted[i].min) {
                revert IExecutor.HealthBelow(address(wanted[i].probe), holder, health, wanted[i].min);
            }
        }
    }

    function _checkSizes(address account, SizeCondition[] calldata wanted, Readings memory readings) private view {
        for (uint256 i; i < wanted.length; ++i) {
            SizeCondition calldata one = wanted[i];
            address holder = _or(one.account, account);
            int256 size = readings.read(one.probe, holder).sizeIn(one.market);
            if (size < one.min || size > one.max) {
                revert IExecutor.SizeOutside(address(one.probe), holder, one.market, size, one.min, one.max);
            }
        }
    }

    /// @dev As many accounts as can be read between two calls, or after the last.
    function _countReads(Conditions calldata wanted) private pure returns (uint256 count) {
        count = wanted.prices.length + wanted.healths.length + wanted.sizes.length;
        for (uint256 i; i < wanted.deltas.length; ++i) {
            count += wanted.deltas[i].holdings.length;
        }
    }

    /* BALANCES */

    /// @dev What the balances of changes are counted from; zero for the others.
    function _startBalances(address account, BalanceCondition[] calldata wanted)
        private
        view
        returns (int256[] memory starts)
    {
        starts = new int256[](wanted.length);
        for (uint256 i; i < wanted.length; ++i) {
            if (wanted[i].isChange) starts[i] = _balanceOf(wanted[i].token, _or(wanted[i].account, account));
        }
    }

    function _balanceOf(address token, address account) private view returns (int256) {
        return (token == NATIVE ? account.balance : IERC20(token).balanceOf(account)).toInt256();
    }

    /// @dev A balance with 18 decimals, rounded down.
    function _wholeTokensDown(address token, address account) private view returns (int256) {
        if (token == NATIVE) return account.balance.toInt256();
        uint256 unit = 10 ** uint256(IERC20Metadata(token).decimals());
        return Math.mulDiv(IERC20(token).balanceOf(account), 1e18, unit).toInt256();
    }

    function _or(address given, address account) private pure returns (address) {
        return given == address(0) ? account : given;
    }
}
