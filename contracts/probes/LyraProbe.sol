// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {
    IOptionGreekCache,
    IOptionMarket,
    IOptionToken,
    ISynthetixAdapter,
    OptionPosition,
    OptionType
} from "../interfaces/external/ILyra.sol";
import {AccountState, Exposure, IProbe} from "../interfaces/IProbe.sol";
import {Lyra, LyraReads, Series} from "../libraries/LyraReads.sol";
import {Symbols} from "../libraries/Symbols.sol";

/// @title Accounts of one option market of Lyra ("Avalon")
/// @notice One exposure for each strike and kind that the account has open positions in, longs and shorts netted;
/// its `market` is `strikeId << 1 | isCall`. The underlying is the base asset's name without the leading "s" of
/// synths. The oracle price of an option is the venue's own Black-Scholes now (see `LyraReads`). Once its board is
/// settled, it is what the option pays, delta is zero and no margin is asked for.
///
/// Equity is what the positions are worth, collateral inside and the wallet not. `cash` is the wallet's quote
/// asset and the quote collateral of short positions: a premium lands in either. Base collateral is not in it, so
/// a covered call changes it by its premium only.
contract LyraProbe is IProbe {
    using LyraReads for *;

    /* IMMUTABLES */

    IOptionMarket public immutable OPTION_MARKET;
    IOptionToken public immutable OPTION_TOKEN;
    IOptionGreekCache public immutable GREEK_CACHE;
    ISynthetixAdapter public immutable ADAPTER;
    IERC20 public immutable QUOTE_ASSET;
    address public immutable BLACK_SCHOLES;
    bytes32 public immutable UNDERLYING;

    /* CONSTRUCTOR */

    /// @param viewer the deployment's OptionMarketViewer, which knows the market's contracts
    /// @param blackScholes the deployment's BlackScholes library
    constructor(address viewer, address optionMarket, address blackScholes) {
        Lyra memory v = LyraReads.contractsOf(viewer, optionMarket, blackScholes);
        OPTION_MARKET = v.optionMarket;
        OPTION_TOKEN = v.optionToken;
        GREEK_CACHE = v.greekCache;
        ADAPTER = v.adapter;
        QUOTE_ASSET = v.quoteAsset;
        BLACK_SCHOLES = blackScholes;
        UNDERLYING = Symbols.withoutPrefix(v.adapter.baseKey(optionMarket), "s");
    }

    /* PROBE */

    /// @inheritdoc IProbe
    function probe(address account) external view returns (AccountState memory state) {
        Lyra memory v = _contracts();
        OptionPosition[] memory positions = v.optionToken.getOwnerPositions(account);
        state.health = type(uint256).max;
        state.cash = int256(v.quoteAsset.balanceOf(account));
        if (positions.length == 0) return state;

        uint256 spot = v.spotOf();
        int256 rate = v.greekCache.getGreekCacheParams().rateAndCarry;
        Exposure[] memory exposures = new Exposure[](positions.length);
        uint256 markets;
        for (uint256 i; i < positions.length; i++) {
            OptionPosition memory p = positions[i];
            Series memory s = v.seriesOf(p.strikeId, spot, rate);
            markets = _addExposure(exposures, markets, p, s, spot);
            state.equity += LyraReads.worthDown(p, s, spot);
            if (!p.optionType.isBaseCollateral()) state.cash += int256(p.collateral);
            _addMargin(state, v, p, s, spot);
        }
        state.exposures = _first(exposures, markets);
    }

    /* INTERNAL */

    function _contracts() private view returns (Lyra memory) {
        return Lyra(OPTION_MARKET, OPTION_TOKEN, GREEK_CACHE, ADAPTER, QUOTE_ASSET, BLACK_SCHOLES);
    }

    /// @return how many markets there are after it
    function _addExposure(
        Exposure[] memory exposures,
        uint256 markets,
        OptionPosition memory p,
        Series memory s,
        uint256 spot
    ) private view returns (uint256) {
        bool isCall = p.optionType.isCall();
        bytes32 market = bytes32(p.strikeId << 1 | (isCall ? 1 : 0));
        uint256 j;
        while (j < markets && exposures[j].market != market) j++;
        if (j == markets) {
            uint256 price = isCall ? s.callPrice : s.putPrice;
            exposures[j] = Exposure(market, UNDERLYING, 0, 0, spot, price);
            markets++;
        }
        Exposure memory e = exposures[j];
        e.size += p.optionType.isShort() ? -int256(p.amount) : int256(p.amount);
        e.delta = e.size * (isCall ? s.callDelta : s.putDelta) / int256(LyraReads.WAD);
        return markets;
    }

    /// @dev Nothing is asked for any more once the board is settled.
    function _addMargin(AccountState memory state, Lyra memory v, OptionPosition memory p, Series memory s, uint256 spot)
        private
        view
    {
        if (!p.optionType.isShort() || s.priceAtExpiry != 0) return;
        uint256 least = v.greekCache.getMinCollateral(p.optionType, s.strikePrice, s.expiry, spot, p.amount);
        state.notional += Math.mulDiv(p.amount, spot, LyraReads.WAD, Math.Rounding.Ceil);
        state.maintenanceMargin += LyraReads.marginUp(p, least, spot);
        if (least != 0) state.health = Math.min(state.health, Math.mulDiv(p.collateral, LyraReads.WAD, least));
    }

    function _first(Exposure[] memory all, uint256 count) private pure returns (Exposure[] memory some) {
        some = new Exposure[](count);
        for (uint256 i; i < count; i++) {
            some[i] = all[i];
        }
    }
}
