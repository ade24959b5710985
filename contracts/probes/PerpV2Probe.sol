// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {
    IAccountBalance,
    IBaseToken,
    IClearingHouseConfig,
    ICollateralManager,
    IExchange,
    IVault
} from "../interfaces/external/IPerpV2.sol";
import {AccountState, Exposure, IProbe} from "../interfaces/IProbe.sol";
import {PerpV2, PerpV2Reads} from "../libraries/PerpV2Reads.sol";
import {Symbols} from "../libraries/Symbols.sol";

/// @title Accounts of Perp v2 ("Curie")
/// @notice One exposure for each market that the account trades or makes in; its `market` is the base token. A
/// size holds the inventory of the account's liquidity at the pool's spot price, as margin does. Prices are the
/// house's: mark (index at the pause, closing price afterwards) and spot index. The underlying is the base
/// token's symbol without the leading "v" of virtual tokens.
/// @dev Equity and maintenance margin are the house's own integers: `ClearingHouse.getAccountValue` and
/// `AccountBalance.getMarginRequirementForLiquidation`. With liquidity, `cash` moves by some wei as the pool
/// rounds, and of a position under 10 wei, which the house deletes, up to 10 wei are lost.
contract PerpV2Probe is IProbe {
    using PerpV2Reads for *;

    /* IMMUTABLES */

    IAccountBalance public immutable ACCOUNT_BALANCE;
    IClearingHouseConfig public immutable CONFIG;
    IExchange public immutable EXCHANGE;
    IVault public immutable VAULT;
    uint256 internal immutable UNIT;

    /* CONSTRUCTOR */

    constructor(address clearingHouse) {
        PerpV2 memory v = PerpV2Reads.contractsOf(clearingHouse);
        ACCOUNT_BALANCE = v.accountBalance;
        CONFIG = v.config;
        EXCHANGE = v.exchange;
        VAULT = v.vault;
        UNIT = v.unit;
    }

    /* PROBE */

    /// @inheritdoc IProbe
    function probe(address account) external view returns (AccountState memory state) {
        address[] memory tokens = ACCOUNT_BALANCE.getBaseTokens(account);
        (int256 owed, int256 unrealized, uint256 fee) = ACCOUNT_BALANCE.getPnlAndPendingFee(account);

        state.exposures = new Exposure[](tokens.length);
        int256 value;
        uint256 gross;
        for (uint256 i; i < tokens.length; i++) {
            Exposure memory e = _exposure(account, tokens[i]);
            state.exposures[i] = e;
            int256 worth = e.size.positionValue(e.notionalPrice);
            value += worth;
            gross += worth.abs();
            state.notional += Math.mulDiv(e.size.abs(), e.notionalPrice, PerpV2Reads.WAD, Math.Rounding.Ceil);
        }
        state.cash = owed + unrealized - value + int256(fee) - EXCHANGE.getAllPendingFundingPayment(account);
        int256 settled = VAULT.getBalance(account) * int256(UNIT);
        state.equity = (settled + state.cash + value + _otherCollateral(account)).floorToUnit(UNIT);
        state.maintenanceMargin = gross.ratioOf(CONFIG.getMmRatio());
        state.health = PerpV2Reads.healthDown(state.equity, state.maintenanceMargin, gross);
    }

    /* INTERNAL */

    function _exposure(address account, address token) private view returns (Exposure memory e) {
        IBaseToken base = IBaseToken(token);
        e.market = bytes32(uint256(uint160(token)));
        e.underlying = Symbols.withoutPrefix(base.symbol(), "v");
        e.size = ACCOUNT_BALANCE.getTotalPositionSize(account, token);
        e.delta = e.size;
        e.notionalPrice = PerpV2Reads.referencePrice(ACCOUNT_BALANCE, base);
        e.oraclePrice = base.isClosed() ? e.notionalPrice : base.getIndexPrice(0);
    }

    function _otherCollateral(address account) private view returns (int256 value) {
        address[] memory tokens = VAULT.getCollateralTokens(account);
        if (tokens.length == 0) return 0;
        ICollateralManager manager = ICollateralManager(VAULT.getCollateralManager());
        for (uint256 i; i < tokens.length; i++) {
            int256 balance = VAULT.getBalanceByToken(account, tokens[i]);
            value += int256(PerpV2Reads.collateralTerms(manager, tokens[i]).collateralValue(balance));
        }
    }
}
