// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Plan, Result} from "./IExecutor.sol";
import {IProbe} from "./IProbe.sol";

/// @dev No limit, in every field of `Limits` that is a number.
uint256 constant UNLIMITED = type(uint256).max;

/// @notice What 32-byte word number `word` of a call's arguments must hold: one of these addresses, if
/// `hasOneOf`, and a number of at most `atMost`.
struct Rule {
    uint16 word;
    bool hasOneOf;
    address[] oneOf;
    uint256 atMost;
}

/// @notice A function that the agent may call. Two entries for one function allow what either does; the first
/// whose rules hold is the one that counts. `probe` reads the account at the venue that the call moves, zero
/// where it moves none: leverage is bounded after it. `isTrade`: notional, slippage and reduce-only bound it too;
/// it needs a probe.
struct AllowedCall {
    address target;
    bytes4 selector;
    IProbe probe;
    bool isTrade;
    Rule[] rules;
}

/// @notice What an agent may do; `UNLIMITED` is no limit. Value and fees in wei; notional in quote currency,
/// leverage (notional / equity of the account at a venue) and slippage (loss to the oracle's prices / notional
/// traded) with 18 decimals. Days and hours roll: 86,400 and 3,600 seconds back from each call.
/// - Leverage above the most is allowed after a call that did not raise it: the agent may always de-risk.
/// - Notional traded is the sum over markets of |change of size| x `notionalPrice`, each rounded up.
/// - Loss is cash paid less the oracle's worth of the change of size, at `oraclePrice` before or after the call,
///   whichever makes it larger, rounded up.
/// - A call that fails and does not undo its plan took neither value nor notional; its gas is in the fee.
/// - Fee is the gas of the transaction as far as it can be known, rounded up, x its gas price. The fee of data
///   that a rollup pays to another chain is not in it.
struct Limits {
    AllowedCall[] calls;
    /// Who may get plain value.
    address[] transfers;
    uint256 maxValue;
    uint256 maxValuePerDay;
    /// Value and fee of one transaction.
    uint256 maxCost;
    uint256 maxFeesPerHour;
    uint256 maxFeesPerDay;
    uint256 maxNotional;
    uint256 maxNotionalPerDay;
    uint256 maxLeverage;
    uint256 maxSlippage;
    bool reduceOnly;
    /// From this unix second on the agent may do nothing.
    uint256 expiresAt;
    /// The account pays its fees back to the agent, as far as it has the coin: then the caps on fees bound what
    /// leaves the account, and the agent's key holds no more than a float.
    bool refundsFees;
}

/// @notice What is spent in the windows that end now.
struct Spent {
    uint256 valuePerDay;
    uint256 feesPerHour;
    uint256 feesPerDay;
    uint256 notionalPerDay;
}

/// @title An account whose agent can do no more than its owner's limits
/// @notice The account holds the funds and the positions. Its owner may do everything, its agent what the limits
/// allow, its guardian only stop the agent. Limits speak economics: a trade is measured by probes before and
/// after it, not by its arguments.
/// In any day an agent can lose the account at most, to the oracle's prices and beside what the market does to the
/// positions it holds: notional a day x slippage, the value of a day, and the fees of a day where they are refunded.
/// @dev Assumes:
/// - of probes and oracles that they tell the truth, and that a trade does not move the oracle. An index price does
///   not move; the model price of an option does, with the volatility of its venue: there slippage is judged by the
///   worse of the prices around the call, and who drove the volatility before it, at a cost of his own, is not seen.
/// - of allowed targets that they move the account's funds by no other calls than those that are allowed. What lets
///   others take (`approve` without a rule for the spender, delegates) or what no trade shows (making a market) does
///   not belong among the calls. Positions that strangers give the account are the account's.
/// - of tokens nothing: their hooks may call anybody, and find every function that writes locked.
/// - of callers that the agent's key is stolen.
/// It signs nothing (no ERC-1271), delegatecalls nothing, is never its own target, and is entered once at a time.
interface IGuard {
    event LimitsSet(uint256 indexed version);
    event AgentSet(address indexed agent);
    event GuardianSet(address indexed guardian);
    event Killed(address indexed by);
    event Revived();
    /// @notice What one transaction of the agent took of the limits.
    event Spend(uint256 value, uint256 fee, uint256 notional);
    event FeeRefunded(address indexed agent, uint256 amount);

    error NotAgent(address caller);
    error NotGuardian(address caller);
    error AgentKilled();
    error LimitsExpired(uint256 expiresAt, uint256 time);
    error CallNotAllowed(address target, bytes4 selector);
    error ArgumentNotAllowed(address target, bytes4 selector, uint256 word, bytes32 value);
    error TransferNotAllowed(address to);
    error ValueAbove(uint256 value, uint256 max);
    error ValuePerDayAbove(uint256 value, uint256 spent, uint256 max);
    error CostAbove(uint256 cost, uint256 max);
    error FeesPerHourAbove(uint256 fee, uint256 spent, uint256 max);
    error FeesPerDayAbove(uint256 fee, uint256 spent, uint256 max);
    error NotionalAbove(uint256 notional, uint256 max);
    error NotionalPerDayAbove(uint256 notional, uint256 spent, uint256 max);
    error LeverageAbove(address probe, uint256 notional, int256 equity, uint256 max);
    error SlippageAbove(address probe, uint256 loss, uint256 notional, uint256 max);
    error NotReducing(address probe, bytes32 market, int256 before, int256 afterwards);
    error TradeWithoutProbe(address target, bytes4 selector);
    error RefundFailed(address agent, uint256 amount);
    error OwnerNeeded();

    /// @notice The agent's calls, within the limits and the plan's own conditions. Inputs and outputs are empty.
    /// The account itself is never a target, whatever the limits say.
    function execute(Plan calldata plan) external payable returns (Result[] memory);

    /// @notice The owner's calls, without limits.
    function executeAsOwner(Plan calldata plan) external payable returns (Result[] memory);

    /// @notice New limits in place of all old ones; what was spent in the windows stays spent. Owner only.
    /// Reverts with `TradeWithoutProbe` for an entry that cannot be measured.
    function setLimits(Limits calldata limits) external;

    function setAgent(address agent) external;
    function setGuardian(address guardian) external;

    /// @notice Stop the agent. Owner or guardian.
    function kill() external;

    /// @notice Let the agent go on. Owner only.
    function revive() external;

    function limits() external view returns (Limits memory);
    function spent() external view returns (Spent memory);
    function agent() external view returns (address);
    function guardian() external view returns (address);
    function isKilled() external view returns (bool);
    /// @notice How often limits were set; 0: never, and the agent may do nothing.
    function version() external view returns (uint256);
}
