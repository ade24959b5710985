// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ERC721Holder} from "@openzeppelin/contracts/token/ERC721/utils/ERC721Holder.sol";
import {ERC1155Holder} from "@openzeppelin/contracts/token/ERC1155/utils/ERC1155Holder.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {Batch} from "./Batch.sol";
import {ISafe} from "./interfaces/external/ISafe.sol";
import {Call, IExecutor, Input, Plan, Result} from "./interfaces/IExecutor.sol";

/// @title Plans of an EOA, of a Safe, or of its owner's own; see IExecutor
/// @dev The same code in three places, told apart by where it runs and by its immutables:
///
/// | where                      | acts as           | `execute`   | `executeFrom` | `run` as, `approve` by |
/// |----------------------------|-------------------|-------------|---------------|------------------------|
/// | delegated: an EOA's code   | the EOA           | the EOA     | -             | the EOA                |
/// | owned: deployed, an owner  | its own address   | the owner   | -             | its own; the owner     |
/// | shared: deployed, no owner | any Safe          | -           | the Safe      | the Safe               |
///
/// Nobody can make the shared one act as its own address, so it takes no coins and no NFTs: they would be lost.
/// An EOA that delegates to an owned one gets no owner by that.
///
/// The only storage is the approvals, in a namespace of their own (ERC-7201). In the delegated case they are the
/// EOA's storage: they stay there when it delegates elsewhere and hold again when it comes back, until they are
/// used, revoked or their plan's deadline has passed. Code that an EOA ran before could have written there too;
/// an EOA that ever delegated to code that it does not trust should move to another key.
contract Executor is IExecutor, Batch, ERC721Holder, ERC1155Holder, IERC1271 layout at erc7201("trimtab.Executor") {
    using SafeERC20 for IERC20;

    /* IMMUTABLES */

    address private immutable SELF;
    address private immutable OWNER;

    /* STORAGE */

    /// @inheritdoc IExecutor
    mapping(address account => mapping(bytes32 planHash => mapping(address runner => bool))) public isApproved;

    /// @param owner_ Who may make it act as its own address; zero for the one that EOAs and Safes share.
    constructor(address owner_) {
        SELF = address(this);
        OWNER = owner_;
    }

    /* PLACES */

    /// @inheritdoc IExecutor
    function owner() public view returns (address) {
        return _isDelegated() ? address(0) : OWNER;
    }

    function _isDelegated() private view returns (bool) {
        return address(this) != SELF;
    }

    function _isShared() private view returns (bool) {
        return !_isDelegated() && OWNER == address(0);
    }

    /// @dev Whoever may make this address act as itself: the EOA of a delegation, else the owner. The calls of a
    /// plan come from this address too.
    function _isOwn(address caller) private view returns (bool) {
        return !_isShared() && (caller == address(this) || caller == owner());
    }

    /* PLANS */

    /// @inheritdoc IExecutor
    function execute(Plan calldata plan) external payable nonReentrant returns (Result[] memory) {
        if (!_isOwn(msg.sender)) revert CallerNotAllowed(msg.sender, address(this));
        return _run(address(this), plan);
    }

    /// @inheritdoc IExecutor
    function executeFrom(address safe, Plan calldata plan) external nonReentrant returns (Result[] memory) {
        if (!_isShared() || msg.sender != safe) revert CallerNotAllowed(msg.sender, safe);
        return _run(safe, plan);
    }

    /// @inheritdoc IExecutor
    function run(address account, Plan calldata plan) external nonReentrant returns (Result[] memory) {
        if (_isShared() == (account == address(this))) revert CallerNotAllowed(msg.sender, account);
        bytes32 planHash = _hash(plan);
        if (!isApproved[account][planHash][msg.sender]) revert PlanNotApproved(account, planHash, msg.sender);

        delete isApproved[account][planHash][msg.sender];

        return _run(account, plan);
    }

    /* APPROVALS */

    /// @inheritdoc IExecutor
    function approve(bytes32 planHash, address runner) external {
        address account = _approver();

        isApproved[account][planHash][runner] = true;

        emit PlanApproved(account, planHash, runner);
    }

    /// @inheritdoc IExecutor
    function revoke(bytes32 planHash, address runner) external {
        address account = _approver();

        delete isApproved[account][planHash][runner];

        emit PlanRevoked(account, planHash, runner);
    }

    /// @inheritdoc IExecutor
    function hashPlan(Plan calldata plan) external pure returns (bytes32) {
        return _hash(plan);
    }

    /// @dev Whose approvals the caller writes: where it is shared anybody's own, though only a Safe has a use for
    /// them.
    function _approver() private view returns (address) {
        if (_isShared()) return msg.sender;
        if (!_isOwn(msg.sender)) revert CallerNotAllowed(msg.sender, address(this));
        return address(this);
    }

    /* CALLS */

    /// @dev A Safe reverts here when this is not its module, and with it the whole plan.
    function _call(address account, uint256 index, Call calldata call)
        internal
        override
        returns (bool, bytes memory)
    {
        if (account == address(this)) return super._call(account, index, call);
        return ISafe(account).execTransactionFromModuleReturnData(call.target, call.value, call.data, 0);
    }

    /* FUNDS */

    function _takeInputs(address account, Plan calldata plan) internal override {
        if (owner() == address(0)) return super._takeInputs(account, plan);
        for (uint256 i; i < plan.inputs.length; ++i) {
            Input calldata input = plan.inputs[i];
            IERC20(input.token).safeTransferFrom(OWNER, address(this), input.amount);
        }
    }

    function _giveOutputs(address, Plan calldata plan) internal override {
        if (owner() == address(0)) return;
        for (uint256 i; i < plan.inputs.length; ++i) {
            _giveWhole(plan.inputs[i].token);
        }
        for (uint256 i; i < plan.outputs.length; ++i) {
            _giveWhole(plan.outputs[i]);
        }
        if (address(this).balance != 0) Address.sendValue(payable(OWNER), address(this).balance);
    }

    function _giveWhole(address token) private {
        uint256 balance = IERC20(token).balanceOf(address(this));
        if (balance != 0) IERC20(token).safeTransfer(OWNER, balance);
    }

    /* WHAT AN ACCOUNT WITH CODE MUST ANSWER */

    /// @dev Coins are taken as an EOA takes them, but calls with data that nobody knows are refused.
    receive() external payable {
        _refuseIfShared();
    }

    /// @notice The EOA's own signatures, where it took on this code: apps ask so because it has code now. Nothing
    /// is valid that was not valid of the plain EOA, so a hash needs no binding to the account. A contract has
    /// no key, so nothing is valid of a deployed executor.
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        // Zero where there is no valid signature, which is never this address.
        (address signer,,) = ECDSA.tryRecoverCalldata(hash, signature);
        bool isOwn = signer == address(this);
        return isOwn ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }

    function onERC721Received(address, address, uint256, bytes memory) public view override returns (bytes4) {
        _refuseIfShared();
        return this.onERC721Received.selector;
    }

    function onERC1155Received(address, address, uint256, uint256, bytes memory)
        public
        view
        override
        returns (bytes4)
    {
        _refuseIfShared();
        return this.onERC1155Received.selector;
    }

    function onERC1155BatchReceived(address, address, uint256[] memory, uint256[] memory, bytes memory)
        public
        view
        override
        returns (bytes4)
    {
        _refuseIfShared();
        return this.onERC1155BatchReceived.selector;
    }

    function _refuseIfShared() private view {
        if (_isShared()) revert FundsNotAllowed(address(this));
    }
}
