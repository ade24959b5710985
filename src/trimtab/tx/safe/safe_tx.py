"""A Safe's transaction and the hash that its owners sign (EIP-712), for Safe 1.3.0 and 1.4.1. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NewType

from trimtab.chain.abi import Abi
from trimtab.chain.address import address_bytes
from trimtab.chain.call import Call, Read
from trimtab.chain.hashing import keccak256
from trimtab.model.ids import Address

SafeTxHash = NewType("SafeTxHash", str)
"""What names a proposal everywhere: 0x and 64 digits."""
VERSIONS = ("1.3.0", "1.4.1")
NOBODY = Address("0x" + "00" * 20)
_FIELDS = (
    ("to", "address"),
    ("value", "uint256"),
    ("data", "bytes"),
    ("operation", "uint8"),
    ("safeTxGas", "uint256"),
    ("baseGas", "uint256"),
    ("gasPrice", "uint256"),
    ("gasToken", "address"),
    ("refundReceiver", "address"),
    ("nonce", "uint256"),
)
_TYPE_HASH = keccak256(("SafeTx(" + ",".join(f"{kind} {name}" for name, kind in _FIELDS) + ")").encode())
_DOMAIN_TYPE_HASH = keccak256(b"EIP712Domain(uint256 chainId,address verifyingContract)")


class Operation(IntEnum):
    """How the Safe runs it: a call of its own, or foreign code in its own place."""

    CALL = 0
    DELEGATE_CALL = 1


@dataclass(frozen=True, slots=True)
class SafeTx:
    """What the owners agree on. The Safe pays no refund: who executes it pays the gas.

    `safe_tx_gas` 0 lets the execution revert as a whole when the call fails, so that the nonce stays free;
    above 0 a failed call uses the nonce up.
    """

    to: Address
    value: int
    data: bytes
    nonce: int
    operation: Operation = Operation.CALL
    safe_tx_gas: int = 0

    @property
    def arguments(self) -> tuple[Any, ...]:
        """In the contract's order, up to the refund's receiver."""
        return (self.to, self.value, self.data, int(self.operation), self.safe_tx_gas, 0, 0, NOBODY, NOBODY)

    def hash(self, chain_id: int, safe: Address) -> SafeTxHash:
        """What `getTransactionHash` of the Safe at that address answers."""
        words = [_TYPE_HASH, _word(self.to), _word(self.value), keccak256(self.data)]
        words += [_word(int(self.operation)), _word(self.safe_tx_gas), _word(0), _word(0)]
        words += [_word(NOBODY), _word(NOBODY), _word(self.nonce)]
        domain = keccak256(_DOMAIN_TYPE_HASH + _word(chain_id) + _word(safe))
        return SafeTxHash("0x" + keccak256(b"\x19\x01" + domain + keccak256(b"".join(words))).hex())

    def typed_data(self, chain_id: int, safe: Address) -> dict[str, Any]:
        """The same as a message for `Signer.sign_typed_data`."""
        named = dict(zip((name for name, _ in _FIELDS), (*self.arguments, self.nonce), strict=True))
        domain = (("chainId", "uint256"), ("verifyingContract", "address"))
        types = {"EIP712Domain": domain, "SafeTx": _FIELDS}
        return {
            "types": {kind: [{"name": n, "type": t} for n, t in parts] for kind, parts in types.items()},
            "primaryType": "SafeTx",
            "domain": {"chainId": chain_id, "verifyingContract": safe},
            "message": named | {"data": "0x" + self.data.hex()},
        }

    def read_hash(self, safe: Address) -> Read[bytes]:
        """Ask the Safe itself."""
        return safe_abi().function("getTransactionHash").read(safe, *self.arguments, self.nonce)

    def execution(self, safe: Address, signatures: bytes) -> Call:
        """The call that executes it, with the owners' signatures in the order of their addresses."""
        return safe_abi().function("execTransaction").at(safe, *self.arguments, signatures)


def safe_abi() -> Abi:
    """The functions of a Safe, alike in both versions."""
    return Abi.load("safe/Safe")


def plan_calls(calls: Sequence[Call], multi_send: Address) -> tuple[Address, int, bytes, Operation]:
    """Target, value, data and operation of one call as it is, or of several at once: all happen or none."""
    if len(calls) == 1:
        return calls[0].target, calls[0].value, calls[0].data, Operation.CALL
    packed = b"".join(map(_pack, calls))
    call = Abi.load("safe/MultiSendCallOnly").function("multiSend").at(multi_send, packed)
    return multi_send, 0, call.data, Operation.DELEGATE_CALL


def _pack(call: Call) -> bytes:
    """One byte of operation (a call), the target, value and length in words, the data."""
    return b"\x00" + address_bytes(call.target) + _word(call.value) + _word(len(call.data)) + call.data


def _word(value: int | Address) -> bytes:
    return value.to_bytes(32, "big") if isinstance(value, int) else bytes(12) + address_bytes(value)
