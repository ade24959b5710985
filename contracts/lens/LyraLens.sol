// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {OptionPosition} from "../interfaces/external/ILyra.sol";
import {OptionAccount, OptionBook, OptionHolding, OptionQuery} from "../interfaces/IPositionLens.sol";
import {Lyra, LyraReads, Series} from "../libraries/LyraReads.sol";

/// @title The part of the lens that reads option markets of Lyra
abstract contract LyraLens {
    /* READING */

    function _readOptions(OptionQuery calldata query, address[] calldata accounts)
        internal
        view
        returns (OptionBook memory book)
    {
        Lyra memory v = LyraReads.contractsOf(query.viewer, query.optionMarket, query.blackScholes);
        book.accounts = new OptionAccount[](accounts.length);
        OptionPosition[][] memory positions = new OptionPosition[][](accounts.length);
        for (uint256 i; i < accounts.length; i++) {
            uint256 share = gasleft() / (accounts.length - i);
            try v.optionToken.getOwnerPositions{gas: share}(accounts[i]) returns (OptionPosition[] memory found) {
                positions[i] = found;
                book.accounts[i].isOk = true;
                book.accounts[i].health = type(uint256).max;
            } catch (bytes memory reason) {
                book.accounts[i].reason = reason;
            }
        }
        bytes[] memory reasons = _readSeries(v, book, positions);
        for (uint256 i; i < accounts.length; i++) {
            uint256 share = gasleft() / (accounts.length - i);
            if (positions[i].length != 0) _readAccount(v, book, i, positions[i], reasons, share);
        }
    }

    /* WHAT ACCOUNTS SHARE */

    /// @return reasons by series: why it has no price, and so no strike price either
    function _readSeries(Lyra memory v, OptionBook memory book, OptionPosition[][] memory positions)
        private
        view
        returns (bytes[] memory reasons)
    {
        book.series = _strikesOf(positions);
        reasons = new bytes[](book.series.length);
        if (book.series.length == 0) return reasons;
        bytes memory failure;
        (book.spot, book.rate, failure) = _readPrices(v);
        for (uint256 i; i < book.series.length; i++) {
            if (book.spot == 0) {
                reasons[i] = failure;
                continue;
            }
            try this.readSeries(v, book.series[i].strikeId, book.spot, book.rate) returns (Series memory s) {
                book.series[i] = s;
            } catch (bytes memory reason) {
                reasons[i] = reason;
            }
        }
    }

    function _readPrices(Lyra memory v) private view returns (uint256 spot, int256 rate, bytes memory failure) {
        try v.adapter.getSpotPriceForMarket(address(v.optionMarket)) returns (uint256 price) {
            return (price, v.greekCache.getGreekCacheParams().rateAndCarry, "");
        } catch (bytes memory reason) {
            failure = reason;
        }
    }

    /// @notice One series; external so that it can fail alone.
    function readSeries(Lyra memory v, uint256 strikeId, uint256 spot, int256 rate)
        external
        view
        returns (Series memory)
    {
        return LyraReads.seriesOf(v, strikeId, spot, rate);
    }

    /// @dev Every strike once, in the order in which it is met.
    function _strikesOf(OptionPosition[][] memory positions) private pure returns (Series[] memory series) {
        uint256 most;
        for (uint256 i; i < positions.length; i++) {
            most += positions[i].length;
        }
        uint256[] memory ids = new uint256[](most);
        uint256 count;
        for (uint256 i; i < positions.length; i++) {
            for (uint256 j; j < positions[i].length; j++) {
                uint256 k;
                while (k < count && ids[k] != positions[i][j].strikeId) k++;
                if (k == count) ids[count++] = positions[i][j].strikeId;
            }
        }
        series = new Series[](count);
        for (uint256 k; k < count; k++) {
            series[k].strikeId = ids[k];
        }
    }

    /* ONE ACCOUNT */

    function _readAccount(
        Lyra memory v,
        OptionBook memory book,
        uint256 index,
        OptionPosition[] memory positions,
        bytes[] memory reasons,
        uint256 gasShare
    ) private view {
        OptionAccount memory account = book.accounts[index];
        account.holdings = new OptionHolding[](positions.length);
        for (uint256 i; i < positions.length; i++) {
            OptionPosition memory p = positions[i];
            uint256 k;
            while (book.series[k].strikeId != p.strikeId) k++;
            Series memory s = book.series[k];
            if (s.strikePrice == 0) return _fail(book, index, reasons[k]);
            uint256 least;
            if (LyraReads.isShort(p.optionType) && s.priceAtExpiry == 0) {
                try v.greekCache.getMinCollateral{gas: gasShare / positions.length}(
                    p.optionType, s.strikePrice, s.expiry, book.spot, p.amount
                ) returns (uint256 found) {
                    least = found;
                } catch (bytes memory reason) {
                    return _fail(book, index, reason);
                }
            }
            account.holdings[i] = OptionHolding(p.positionId, k, p.optionType, p.state, p.amount, p.collateral, least);
            _add(account, p, s, book.spot, least);
        }
    }

    function _add(OptionAccount memory account, OptionPosition memory p, Series memory s, uint256 spot, uint256 least)
        private
        pure
    {
        int256 amount = LyraReads.isShort(p.optionType) ? -int256(p.amount) : int256(p.amount);
        account.delta += amount * (LyraReads.isCall(p.optionType) ? s.callDelta : s.putDelta) / int256(LyraReads.WAD);
        account.vega += amount * int256(s.vega) / int256(LyraReads.WAD);
        account.equity += LyraReads.worthDown(p, s, spot);
        account.maintenanceMargin += LyraReads.marginUp(p, least, spot);
        if (least != 0) {
            account.health = Math.min(account.health, Math.mulDiv(p.collateral, LyraReads.WAD, least));
        }
    }

    function _fail(OptionBook memory book, uint256 index, bytes memory reason) private pure {
        OptionAccount memory failed;
        failed.reason = reason;
        book.accounts[index] = failed;
    }
}
