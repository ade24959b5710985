// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {
    BlackScholesInputs,
    IOptionGreekCache,
    IOptionMarket,
    IOptionMarketViewer,
    IOptionToken,
    ISynthetixAdapter,
    OptionBoard,
    OptionMarketAddresses,
    OptionPosition,
    OptionType,
    PricesDeltaStdVega,
    Strike
} from "../interfaces/external/ILyra.sol";

/// @dev The contracts of one option market.
struct Lyra {
    IOptionMarket optionMarket;
    IOptionToken optionToken;
    IOptionGreekCache greekCache;
    ISynthetixAdapter adapter;
    IERC20 quoteAsset;
    address blackScholes;
}

/// @dev A strike priced now, per option. `priceAtExpiry` is 0 until its board is settled; then the prices are
/// what it pays and the Greeks 0. `vega` per 1.0 of volatility.
struct Series {
    uint256 strikeId;
    uint256 boardId;
    uint256 strikePrice;
    uint256 expiry;
    uint256 baseIv;
    uint256 vol;
    uint256 priceAtExpiry;
    uint256 callPrice;
    uint256 putPrice;
    int256 callDelta;
    int256 putDelta;
    uint256 vega;
}

/// @title Lyra in its own integers
/// @notice Prices and Greeks are the venue's own Black-Scholes at the strike's current volatility (base IV x
/// skew), the oracle's spot and the block's time: what its next trade starts from. They are not the cached ones
/// of OptionGreekCache, which are as old as the board's last update.
library LyraReads {
    using Address for address;

    uint256 internal constant WAD = 1e18;
    /// A library's selector is made from the qualified name of its struct.
    bytes4 internal constant PRICES = bytes4(keccak256("pricesDeltaStdVega(BlackScholes.BlackScholesInputs)"));

    function contractsOf(address viewer, address market, address blackScholes) internal view returns (Lyra memory v) {
        OptionMarketAddresses memory a = IOptionMarketViewer(viewer).marketAddresses(market);
        v.optionMarket = IOptionMarket(a.optionMarket);
        v.optionToken = IOptionToken(a.optionToken);
        v.greekCache = IOptionGreekCache(a.greekCache);
        v.adapter = ISynthetixAdapter(IOptionMarketViewer(viewer).synthetixAdapter());
        v.quoteAsset = IERC20(a.quoteAsset);
        v.blackScholes = blackScholes;
    }

    /// @notice The oracle's price of the underlying.
    function spotOf(Lyra memory v) internal view returns (uint256) {
        return v.adapter.getSpotPriceForMarket(address(v.optionMarket));
    }

    function seriesOf(Lyra memory v, uint256 strikeId, uint256 spot, int256 rate)
        internal
        view
        returns (Series memory s)
    {
        (Strike memory strike, OptionBoard memory board) = v.optionMarket.getStrikeAndBoard(strikeId);
        s.strikeId = strikeId;
        s.strikePrice = strike.strikePrice;
        s.boardId = board.id;
        s.expiry = board.expiry;
        s.baseIv = board.iv;
        s.priceAtExpiry = v.optionMarket.boardToPriceAtExpiry(board.id);
        if (s.priceAtExpiry != 0) {
            s.callPrice = Math.saturatingSub(s.priceAtExpiry, s.strikePrice);
            s.putPrice = Math.saturatingSub(s.strikePrice, s.priceAtExpiry);
            return s;
        }
        s.vol = board.iv * strike.skew / WAD;
        uint256 left = Math.saturatingSub(board.expiry, block.timestamp);
        PricesDeltaStdVega memory p =
            _prices(v.blackScholes, BlackScholesInputs(left, s.vol, spot, s.strikePrice, rate));
        (s.callPrice, s.putPrice, s.vega) = (p.callPrice, p.putPrice, p.vega);
        (s.callDelta, s.putDelta) = (p.callDelta, p.putDelta);
    }

    /// @notice What a position is worth, collateral inside: what is owned is rounded down, what is owed up.
    function worthDown(OptionPosition memory p, Series memory s, uint256 spot) internal pure returns (int256) {
        uint256 price = isCall(p.optionType) ? s.callPrice : s.putPrice;
        if (!isShort(p.optionType)) return int256(Math.mulDiv(p.amount, price, WAD));
        uint256 posted = isBaseCollateral(p.optionType) ? Math.mulDiv(p.collateral, spot, WAD) : p.collateral;
        return int256(posted) - int256(Math.mulDiv(p.amount, price, WAD, Math.Rounding.Ceil));
    }

    /// @notice A minimum collateral of the position in quote currency, rounded up.
    function marginUp(OptionPosition memory p, uint256 least, uint256 spot) internal pure returns (uint256) {
        return isBaseCollateral(p.optionType) ? Math.mulDiv(least, spot, WAD, Math.Rounding.Ceil) : least;
    }

    function isShort(OptionType t) internal pure returns (bool) {
        return t >= OptionType.SHORT_CALL_BASE;
    }

    function isCall(OptionType t) internal pure returns (bool) {
        return t != OptionType.LONG_PUT && t != OptionType.SHORT_PUT_QUOTE;
    }

    /// @notice Its collateral is the base asset, all others' the quote asset.
    function isBaseCollateral(OptionType t) internal pure returns (bool) {
        return t == OptionType.SHORT_CALL_BASE;
    }

    function _prices(address library_, BlackScholesInputs memory inputs)
        private
        view
        returns (PricesDeltaStdVega memory)
    {
        bytes memory answer = library_.functionStaticCall(abi.encodeWithSelector(PRICES, inputs));
        return abi.decode(answer, (PricesDeltaStdVega));
    }
}
