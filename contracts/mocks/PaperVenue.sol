// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccountState, Exposure, IProbe} from "../interfaces/IProbe.sol";

/// @notice A venue on paper, and its own probe: it trades what it is told, at the price that it is told. It brings an
/// account to states to which no genuine venue can be brought at will.
contract PaperVenue is IProbe {
    error Refused();

    bool public isStale;
    mapping(address account => int256) private _margin;
    mapping(address account => int256) private _cash;
    mapping(address account => bytes32[]) private _markets;
    mapping(address account => mapping(bytes32 market => int256)) private _sizes;
    mapping(bytes32 market => uint256) private _notionalPrices;
    mapping(bytes32 market => uint256) private _oraclePrices;

    receive() external payable {}

    function setPrices(bytes32 market, uint256 notionalPrice, uint256 oraclePrice) public {
        (_notionalPrices[market], _oraclePrices[market]) = (notionalPrice, oraclePrice);
    }

    function setStale(bool isStale_) external {
        isStale = isStale_;
    }

    /// @notice The caller gets `size` for `paid`; below zero it gives.
    function trade(bytes32 market, int256 size, int256 paid) public payable {
        address account = msg.sender;
        if (_sizes[account][market] == 0) _markets[account].push(market);
        _sizes[account][market] += size;
        _cash[account] -= paid;
        if (_sizes[account][market] == 0) _remove(_markets[account], market);
    }

    /// @notice As `trade`, and the oracle's price is another after it.
    function tradeAndMove(bytes32 market, int256 size, int256 paid, uint256 oraclePrice) external payable {
        trade(market, size, paid);
        _oraclePrices[market] = oraclePrice;
    }

    /// @notice As `trade`, and then it fails.
    function tradeAndFail(bytes32 market, int256 size, int256 paid) external payable {
        trade(market, size, paid);
        revert Refused();
    }

    function deposit(int256 amount) external payable {
        _margin[msg.sender] += amount;
    }

    /// @notice Does nothing, for calls whose arguments matter.
    function take(address to, uint256 amount) external payable {}

    function probe(address account) external view returns (AccountState memory state) {
        if (isStale) revert Refused();
        bytes32[] storage markets = _markets[account];
        state.cash = _cash[account];
        state.equity = _margin[account] + state.cash;
        state.exposures = new Exposure[](markets.length);
        for (uint256 i; i < markets.length; ++i) {
            bytes32 market = markets[i];
            int256 size = _sizes[account][market];
            state.exposures[i] =
                Exposure(market, "PAPER", size, size, _notionalPrices[market], _oraclePrices[market]);
            state.equity += (size * int256(_oraclePrices[market])) / 1e18;
            uint256 notional = uint256(size < 0 ? -size : size) * _notionalPrices[market];
            state.notional += (notional + 1e18 - 1) / 1e18;
        }
        state.health = type(uint256).max;
    }

    function _remove(bytes32[] storage markets, bytes32 market) private {
        uint256 i;
        while (markets[i] != market) ++i;
        markets[i] = markets[markets.length - 1];
        markets.pop();
    }
}
