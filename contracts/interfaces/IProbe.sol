// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice One market of an account at a venue. Sizes in units of the underlying (18 decimals), long > 0.
struct Exposure {
    /// What the venue trades: a base token of Perp v2; a strike and kind of Lyra (`strikeId << 1 | isCall`).
    bytes32 market;
    /// Symbol of the underlying, as `bytes32("ETH")`: what deltas are added up by, over all venues.
    bytes32 underlying;
    int256 size;
    /// Change of the position's worth per unit of the underlying's price, for the whole size; rounded to zero.
    int256 delta;
    /// What one unit counts for in notional, in quote currency (18 decimals): mark price of a perpetual, spot
    /// price of an option's underlying.
    uint256 notionalPrice;
    /// What one unit is worth by the venue's oracle: index price of a perpetual, model price of an option.
    uint256 oraclePrice;
}

/// @notice One account at one venue, in quote currency with 18 decimals.
struct AccountState {
    /// Collateral plus unrealised profit less fees and funding owed; rounded down.
    int256 equity;
    /// Below it the venue may liquidate: the venue's own integer, conversions rounded up.
    uint256 maintenanceMargin;
    /// Sum of |size| x notionalPrice of what margin stands for; rounded up. Options that were bought are paid
    /// and stand for none.
    uint256 notional;
    /// Least ratio of equity to maintenance margin of what the venue liquidates on its own, 18 decimals,
    /// rounded down: the account of Perp v2, each short position of Lyra. `type(uint256).max` without any.
    uint256 health;
    /// The account's money in the venue's trades, up to a constant: a trade of `d` units changes it by minus
    /// what they cost, fees inside. Funding is in it as it accrues, so that a trade which settles it does not
    /// move it: held funding can neither spoil nor flatter a price. Deposits and withdrawals may change it.
    int256 cash;
    Exposure[] exposures;
}

/// @title What an account is worth, owes and risks at one venue
/// @notice One small contract per venue; what reads it need not know the venue. A probe trusts the venue's own
/// views and oracle and nothing else; it holds nothing and may be called by anyone.
interface IProbe {
    /// @notice The account as of now. Reverts where the venue's views do (a stale price, say): unknown is never
    /// told as zero. An account that the venue does not know has no exposures, zero equity and full health.
    function probe(address account) external view returns (AccountState memory);
}
