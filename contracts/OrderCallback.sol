// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {EventLogData, IGmxDataStore, IGmxRoleStore} from "./interfaces/external/IGmxV2.sol";
import {IExecutor, Plan} from "./interfaces/IExecutor.sol";
import {IOrderCallback, OrderRecord, Outcome, PlanState} from "./interfaces/IOrderCallback.sol";
import {CodeData, CodeDataLib} from "./libraries/CodeData.sol";
import {EventData} from "./libraries/EventData.sol";

/// @title The outcome of a GMX v2 order, and the hedge of it in the same transaction; see IOrderCallback
contract OrderCallback is IOrderCallback, ReentrancyGuardTransient {
    using CodeDataLib for bytes;
    using CodeDataLib for CodeData;
    using EventData for EventLogData;

    /* CONSTANTS */

    bytes32 private constant CONTROLLER = keccak256(abi.encode("CONTROLLER"));
    bytes32 private constant NONCE = keccak256(abi.encode("NONCE"));
    bytes32 private constant ACCOUNT = keccak256(abi.encode("ACCOUNT"));
    bytes32 private constant CALLBACK_CONTRACT = keccak256(abi.encode("CALLBACK_CONTRACT"));
    /// Kept back from a plan: to write how it ended, and tell it with its reason.
    uint256 private constant AFTER_PLAN_GAS = 60_000;
    /// What is told of a plan's reason at most: a revert may return any size, and its bytes cost gas.
    uint256 private constant REASON_BYTES = 1_024;
    /// An encoded plan begins with its own offset.
    uint256 private constant OFFSET_BYTES = 32;

    /* IMMUTABLES */

    IGmxRoleStore public immutable ROLE_STORE;
    IGmxDataStore public immutable DATA_STORE;

    /* STORAGE */

    struct Armed {
        IExecutor executor;
        CodeData plan;
        bytes32 planHash;
    }

    mapping(bytes32 key => OrderRecord) private _records;
    mapping(bytes32 key => mapping(Outcome => Armed)) private _armed;
    /// @inheritdoc IOrderCallback
    mapping(address account => uint256) public feesOf;

    constructor(IGmxRoleStore roleStore, IGmxDataStore dataStore) {
        ROLE_STORE = roleStore;
        DATA_STORE = dataStore;
    }

    /* MODIFIERS */

    modifier onlyController() {
        if (!ROLE_STORE.hasRole(msg.sender, CONTROLLER)) revert CallerNotController(msg.sender);
        _;
    }

    /* PLANS */

    /// @inheritdoc IOrderCallback
    function arm(bytes32 key, Outcome outcome, IExecutor executor, Plan calldata plan) external {
        _arm(key, outcome, executor, plan);
    }

    /// @inheritdoc IOrderCallback
    function armLast(Outcome outcome, IExecutor executor, Plan calldata plan) external returns (bytes32 key) {
        key = keccak256(abi.encode(address(DATA_STORE), DATA_STORE.getUint(NONCE)));
        _arm(key, outcome, executor, plan);
    }

    /// @inheritdoc IOrderCallback
    function disarm(bytes32 key, Outcome outcome) external {
        _checkOrder(key);
        if (_armed[key][outcome].planHash == 0) revert OutcomeNotArmed(key, outcome);

        delete _armed[key][outcome];

        emit PlanDisarmed(key, msg.sender, outcome);
    }

    /// @inheritdoc IOrderCallback
    function runAgain(bytes32 key) external nonReentrant {
        OrderRecord storage record = _records[key];
        (address account, Outcome outcome) = (record.account, record.outcome);
        Armed memory armed = _armed[key][outcome];
        if (armed.planHash == 0) revert OutcomeNotArmed(key, outcome);
        if (!_speaksFor(account, armed.executor)) revert OrderNotOurs(key, account, address(this));

        record.plan = PlanState.DONE;
        delete _armed[key][outcome];

        emit PlanDone(key, account, armed.planHash);
        armed.executor.run(account, abi.decode(armed.plan.read(0), (Plan)));
    }

    /// A stand-alone executor cannot run a plan from within another: its owner calls for it.
    function _speaksFor(address account, IExecutor executor) private view returns (bool) {
        return msg.sender == account || (address(executor) == account && executor.owner() == msg.sender);
    }

    function _arm(bytes32 key, Outcome outcome, IExecutor executor, Plan calldata plan) private {
        _checkOrder(key);
        bytes memory encoded = abi.encode(plan);
        bytes32 planHash = keccak256(encoded);

        _armed[key][outcome] = Armed(executor, encoded.keep(), planHash);

        emit PlanArmed(key, msg.sender, outcome, planHash);
    }

    /// The store forgets an order when it has ended: what was armed before then can be disarmed by its account.
    function _checkOrder(bytes32 key) private view {
        address account = _records[key].account;
        if (account == msg.sender) return;
        account = DATA_STORE.getAddress(keccak256(abi.encode(key, ACCOUNT)));
        address callback = DATA_STORE.getAddress(keccak256(abi.encode(key, CALLBACK_CONTRACT)));
        if (account != msg.sender || callback != address(this)) revert OrderNotOurs(key, account, callback);
    }

    /* CALLBACKS */

    function afterOrderExecution(bytes32 key, EventLogData calldata orderData, EventLogData calldata eventData)
        external
        onlyController
        nonReentrant
    {
        _record(key, Outcome.EXECUTED, orderData, eventData);
    }

    function afterOrderCancellation(bytes32 key, EventLogData calldata orderData, EventLogData calldata eventData)
        external
        onlyController
        nonReentrant
    {
        _record(key, Outcome.CANCELLED, orderData, eventData);
    }

    function afterOrderFrozen(bytes32 key, EventLogData calldata orderData, EventLogData calldata eventData)
        external
        onlyController
        nonReentrant
    {
        _record(key, Outcome.FROZEN, orderData, eventData);
    }

    /// GMX pays the order's receiver itself when this reverts, so a fee that has no known account is refused.
    function refundExecutionFee(bytes32 key, EventLogData calldata) external payable onlyController {
        address account = _records[key].account;
        if (account == address(0)) revert OrderUnknown(key);

        feesOf[account] += msg.value;

        emit FeeRefunded(key, account, msg.value);
    }

    function _record(bytes32 key, Outcome outcome, EventLogData calldata orderData, EventLogData calldata eventData)
        private
    {
        address account = orderData.addressOf(keccak256("account"));
        if (account == address(0)) revert OrderUnknown(key);

        OrderRecord storage record = _records[key];
        record.account = account;
        record.outcome = outcome;
        record.plan = PlanState.NONE;
        record.reachedAt = uint64(block.timestamp);

        emit OrderRecorded(
            key,
            account,
            outcome,
            orderData.uintOf(keccak256("sizeDeltaUsd")),
            eventData.uintOf(keccak256("executionPrice"))
        );
        if (_armed[key][outcome].planHash != 0) _tryPlan(key, outcome, record);
    }

    /// The outcome stands whatever the plan does: its gas is bounded, its revert and its answer are not taken over.
    function _tryPlan(bytes32 key, Outcome outcome, OrderRecord storage record) private {
        Armed storage armed = _armed[key][outcome];
        (IExecutor executor, CodeData plan, bytes32 planHash) = (armed.executor, armed.plan, armed.planHash);
        address account = record.account;
        // Not decoded: the kept bytes are the arguments of `run` but for the account in front of them.
        bytes memory call = bytes.concat(
            abi.encodeWithSelector(IExecutor.run.selector, account, uint256(64)), plan.read(OFFSET_BYTES)
        );
        uint256 allowance = gasleft() > AFTER_PLAN_GAS ? gasleft() - AFTER_PLAN_GAS : 0;
        (bool isDone, bytes memory reason) = _callBounded(address(executor), call, allowance);
        if (isDone) {
            record.plan = PlanState.DONE;
            // The plan may have armed another one in its place.
            if (address(armed.plan) == address(plan)) delete _armed[key][outcome];
            emit PlanDone(key, account, planHash);
        } else {
            record.plan = PlanState.FAILED;
            emit PlanFailed(key, account, planHash, reason);
        }
    }

    /// A call with so much gas, and at most `REASON_BYTES` of its answer: Solidity's own call copies all of it.
    function _callBounded(address target, bytes memory data, uint256 gas_)
        private
        returns (bool isSuccess, bytes memory answer)
    {
        if (target.code.length == 0) return (false, "");
        assembly ("memory-safe") {
            isSuccess := call(gas_, target, 0, add(data, 32), mload(data), 0, 0)
            let size := returndatasize()
            if gt(size, REASON_BYTES) { size := REASON_BYTES }
            answer := mload(0x40)
            mstore(0x40, add(answer, and(add(size, 63), not(31))))
            mstore(answer, size)
            returndatacopy(add(answer, 32), 0, size)
        }
    }

    /* FEES */

    /// @inheritdoc IOrderCallback
    function withdrawFees(address to) external nonReentrant {
        uint256 amount = feesOf[msg.sender];

        feesOf[msg.sender] = 0;

        emit FeesWithdrawn(msg.sender, to, amount);
        (bool isPaid,) = to.call{value: amount}("");
        if (!isPaid) revert WithdrawalFailed(to, amount);
    }

    /* VIEWS */

    /// @inheritdoc IOrderCallback
    function recordOf(bytes32 key) external view returns (OrderRecord memory) {
        return _records[key];
    }

    /// @inheritdoc IOrderCallback
    function armedPlan(bytes32 key, Outcome outcome) external view returns (bytes32) {
        return _armed[key][outcome].planHash;
    }
}
