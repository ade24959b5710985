// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IExecutor, Plan} from "./IExecutor.sol";
import {IGmxGasFeeCallbackReceiver, IGmxOrderCallbackReceiver} from "./external/IGmxV2.sol";

/// @notice How an order of GMX v2 ended, or stands: one that is frozen may still be executed or cancelled.
enum Outcome {
    NONE,
    EXECUTED,
    CANCELLED,
    FROZEN
}

/// @notice What became of the plan that was armed for an outcome.
enum PlanState {
    /// None was armed for the outcome that stands.
    NONE,
    DONE,
    /// It reverted, or had too little gas. It stays armed: its account may run it again.
    FAILED
}

struct OrderRecord {
    address account;
    Outcome outcome;
    PlanState plan;
    /// Unix second of the outcome.
    uint64 reachedAt;
}

/// @title Receiver of GMX v2's order callbacks: what happened, and the hedge of it in the same transaction
/// @notice An account names this contract as `callbackContract` of its order. Right after it created the order (in
/// the same batch) it arms a plan for one or more outcomes with `armLast`, and approves that plan at its executor
/// for this contract. When a keeper executes, cancels or freezes the order, the outcome is recorded first, then
/// the plan is run with what is left of the callback's gas. What the plan may do and cost is said by its own calls,
/// conditions and deadline: this contract adds no trust, the executor runs what the account approved and once.
/// @dev Callers: only holders of GMX's CONTROLLER role call back; who holds it is GMX's word. Tokens: none are held,
/// but execution fees in the native coin that GMX gives back, each for the account of its order. The gas that is
/// left is what the order's `callbackGasLimit` gave: a plan that needs more ends FAILED, never half done.
interface IOrderCallback is IGmxOrderCallbackReceiver, IGmxGasFeeCallbackReceiver {
    event PlanArmed(bytes32 indexed key, address indexed account, Outcome outcome, bytes32 planHash);
    event PlanDisarmed(bytes32 indexed key, address indexed account, Outcome outcome);
    /// @notice `sizeDeltaUsd` is the order's; `executionPrice` the event's (both 30 decimals), 0 where it has none.
    event OrderRecorded(
        bytes32 indexed key,
        address indexed account,
        Outcome outcome,
        uint256 sizeDeltaUsd,
        uint256 executionPrice
    );
    event PlanDone(bytes32 indexed key, address indexed account, bytes32 planHash);
    event PlanFailed(bytes32 indexed key, address indexed account, bytes32 planHash, bytes reason);
    event FeeRefunded(bytes32 indexed key, address indexed account, uint256 amount);
    event FeesWithdrawn(address indexed account, address indexed to, uint256 amount);

    error CallerNotController(address caller);
    error OrderNotOurs(bytes32 key, address account, address callbackContract);
    error OrderUnknown(bytes32 key);
    error OutcomeNotArmed(bytes32 key, Outcome outcome);
    error WithdrawalFailed(address to, uint256 amount);

    /// @notice Run `plan` at `executor` when the order of this key has this outcome, in place of one armed before.
    /// The caller must be the order's account and this its callback contract; the order must be there. A plan of
    /// more than 24 kB is too long to keep.
    function arm(bytes32 key, Outcome outcome, IExecutor executor, Plan calldata plan) external;

    /// @notice As `arm`, for the order that GMX created last: in the batch that created it, it is the caller's own.
    /// @return key of the order.
    function armLast(Outcome outcome, IExecutor executor, Plan calldata plan) external returns (bytes32 key);

    /// @notice Forget the plan of an outcome. The approval at the executor is the account's to take back.
    function disarm(bytes32 key, Outcome outcome) external;

    /// @notice Run a plan that failed in the callback again, in the outcome that it was armed for: by the account of
    /// the order, or the owner of the stand-alone executor that is the account. Reverts as the plan does.
    function runAgain(bytes32 key) external;

    /// @notice Pay out the execution fees that GMX gave back for the caller's orders.
    function withdrawFees(address to) external;

    function recordOf(bytes32 key) external view returns (OrderRecord memory);
    /// @notice Wei that `account` may withdraw.
    function feesOf(address account) external view returns (uint256);
    /// @notice Hash of the plan that is armed, zero for none.
    function armedPlan(bytes32 key, Outcome outcome) external view returns (bytes32);
}
