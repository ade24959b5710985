// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPositionLens, OptionBook, OptionQuery, PerpBook, PerpQuery} from "./interfaces/IPositionLens.sol";
import {LyraLens} from "./lens/LyraLens.sol";
import {PerpV2Lens} from "./lens/PerpV2Lens.sol";

/// @title Many accounts of Perp v2 and Lyra in one call
/// @dev See IPositionLens.
contract PositionLens is IPositionLens, PerpV2Lens, LyraLens {
    /// @inheritdoc IPositionLens
    function read(PerpQuery[] calldata perps, OptionQuery[] calldata options, address[] calldata accounts)
        external
        view
        returns (PerpBook[] memory perpBooks, OptionBook[] memory optionBooks)
    {
        perpBooks = new PerpBook[](perps.length);
        for (uint256 i; i < perps.length; i++) {
            perpBooks[i] = _readPerps(perps[i], accounts);
        }
        optionBooks = new OptionBook[](options.length);
        for (uint256 i; i < options.length; i++) {
            optionBooks[i] = _readOptions(options[i], accounts);
        }
    }
}
