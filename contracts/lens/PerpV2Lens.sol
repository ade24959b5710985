// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccountMarketInfo, IBaseToken} from "../interfaces/external/IPerpV2.sol";
import {
    CollateralHolding,
    IPositionLens,
    PerpAccount,
    PerpBook,
    PerpHolding,
    PerpMarket,
    PerpQuery
} from "../interfaces/IPositionLens.sol";
import {FundingGrowth} from "../libraries/FundingGrowth.sol";
import {CollateralTerms, PerpV2, PerpV2Reads} from "../libraries/PerpV2Reads.sol";

/// @dev What all accounts share.
struct PerpTerms {
    PerpV2 venue;
    uint256 imRatio;
    uint256 mmRatio;
    CollateralTerms[] collaterals;
}

/// @title The part of the lens that reads Perp v2
abstract contract PerpV2Lens {
    using FundingGrowth for PerpMarket;
    using PerpV2Reads for *;

    /* READING */

    function _readPerps(PerpQuery calldata query, address[] calldata accounts)
        internal
        view
        returns (PerpBook memory book)
    {
        PerpTerms memory terms = _termsOf(query);
        book.markets = _marketsOf(terms.venue, query.baseTokens);
        book.accounts = new PerpAccount[](accounts.length);
        for (uint256 i; i < accounts.length; i++) {
            uint256 share = gasleft() / (accounts.length - i);
            try this.readPerpAccount{gas: share}(terms, book.markets, accounts[i]) returns (
                PerpAccount memory account, PerpMarket[] memory markets
            ) {
                (book.accounts[i], book.markets) = (account, markets);
            } catch (bytes memory reason) {
                book.accounts[i].reason = reason;
            }
        }
    }

    /// @notice One account; external so that it can fail alone.
    /// @return account what it has
    /// @return known the markets, with what was learnt of their growth of funding
    function readPerpAccount(PerpTerms memory terms, PerpMarket[] memory markets, address trader)
        external
        view
        returns (PerpAccount memory account, PerpMarket[] memory known)
    {
        PerpV2 memory v = terms.venue;
        address[] memory tokens = v.accountBalance.getBaseTokens(trader);
        (int256 owed, int256 unrealized, uint256 fee) = v.accountBalance.getPnlAndPendingFee(trader);
        account.settlementBalance = v.vault.getBalance(trader);
        account.holdings = new PerpHolding[](tokens.length);

        int256 collateral = account.settlementBalance * int256(v.unit) + owed + int256(fee);
        int256 quote;
        int256 debt;
        for (uint256 i; i < tokens.length; i++) {
            (PerpHolding memory h, int256 quoteHere, int256 debtHere) = _holding(v, _find(markets, tokens[i]), trader);
            account.holdings[i] = h;
            account.notional += h.value.abs();
            (collateral, quote, debt) = (collateral - h.pendingFunding, quote + quoteHere, debt + debtHere);
        }
        collateral += _addCollaterals(terms, account, trader);
        _addMargin(terms, account, collateral, unrealized, debt + (quote < 0 ? quote : int256(0)));
        _addLiquidationPrices(terms, account, markets);
        account.isOk = true;
        known = markets;
    }

    /* WHAT ACCOUNTS SHARE */

    function _termsOf(PerpQuery calldata query) private view returns (PerpTerms memory terms) {
        PerpV2 memory v = PerpV2Reads.contractsOf(query.clearingHouse);
        terms.venue = v;
        terms.imRatio = v.config.getImRatio();
        terms.mmRatio = v.config.getMmRatio();
        terms.collaterals = new CollateralTerms[](query.collaterals.length);
        for (uint256 i; i < query.collaterals.length; i++) {
            terms.collaterals[i].token = query.collaterals[i];
            try this.readCollateralTerms(v, query.collaterals[i]) returns (CollateralTerms memory found) {
                terms.collaterals[i] = found;
            } catch {}
        }
    }

    /// @notice One collateral; external so that it can fail alone.
    function readCollateralTerms(PerpV2 memory v, address token) external view returns (CollateralTerms memory) {
        return PerpV2Reads.collateralTerms(v.collateralManager, token);
    }

    function _marketsOf(PerpV2 memory v, address[] calldata tokens) private view returns (PerpMarket[] memory markets) {
        markets = new PerpMarket[](tokens.length);
        for (uint256 i; i < tokens.length; i++) {
            PerpMarket memory m = markets[i];
            m.baseToken = tokens[i];
            m.forget();
            try this.readPrice(v, IBaseToken(tokens[i])) returns (uint256 price) {
                m.price = price;
            } catch {}
            try IBaseToken(tokens[i]).getIndexPrice(0) returns (uint256 price) {
                m.indexPrice = price;
            } catch {}
        }
    }

    /// @notice One market's price; external so that it can fail alone.
    function readPrice(PerpV2 memory v, IBaseToken token) external view returns (uint256) {
        return PerpV2Reads.referencePrice(v.accountBalance, token);
    }

    function _find(PerpMarket[] memory markets, address token) private pure returns (PerpMarket memory) {
        for (uint256 i; i < markets.length; i++) {
            if (markets[i].baseToken == token) return markets[i];
        }
        revert IPositionLens.UnknownMarket(token);
    }

    /* ONE ACCOUNT */

    /// @return h the place in the market
    /// @return quote balance of quote less what its orders owe
    /// @return debt value of the base that it owes, as a negative number
    function _holding(PerpV2 memory v, PerpMarket memory m, address trader)
        private
        view
        returns (PerpHolding memory h, int256 quote, int256 debt)
    {
        int256 base;
        h.baseToken = m.baseToken;
        if (v.orderBook.getOpenOrderIds(trader, m.baseToken).length == 0) {
            AccountMarketInfo memory info = v.accountBalance.getAccountInfo(trader, m.baseToken);
            (base, quote) = (info.takerPositionSize, info.takerOpenNotional);
            h.size = base.abs() < PerpV2Reads.DUST ? int256(0) : base;
            h.openNotional = quote;
            h.pendingFunding = m.fundingOf(v.exchange, trader, base, info.lastTwPremiumGrowthGlobalX96);
        } else {
            base = v.accountBalance.getBase(trader, m.baseToken);
            quote = v.accountBalance.getQuote(trader, m.baseToken);
            h.size = v.accountBalance.getTotalPositionSize(trader, m.baseToken);
            h.openNotional = v.accountBalance.getTotalOpenNotional(trader, m.baseToken);
            h.pendingFunding = v.exchange.getPendingFundingPayment(trader, m.baseToken);
        }
        if (h.size == 0 && base >= 0) return (h, quote, 0);
        uint256 price = _priceOf(v, m);
        h.value = h.size.positionValue(price);
        if (base < 0) debt = base.positionValue(price);
    }

    /// @dev Asked again where it failed, so that the account has the venue's own reason.
    function _priceOf(PerpV2 memory v, PerpMarket memory m) private view returns (uint256) {
        return m.price == 0 ? PerpV2Reads.referencePrice(v.accountBalance, IBaseToken(m.baseToken)) : m.price;
    }

    function _addCollaterals(PerpTerms memory terms, PerpAccount memory account, address trader)
        private
        view
        returns (int256 value)
    {
        address[] memory tokens = terms.venue.vault.getCollateralTokens(trader);
        account.collaterals = new CollateralHolding[](tokens.length);
        for (uint256 i; i < tokens.length; i++) {
            CollateralTerms memory t = _collateralOf(terms, tokens[i]);
            int256 balance = terms.venue.vault.getBalanceByToken(trader, tokens[i]);
            uint256 worth = t.collateralValue(balance);
            account.collaterals[i] = CollateralHolding(tokens[i], balance, worth);
            value += int256(worth);
        }
    }

    /// @dev Like `_priceOf`.
    function _collateralOf(PerpTerms memory terms, address token) private view returns (CollateralTerms memory) {
        for (uint256 i; i < terms.collaterals.length; i++) {
            CollateralTerms memory t = terms.collaterals[i];
            if (t.token == token && t.price != 0) return t;
        }
        return PerpV2Reads.collateralTerms(terms.venue.collateralManager, token);
    }

    function _addMargin(
        PerpTerms memory terms,
        PerpAccount memory account,
        int256 collateral,
        int256 unrealized,
        int256 debt
    ) private pure {
        uint256 unit = terms.venue.unit;
        account.equity = (collateral + unrealized).floorToUnit(unit);
        account.maintenanceMargin = account.notional.ratioOf(terms.mmRatio);
        account.initialMargin = debt.abs().ratioOf(terms.imRatio);
        account.health = PerpV2Reads.healthDown(account.equity, account.maintenanceMargin, account.notional);
        int256 free = collateral + (unrealized < 0 ? unrealized : int256(0)) - int256(account.initialMargin);
        account.freeCollateral = free < 0 ? 0 : uint256(free) / unit * unit;
    }

    function _addLiquidationPrices(PerpTerms memory terms, PerpAccount memory account, PerpMarket[] memory markets)
        private
        pure
    {
        int256 left = account.equity - int256(account.maintenanceMargin);
        for (uint256 i; i < account.holdings.length; i++) {
            PerpHolding memory h = account.holdings[i];
            if (h.size != 0) {
                h.liquidationPrice =
                    PerpV2Reads.liquidationPrice(h.size, _find(markets, h.baseToken).price, left, terms.mmRatio);
            }
        }
    }
}
