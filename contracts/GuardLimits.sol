// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AllowedCall, IGuard, Limits, Rule} from "./interfaces/IGuard.sol";
import {IProbe} from "./interfaces/IProbe.sol";

/// @title Which calls a guard's limits allow
/// @notice Each version of the limits has storage of its own, so that new ones replace all of the old at once.
/// What is not allowed is refused: an empty list allows nothing.
abstract contract GuardLimits is IGuard {
    uint256 private constant WORD = 32;
    uint256 private constant SELECTOR = 4;

    // Storage

    uint256 public version;
    mapping(uint256 version => Limits) private _limitsOf;
    mapping(uint256 version => mapping(address target => mapping(bytes4 selector => uint256[]))) private _indexes;
    mapping(uint256 version => mapping(address to => bool)) private _mayReceive;

    // Setting

    function limits() external view returns (Limits memory) {
        return _limits();
    }

    function _limits() internal view returns (Limits storage) {
        return _limitsOf[version];
    }

    function _setLimits(Limits calldata given) internal {
        uint256 next = ++version;
        for (uint256 i; i < given.calls.length; ++i) {
            AllowedCall calldata entry = given.calls[i];
            if (entry.isTrade && address(entry.probe) == address(0)) {
                revert TradeWithoutProbe(entry.target, entry.selector);
            }
            _indexes[next][entry.target][entry.selector].push(i);
        }
        for (uint256 i; i < given.transfers.length; ++i) _mayReceive[next][given.transfers[i]] = true;
        _limitsOf[next] = given;
        emit LimitsSet(next);
    }

    // Looking up

    /// @dev How the call must be measured, by the first entry that allows it. Reverts where none does: with the
    /// last entry's broken rule where there are entries of this function.
    function _allow(address target, bytes calldata data) internal view returns (IProbe probe, bool isTrade) {
        if (data.length == 0) {
            if (!_mayReceive[version][target]) revert TransferNotAllowed(target);
            return (probe, isTrade);
        }
        bytes4 selector = bytes4(data);
        uint256[] storage indexes = _indexes[version][target][selector];
        uint256 count = indexes.length;
        // Fewer bytes than a selector must not pass for one that ends in zeros.
        if (count == 0 || data.length < SELECTOR) revert CallNotAllowed(target, selector);
        AllowedCall[] storage calls = _limits().calls;
        for (uint256 i; i < count; ++i) {
            AllowedCall storage entry = calls[indexes[i]];
            uint256 broken = _firstBroken(entry.rules, data);
            if (broken == entry.rules.length) return (entry.probe, entry.isTrade);
            if (i + 1 == count) _refuse(target, data, entry.rules[broken].word);
        }
    }

    function _refuse(address target, bytes calldata data, uint256 word) private pure {
        (bytes32 value, ) = _wordOf(data, word);
        revert ArgumentNotAllowed(target, bytes4(data), word, value);
    }

    /// @dev Number of the first rule that does not hold; their length where all do.
    function _firstBroken(Rule[] storage rules, bytes calldata data) private view returns (uint256 i) {
        uint256 length = rules.length;
        while (i < length && _admits(rules[i], data)) ++i;
    }

    function _admits(Rule storage rule, bytes calldata data) private view returns (bool) {
        (bytes32 value, bool isWhole) = _wordOf(data, rule.word);
        if (!isWhole || uint256(value) > rule.atMost) return false;
        return !rule.hasOneOf || _isOneOf(value, rule.oneOf);
    }

    /// @dev The whole word is compared: a dirty address is none of them.
    function _isOneOf(bytes32 value, address[] storage oneOf) private view returns (bool) {
        uint256 length = oneOf.length;
        for (uint256 i; i < length; ++i) {
            if (value == bytes32(uint256(uint160(oneOf[i])))) return true;
        }
        return false;
    }

    /// @dev Word number `word` of the arguments, and whether all its bytes are there; missing ones are zero.
    function _wordOf(bytes calldata data, uint256 word) private pure returns (bytes32 value, bool isWhole) {
        uint256 start = SELECTOR + WORD * word;
        if (data.length <= start) return (0, false);
        return (bytes32(data[start:]), data.length >= start + WORD);
    }
}
