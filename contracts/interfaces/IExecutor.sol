// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IProbe} from "./IProbe.sol";

/// @notice What a call that fails does to its plan. Who sends the transaction chooses its gas, and too little of it
/// makes calls fail: a failure that is let pass must leave a third of the gas that its call began with, or all
/// is undone (`GasTooLow`).
enum OnFailure {
    /// All is undone.
    REVERT,
    /// The next call goes on.
    CONTINUE,
    /// No further call is made; the conditions still decide.
    STOP
}

/// @notice One call. It fails where its target reverts, and where data is sent to an address without code
/// (`NoCode`), which would do nothing.
struct Call {
    address target;
    uint256 value;
    bytes data;
    OnFailure onFailure;
}

/// @notice Token balance of an account at the end, or its change over the calls; both bounds inclusive. The calls
/// begin when inputs and the transaction's value are there, and end before outputs are given back. So value that
/// came along is no change, nor is the transaction's fee, which the chain takes before and settles after.
struct BalanceCondition {
    /// Zero is the native coin.
    address token;
    /// Zero is the account that the plan acts as, here and in all conditions.
    address account;
    bool isChange;
    int256 min;
    int256 max;
}

/// @notice Price per unit in `market` that call number `call` may get, 18 decimals, fees inside: at most
/// `limit` where it bought (rounded up), at least `limit` where it sold (rounded down). Judged right after the
/// call by what it did to the account's size and cash, so it should do nothing there but trade in `market`. It
/// must have traded: a call that failed, or was not made after a stop, breaks it (`NothingTraded`).
struct PriceCondition {
    uint256 call;
    IProbe probe;
    address account;
    bytes32 market;
    uint256 limit;
}

/// @notice One account at one venue, as part of a book.
struct Holding {
    IProbe probe;
    address account;
}

/// @notice Delta of a book in one underlying at the end: all `holdings`, and one for each whole token of `spot`
/// that the account holds (zero is the native coin; rounded down). Both bounds inclusive, 18 decimals. What is
/// named twice counts twice.
struct DeltaCondition {
    bytes32 underlying;
    Holding[] holdings;
    address[] spot;
    int256 min;
    int256 max;
}

/// @notice Health at the end, 18 decimals: at least `min`.
struct HealthCondition {
    IProbe probe;
    address account;
    uint256 min;
}

/// @notice Size in one market at the end; both bounds inclusive, equal where it was promised.
struct SizeCondition {
    IProbe probe;
    address account;
    bytes32 market;
    int256 min;
    int256 max;
}

struct Conditions {
    BalanceCondition[] balances;
    PriceCondition[] prices;
    DeltaCondition[] deltas;
    HealthCondition[] healths;
    SizeCondition[] sizes;
}

/// @notice Tokens that a stand-alone executor takes from its owner before the first call.
struct Input {
    address token;
    uint256 amount;
}

/// @notice Calls in order, and what must hold after them.
struct Plan {
    Call[] calls;
    Conditions conditions;
    /// Unix second of the last block that may hold it.
    uint256 deadline;
    /// Makes a plan that is approved in advance differ from an equal one.
    bytes32 salt;
    /// Only of a stand-alone executor: what it takes first, and which other tokens it gives back to its owner
    /// whole at the end (what is left of inputs and the native coin always).
    Input[] inputs;
    address[] outputs;
}

/// @notice How a call ended. `data` is what it returned, or its revert data; nothing of calls after a stop.
struct Result {
    bool isSuccess;
    bytes data;
}

/// @title A batch of calls that happens whole, within its conditions, or not at all
/// @notice Acts as one of three accounts:
/// - an EOA that took on this code (EIP-7702): `execute`, called by the EOA itself;
/// - a Safe that enabled it as a module: `executeFrom`, called by the Safe;
/// - itself, stand-alone: `execute`, called by its owner; then it keeps nothing that `inputs` and `outputs` name.
/// Any of them may approve one plan in advance for one caller to `run` once.
/// @dev Assumes of tokens that they are ERC-20 and do not lie about balances (one that takes a fee gives the
/// calls less than the input says); of probes what `IProbe` says; of callers nothing. No call is a delegatecall.
/// One plan at a time in one place: a call that comes back to `execute`, `executeFrom` or `run` reverts there. A
/// Safe's calls as a module pass by its transaction guard. A target may return any number of bytes: who made the
/// plan chose it, and pays. What a token's hook or the owner's own code does while outputs leave, no condition sees.
interface IExecutor {
    event PlanExecuted(address indexed account, bytes32 indexed planHash, address indexed caller);
    event CallFailed(address indexed account, bytes32 indexed planHash, uint256 call, bytes reason);
    event PlanApproved(address indexed account, bytes32 indexed planHash, address indexed runner);
    event PlanRevoked(address indexed account, bytes32 indexed planHash, address indexed runner);

    error CallerNotAllowed(address caller, address account);
    error PlanNotApproved(address account, bytes32 planHash, address runner);
    error DeadlinePassed(uint256 deadline, uint256 time);
    error CallReverted(uint256 call, address target, bytes reason);
    error NoCode(address target);
    /// `gas` is what the call began with.
    error GasTooLow(uint256 call, uint256 gas);
    error NoSuchCall(uint256 call, uint256 calls);
    error FundsNotAllowed(address account);
    error BalanceOutside(address token, address account, int256 balance, int256 min, int256 max);
    error NothingTraded(uint256 call, bytes32 market);
    error PriceWorse(uint256 call, bytes32 market, uint256 price, uint256 limit);
    error DeltaOutside(bytes32 underlying, int256 delta, int256 min, int256 max);
    error HealthBelow(address probe, address account, uint256 health, uint256 min);
    error SizeOutside(address probe, address account, bytes32 market, int256 size, int256 min, int256 max);

    /// @notice Act as this contract's own address. Only it itself (EIP-7702) or its owner may call.
    function execute(Plan calldata plan) external payable returns (Result[] memory);

    /// @notice Act as a Safe that has this contract as a module. Only the Safe may call.
    function executeFrom(address safe, Plan calldata plan) external returns (Result[] memory);

    /// @notice Act as an account that approved this very plan for the caller; once: a run that reverts leaves the
    /// approval. The approval ends with the plan's deadline too.
    function run(address account, Plan calldata plan) external returns (Result[] memory);

    /// @notice Let `runner` run the plan of this hash once, for the calling account (the owner's executor, when
    /// its owner calls).
    function approve(bytes32 planHash, address runner) external;

    /// @notice Take an approval back, or make sure that there is none.
    function revoke(bytes32 planHash, address runner) external;

    function isApproved(address account, bytes32 planHash, address runner) external view returns (bool);

    /// @notice The name of a plan: keccak256 of its ABI encoding.
    function hashPlan(Plan calldata plan) external pure returns (bytes32);

    /// @notice Whose stand-alone executor this is; zero for the one that EOAs and Safes share.
    function owner() external view returns (address);
}
