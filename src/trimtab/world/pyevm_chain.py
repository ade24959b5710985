"""A chain in this process: py-evm's blocks and state, with the clock and pool of a development node."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trimtab.errors import ConfigError
from trimtab.hooks.deployment import PROXY, PROXY_CODE
from trimtab.world.accounts import ACCOUNTS

CHAIN_ID = 31337
_TIP = 10**9
_CALL_GAS = 1_000_000_000


class PyEvmError(Exception):
    """What a node would answer with; `data` is revert data."""

    def __init__(self, message: str, *, code: int = -32000, data: bytes | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


@dataclass(frozen=True, slots=True)
class MinedTransaction:
    """A transaction with what became of it. `gas_used` is its own, `cumulative_gas` the block's up to it;
    `output` its return or revert data."""

    transaction: Any
    header: Any
    index: int
    succeeded: bool
    gas_used: int
    cumulative_gas: int
    logs: Sequence[Any]
    first_log: int
    output: bytes


@dataclass
class MinedBlock:
    """A header and its transactions."""

    header: Any
    transactions: list[MinedTransaction] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Message:
    """A call without effect. `to` None creates."""

    sender: bytes
    to: bytes | None
    data: bytes
    value: int = 0
    gas: int | None = None


@dataclass(frozen=True, slots=True)
class Override:
    """What an account shall be for one call."""

    balance: int | None = None
    nonce: int | None = None
    code: bytes | None = None
    slots: Mapping[int, int] = field(default_factory=dict)


class PyEvmChain:
    """Blocks in memory, made by py-evm (Prague rules). All methods may take long: 0.1 to 0.5 s a trade.

    Without an `interval` time flows with `clock` from the last time that was set.
    """

    def __init__(self, genesis_at: int, gas_limit: int, *, clock: Callable[[], float] = time.time) -> None:
        self._chain, self._keys = _genesis(genesis_at, gas_limit)
        self.blocks = [MinedBlock(self._chain.get_canonical_head())]
        self.by_hash: dict[bytes, MinedTransaction] = {}
        self.pool: dict[tuple[bytes, int], Any] = {}
        self.automine = True
        self.interval: int | None = None
        self.next_timestamp: int | None = None
        self._clock = clock
        self._offset_seconds = genesis_at - clock()
        self._snapshots: dict[int, tuple[int, dict[tuple[bytes, int], Any]]] = {}

    @property
    def head(self) -> Any:
        """The latest block's header."""
        return self.blocks[-1].header

    def header_at(self, block: int | str) -> Any:
        """The header in whose context a read runs; "pending" is the next block before any transaction."""
        if block == "pending":
            return self._chain.header.copy(timestamp=self._next_time())
        if block in ("latest", "safe", "finalized"):
            return self.head
        number = 0 if block == "earliest" else block
        if not isinstance(number, int) or not 0 <= number < len(self.blocks):
            raise PyEvmError(f"block {block} is not there")
        return self.blocks[number].header

    def state_at(self, block: int | str) -> Any:
        """py-evm's state object after a block; nothing that is written to it is kept."""
        return self._chain.get_vm(self.header_at(block)).state

    def sign(self, sender: bytes, fields: Mapping[str, Any]) -> Any:
        """A signed transaction of one of the development accounts."""
        key = self._keys.get(sender)
        if key is None:
            raise PyEvmError(f"no key for 0x{sender.hex()}: impersonation is not supported by py-evm")
        nonce = fields.get("nonce")
        unsigned = self._chain.get_transaction_builder().new_unsigned_dynamic_fee_transaction(
            chain_id=CHAIN_ID,
            nonce=self.next_nonce(sender) if nonce is None else nonce,
            max_priority_fee_per_gas=_TIP,
            max_fee_per_gas=2 * self._chain.header.base_fee_per_gas + _TIP,
            gas=fields["gas"],
            to=fields["to"] or b"",
            value=fields["value"],
            data=fields["data"],
            access_list=(),
        )
        return unsigned.as_signed_transaction(key)

    def decode(self, raw: bytes) -> Any:
        """A signed transaction from its bytes."""
        try:
            transaction = self._chain.get_transaction_builder().decode(raw)
            transaction.validate()
            _ = transaction.sender  # it is recovered here, and may fail to be
        except Exception as error:  # py-evm and rlp raise many kinds; all mean the same here
            raise PyEvmError(f"failed to decode signed transaction: {error}", code=-32602) from error
        if getattr(transaction, "chain_id", CHAIN_ID) not in (None, CHAIN_ID):
            raise PyEvmError("invalid chain id for signer")
        return transaction

    def add(self, transaction: Any) -> bytes:
        """Take a transaction into the pool; mine it when automine is on. Refusals are in geth's words."""
        sender = transaction.sender
        state = self.state_at("latest")
        known = self.pool.get((sender, transaction.nonce))
        if transaction.hash in self.by_hash or (known is not None and known.hash == transaction.hash):
            raise PyEvmError("already known")
        if transaction.nonce < state.get_nonce(sender):
            raise PyEvmError(
                f"nonce too low: next nonce {state.get_nonce(sender)}, tx nonce {transaction.nonce}"
            )
        cost = transaction.gas * transaction.max_fee_per_gas + transaction.value
        if state.get_balance(sender) < cost:
            raise PyEvmError("insufficient funds for gas * price + value")
        if transaction.gas < transaction.intrinsic_gas:
            raise PyEvmError("intrinsic gas too low")
        if known is not None and 10 * transaction.max_fee_per_gas < 11 * known.max_fee_per_gas:
            raise PyEvmError("replacement transaction underpriced")
        self.pool[sender, transaction.nonce] = transaction
        if self.automine:
            self.mine()
        return bytes(transaction.hash)

    def mine(self) -> MinedBlock:
        """A block with every transaction of the pool whose turn it is and that pays the base fee."""
        at = self._next_time()
        if self.next_timestamp is not None:
            self._offset_seconds, self.next_timestamp = at - self._clock(), None
        self._chain.set_header_timestamp(at)
        chosen = self._executable()
        result, receipts, computations = self._chain.mine_all(chosen, blob_gas_used=0)
        header = result.imported_block.header
        block = MinedBlock(header)
        before, logs = 0, 0
        for index, (tx, receipt, done) in enumerate(zip(chosen, receipts, computations, strict=True)):
            used = receipt.gas_used - before
            mined = MinedTransaction(
                transaction=tx,
                header=header,
                index=index,
                succeeded=not done.is_error,
                gas_used=used,
                cumulative_gas=receipt.gas_used,
                logs=receipt.logs,
                first_log=logs,
                output=bytes(done.output),
            )
            before, logs = receipt.gas_used, logs + len(receipt.logs)
            block.transactions.append(mined)
            self.by_hash[bytes(tx.hash)] = mined
            del self.pool[tx.sender, tx.nonce]
        self.blocks.append(block)
        return block

    def call(
        self, message: Message, block: int | str, overrides: Mapping[bytes, Override] | None = None
    ) -> tuple[bytes, int]:
        """Return data and gas used. Raises `PyEvmError` with the revert data."""
        state = self.state_at(block)
        for address, override in (overrides or {}).items():
            _apply(state, address, override)
        done = _run(state, message)
        if done.is_error:
            reverted = bytes(done.output) if type(done.error).__name__ == "Revert" else None
            text = "execution reverted" if reverted is not None else f"execution failed: {done.error!r}"
            raise PyEvmError(text, code=3 if reverted is not None else -32000, data=reverted)
        return bytes(done.output), int(done.get_gas_used())

    def snapshot(self) -> int:
        """Remember the chain up to here, and the pool."""
        number = len(self._snapshots) + 1
        self._snapshots[number] = (len(self.blocks), dict(self.pool))
        return number

    def revert(self, number: int) -> bool:
        """Forget what came after a snapshot; False when it is not known (any more)."""
        if number not in self._snapshots:
            return False
        from eth.constants import GENESIS_PARENT_HASH

        length, pool = self._snapshots[number]
        self._snapshots = {n: s for n, s in self._snapshots.items() if n < number}
        for block in self.blocks[length:]:
            for mined in block.transactions:
                del self.by_hash[bytes(mined.transaction.hash)]
        del self.blocks[length:]
        self.pool = dict(pool)
        self.next_timestamp = None
        self._offset_seconds = self.head.timestamp - self._clock()
        chaindb = self._chain.chaindb
        chaindb._set_as_canonical_chain_head(chaindb.db, self.head, GENESIS_PARENT_HASH)
        self._chain.header = self._chain.create_header_from_parent(self.head)
        return True

    def _next_time(self) -> int:
        if self.next_timestamp is not None:
            return self.next_timestamp
        if self.interval is not None:
            return int(self.head.timestamp) + self.interval
        return max(int(self.head.timestamp) + 1, int(self._clock() + self._offset_seconds))

    def next_nonce(self, sender: bytes) -> int:
        """The sender's next nonce, after what waits in the pool."""
        waiting = [nonce + 1 for who, nonce in self.pool if who == sender]
        return max(int(self.state_at("latest").get_nonce(sender)), *waiting, 0)

    def _executable(self) -> list[Any]:
        state, base_fee = self.state_at("latest"), self._chain.header.base_fee_per_gas
        nonces: dict[bytes, int] = {}
        chosen, room = [], self.head.gas_limit
        for (sender, nonce), transaction in self._in_turn():
            due = nonces.get(sender, state.get_nonce(sender))
            if nonce != due or transaction.max_fee_per_gas < base_fee or transaction.gas > room:
                continue
            nonces[sender] = nonce + 1
            room -= transaction.gas
            chosen.append(transaction)
        return chosen

    def _in_turn(self) -> Iterator[tuple[tuple[bytes, int], Any]]:
        """The pool as it arrived; where one sender's nonces did so out of order, they go in order."""
        turns: dict[bytes, list[int]] = {}
        for sender, nonce in sorted(self.pool, reverse=True):
            turns.setdefault(sender, []).append(nonce)
        for sender, _ in self.pool:
            key = sender, turns[sender].pop()
            yield key, self.pool[key]


