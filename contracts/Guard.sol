// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC721Receiver} from "@openzeppelin/contracts/token/ERC721/IERC721Receiver.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {Batch} from "./Batch.sol";
import {GuardLimits} from "./GuardLimits.sol";
import {Call, Plan, Result} from "./interfaces/IExecutor.sol";
import {Limits, Spent} from "./interfaces/IGuard.sol";
import {AccountState, IProbe} from "./interfaces/IProbe.sol";
import {Change, Trades} from "./libraries/Trades.sol";
import {Windows} from "./libraries/Windows.sol";

/// @title An account whose agent can do no more than its owner's limits
/// @notice See `IGuard` for what is assumed of probes, targets and callers.
/// @dev Every function that writes is entered once at a time, the owner's too: a callback in the middle of a batch
/// changes nothing, whoever is called. Views may be read in between; they tell the state before the batch.
contract Guard is GuardLimits, Batch, Ownable2Step, IERC721Receiver {
    using Checkpoints for Checkpoints.Trace208;
    using Windows for Checkpoints.Trace208;

    uint256 private constant HOUR = 3_600;
    uint256 private constant DAY = 86_400;
    /// @dev The transaction's 21,000, and what is paid before the first look at the gas and after the last one: a sum
    /// that is written, an event, the answer.
    uint256 private constant OVERHEAD_GAS = 21_000 + 32_000;
    uint256 private constant BYTE_GAS = 16;
    /// @dev What the agent's own code (EIP-7702) may spend on taking a refund, and what the refund costs with it.
    uint256 private constant TAKING_GAS = 10_000;
    uint256 private constant REFUND_GAS = TAKING_GAS + 14_000;

    // Storage

    address public agent;
    bool public isKilled;
    address public guardian;
    Checkpoints.Trace208 private _valueSpent;
    Checkpoints.Trace208 private _feesSpent;
    Checkpoints.Trace208 private _notionalSpent;
    /// @dev Of the agent's batch that runs now.
    bool private transient _isAgentActing;
    uint256 private transient _value;
    uint256 private transient _notional;

    constructor(address owner_, address agent_, address guardian_) Ownable(owner_) {
        _setAgent(agent_);
        _setGuardian(guardian_);
        // So that the first fee costs no more to write than any other.
        _feesSpent.push(uint48(block.timestamp), 0);
    }

    // Receiving

    receive() external payable {}

    function onERC721Received(address, address, uint256, bytes calldata) external pure returns (bytes4) {
        return IERC721Receiver.onERC721Received.selector;
    }

    // The agent

    function execute(Plan calldata plan) external payable nonReentrant returns (Result[] memory results) {
        uint256 gasBefore = gasleft();
        _checkAgent();
        (_isAgentActing, _value, _notional) = (true, 0, 0);
        results = _run(address(this), plan);
        _isAgentActing = false;
        _spend(gasBefore);
    }

    function spent() external view returns (Spent memory) {
        return Spent({
            valuePerDay: _valueSpent.within(DAY),
            feesPerHour: _feesSpent.within(HOUR),
            feesPerDay: _feesSpent.within(DAY),
            notionalPerDay: _notionalSpent.within(DAY)
        });
    }

    // The owner and the guardian

    function executeAsOwner(Plan calldata plan)
        external
        payable
        onlyOwner
        nonReentrant
        returns (Result[] memory)
    {
        return _run(address(this), plan);
    }

    function setLimits(Limits calldata given) external onlyOwner nonReentrant {
        _setLimits(given);
    }

    function setAgent(address agent_) external onlyOwner nonReentrant {
        _setAgent(agent_);
    }

    function setGuardian(address guardian_) external onlyOwner nonReentrant {
        _setGuardian(guardian_);
    }

    function kill() external nonReentrant {
        if (msg.sender != owner() && msg.sender != guardian) revert NotGuardian(msg.sender);
        isKilled = true;
        emit Killed(msg.sender);
    }

    function revive() external onlyOwner nonReentrant {
        isKilled = false;
        emit Revived();
    }

    function transferOwnership(address to) public override nonReentrant {
        super.transferOwnership(to);
    }

    function acceptOwnership() public override nonReentrant {
        super.acceptOwnership();
    }

    /// @notice Never: what an account without an owner holds is lost.
    function renounceOwnership() public pure override {
        revert OwnerNeeded();
    }

    // One call

    /// @dev The account calls by itself. What is beyond the limits undoes the whole plan, whatever the call's own
    /// rule is; only what the target says may be gone over.
    function _call(address account, uint256 index, Call calldata call)
        internal
        override
        returns (bool isSuccess, bytes memory data)
    {
        if (call.target == account) revert CallNotAllowed(account, bytes4(call.data));
        if (!_isAgentActing) return super._call(account, index, call);

        Limits storage most = _limits();
        (IProbe probe, bool isTrade) = _allow(call.target, call.data);
        uint256 value = _value + call.value;
        if (value > most.maxValue) revert ValueAbove(value, most.maxValue);
        AccountState memory before;
        if (address(probe) != address(0)) before = probe.probe(account);

        (isSuccess, data) = super._call(account, index, call);

        if (!isSuccess) return (isSuccess, data);
        _value = value;
        if (address(probe) != address(0)) _checkEconomics(most, probe, isTrade, before, probe.probe(account));
    }

    function _checkEconomics(
        Limits storage most,
        IProbe probe,
        bool isTrade,
        AccountState memory before,
        AccountState memory afterwards
    ) private {
        if (isTrade) _checkTrade(most, address(probe), before, afterwards);
        uint256 max = most.maxLeverage;
        if (!Trades.isLeverageWithin(afterwards, max) && Trades.isLeverageRaised(before, afterwards)) {
            revert LeverageAbove(address(probe), afterwards.notional, afterwards.equity, max);
        }
    }

    function _checkTrade(
        Limits storage most,
        address probe,
        AccountState memory before,
        AccountState memory afterwards
    ) private {
        Change[] memory changes = Trades.changes(before.exposures, afterwards.exposures);
        if (most.reduceOnly) _checkReducing(probe, changes);
        uint256 traded = Trades.notionalUp(changes);
        uint256 loss = Trades.lossUp(changes, before.cash - afterwards.cash);
        if (!Trades.isWithin(loss, traded, most.maxSlippage)) {
            revert SlippageAbove(probe, loss, traded, most.maxSlippage);
        }
        uint256 notional = _notional + traded;
        if (notional > most.maxNotional) revert NotionalAbove(notional, most.maxNotional);
        _notional = notional;
    }

    function _checkReducing(address probe, Change[] memory changes) private pure {
        for (uint256 i; i < changes.length; ++i) {
            Change memory change = changes[i];
            if (!Trades.isReducing(change)) {
                revert NotReducing(probe, change.market, change.sizeBefore, change.sizeAfter);
            }
        }
    }

    // The whole transaction

    function _checkAgent() private view {
        if (msg.sender != agent) revert NotAgent(msg.sender);
        if (isKilled) revert AgentKilled();
        uint256 expiresAt = _limits().expiresAt;
        if (block.timestamp >= expiresAt) revert LimitsExpired(expiresAt, block.timestamp);
    }

    /// @dev A window that an amount does not touch is not asked: less of a limit stops only what adds to it. The fee
    /// is written down though it be nothing: whoever simulates without a gas price sees the gas that it takes.
    function _spend(uint256 gasBefore) private {
        Limits storage most = _limits();
        (uint256 value, uint256 notional) = (_value, _notional);
        if (value > 0) {
            uint256 earlier = _valueSpent.within(DAY);
            if (earlier + value > most.maxValuePerDay) revert ValuePerDayAbove(value, earlier, most.maxValuePerDay);
            _valueSpent.add(value);
        }
        if (notional > 0) {
            uint256 earlier = _notionalSpent.within(DAY);
            if (earlier + notional > most.maxNotionalPerDay) {
                revert NotionalPerDayAbove(notional, earlier, most.maxNotionalPerDay);
            }
            _notionalSpent.add(notional);
        }
        (uint256 inHour, uint256 inDay) = (_feesSpent.within(HOUR), _feesSpent.within(DAY));
        // All that is read was read: what comes now costs about the same each time.
        uint256 gasUsed = gasBefore - gasleft() + OVERHEAD_GAS + BYTE_GAS * msg.data.length;
        if (most.refundsFees) gasUsed += REFUND_GAS;
        uint256 fee = gasUsed * tx.gasprice;
        _checkFee(most, value, fee, inHour, inDay);
        _feesSpent.add(fee);
        emit Spend(value, fee, notional);
        if (most.refundsFees) _refund(Math.min(fee, address(this).balance));
    }

    function _checkFee(Limits storage most, uint256 value, uint256 fee, uint256 inHour, uint256 inDay) private view {
        if (value + fee > most.maxCost) revert CostAbove(value + fee, most.maxCost);
        (uint256 perHour, uint256 perDay) = (most.maxFeesPerHour, most.maxFeesPerDay);
        if (fee > 0 && inHour + fee > perHour) revert FeesPerHourAbove(fee, inHour, perHour);
        if (fee > 0 && inDay + fee > perDay) revert FeesPerDayAbove(fee, inDay, perDay);
    }

    function _refund(uint256 amount) private {
        (bool isSuccess, ) = msg.sender.call{value: amount, gas: TAKING_GAS}("");
        if (!isSuccess) revert RefundFailed(msg.sender, amount);
        emit FeeRefunded(msg.sender, amount);
    }

    // People

    function _setAgent(address agent_) private {
        agent = agent_;
        emit AgentSet(agent_);
    }

    function _setGuardian(address guardian_) private {
        guardian = guardian_;
        emit GuardianSet(guardian_);
    }
}