def _genesis(genesis_at: int, gas_limit: int) -> tuple[Any, dict[bytes, Any]]:
    try:
        from eth_keys.datatypes import PrivateKey
        from eth_tester.backends.pyevm.main import (
            generate_genesis_state_for_keys,
            get_default_genesis_params,
            setup_tester_chain,
        )
    except ImportError as error:
        raise ConfigError(
            f"the py-evm engine is not installed ({error}): run `pip install 'trimtab[py-evm]'`, "
            "or use `--engine anvil`",
            key="engine",
        ) from error
    private = [PrivateKey(account.key) for account in ACCOUNTS.values()]
    parameters = get_default_genesis_params({"gas_limit": gas_limit, "timestamp": genesis_at})
    state = generate_genesis_state_for_keys(private)
    # From the first block on, as anvil has it.
    state[bytes.fromhex(PROXY[2:])] = {"balance": 0, "nonce": 1, "code": PROXY_CODE, "storage": {}}
    _, chain = setup_tester_chain(parameters, state)
    chain.chain_id = CHAIN_ID
    return chain, {key.public_key.to_canonical_address(): key for key in private}


def _run(state: Any, message: Message) -> Any:
    from eth._utils.address import generate_contract_address
    from eth.vm.message import Message as EvmMessage
    from eth.vm.transaction_context import BaseTransactionContext

    sender: Any = message.sender
    context = BaseTransactionContext(gas_price=0, origin=sender)
    common: dict[str, Any] = {
        "gas": message.gas or _CALL_GAS,
        "to": message.to or b"",
        "sender": sender,
        "value": message.value,
    }
    if message.to is None:
        created = generate_contract_address(sender, state.get_nonce(sender))
        creation = EvmMessage(**common, data=b"", code=message.data, create_address=created)
        return state.computation_class.apply_create_message(state, creation, context)
    call = EvmMessage(**common, data=message.data, code=state.get_code(message.to))
    return state.computation_class.apply_message(state, call, context)


def _apply(state: Any, address: bytes, override: Override) -> None:
    if override.balance is not None:
        state.set_balance(address, override.balance)
    if override.nonce is not None:
        state.set_nonce(address, override.nonce)
    if override.code is not None:
        state.set_code(address, override.code)
    for slot, word in override.slots.items():
        state.set_storage(address, slot, word)
