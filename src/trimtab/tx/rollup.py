"""What an OP stack chain takes beside gas: the L1 data fee, and since Isthmus an operator fee.

Neither stands inside the gas limit nor under the fee cap, so the worst case must count them. The numbers are
read from the chain's own oracle and kept; the formulas are its contract's and the execution client's:
- Bedrock, Ecotone, Fjord: GasPriceOracle.sol 1.3.0 (`getL1Fee`, `getL1FeeUpperBound`), npm package
  @eth-optimism/contracts-bedrock 0.17.3; specs.optimism.io, "L1-cost fees" of each upgrade.
- Isthmus: gas * scalar / 10^6 + constant; Jovian: gas * scalar * 100 + constant (`getOperatorFee`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trimtab.chain.hashing import keccak256
from trimtab.errors import RpcError
from trimtab.model.ids import Address
from trimtab.tx.fees import ceil_div

SIGNATURE_BYTES = 68
"""What the oracle adds to the size of an unsigned transaction."""
L1_RISE = 2
"""The L1 base fee may rise by an eighth with each L1 block: twice the fee lasts for five of them. It also
covers the one transaction in ten thousand that compresses worse than the oracle's bound."""
_BYTE_GAS = 16
_COST_INTERCEPT = -42_585_600
_COST_PER_BYTE = 836_500
_LEAST_SIZE = 100
_MILLION = 10**6
_SCALE = 10**12
"""Fjord divides by 10 ** (decimals * 2): once for the size's own decimals, once for the scalars'."""


@dataclass(frozen=True, slots=True)
class L1Fee:
    """The oracle's numbers at one moment, in wei, and which upgrades its formulas follow. `overhead` and
    `scalar` are Bedrock's; `operator_constant` and `operator_per_million` (gas) are 0 before Isthmus."""

    l1_base_fee: int
    blob_base_fee: int = 0
    base_fee_scalar: int = 0
    blob_base_fee_scalar: int = 0
    overhead: int = 0
    scalar: int = 0
    operator_constant: int = 0
    operator_per_million: int = 0
    is_ecotone: bool = True
    is_fjord: bool = True

    def data_fee(self, unsigned_bytes: int) -> int:
        """An upper bound of the L1 data fee now, rounded up: no byte of the transaction is counted as zero,
        and compression is the oracle's own bound."""
        size = unsigned_bytes + SIGNATURE_BYTES
        if not self.is_ecotone:
            gas = size * _BYTE_GAS + self.overhead
            return ceil_div(gas * self.l1_base_fee * self.scalar, _MILLION)
        scaled = (
            self.base_fee_scalar * _BYTE_GAS * self.l1_base_fee
            + self.blob_base_fee_scalar * self.blob_base_fee
        )
        if not self.is_fjord:
            return ceil_div(size * scaled, _MILLION)
        compressed = size + size // 255 + 16
        estimate = max(_COST_INTERCEPT + _COST_PER_BYTE * compressed, _LEAST_SIZE * _MILLION)
        return ceil_div(estimate * scaled, _SCALE)

    def operator_fee(self, gas: int) -> int:
        """What the operator takes for so much gas, rounded up."""
        return ceil_div(gas * self.operator_per_million, _MILLION) + self.operator_constant

    def worst_fee(self, unsigned_bytes: int, gas_limit: int) -> int:
        """The most that is taken beside gas until the numbers are read again: the operator fee is charged by
        the gas limit before what is left of it is paid back."""
        return L1_RISE * self.data_fee(unsigned_bytes) + self.operator_fee(gas_limit)


NOTHING = L1Fee(l1_base_fee=0)
"""What a chain takes that has the id of a rollup and no oracle: a local node."""
_ALWAYS = ("l1BaseFee()", "blobBaseFee()", "baseFeeScalar()", "blobBaseFeeScalar()")
_BEDROCK = ("isEcotone()", "overhead()", "scalar()")
_OPERATOR = "getOperatorFee(uint256)"


def oracle_requests(oracle: Address, known: L1Fee | None) -> dict[str, tuple[str, list[Any]]]:
    """What to ask the oracle, by the name of each answer. An upgrade that was seen is not asked for again."""
    names = list(_ALWAYS)
    if known is None or not known.is_ecotone:
        names += _BEDROCK
    if known is None or not known.is_fjord:
        names.append("isFjord()")
    calls = {name: _selector(name) for name in names}
    calls["operator(0)"] = _selector(_OPERATOR) + "00" * 32
    calls["operator(10^6)"] = _selector(_OPERATOR) + _MILLION.to_bytes(32, "big").hex()
    return {name: ("eth_call", [{"to": oracle, "data": data}, "latest"]) for name, data in calls.items()}


def read_oracle(answers: Mapping[str, Any], known: L1Fee | None) -> L1Fee | None:
    """The numbers out of the answers; `known` when the oracle did not give its price, or the node failed for
    any of them; `NOTHING` where there is no oracle. A function that an older oracle does not have reverts,
    and counts as 0."""
    if known is None and answers.get("l1BaseFee()") == "0x":
        return NOTHING
    if any(_is_failure(answer) for answer in answers.values()):
        return known
    words = {name: _word(answer) for name, answer in answers.items()}
    if words.get("l1BaseFee()") is None:
        return known
    is_ecotone = bool(words.get("isEcotone()")) if "isEcotone()" in words else True
    is_fjord = bool(words.get("isFjord()")) if "isFjord()" in words else True
    constant = words.get("operator(0)") or 0
    return L1Fee(
        l1_base_fee=words["l1BaseFee()"] or 0,
        blob_base_fee=words.get("blobBaseFee()") or 0,
        base_fee_scalar=words.get("baseFeeScalar()") or 0,
        blob_base_fee_scalar=words.get("blobBaseFeeScalar()") or 0,
        overhead=words.get("overhead()") or 0,
        scalar=words.get("scalar()") or 0,
        operator_constant=constant,
        operator_per_million=max((words.get("operator(10^6)") or 0) - constant, 0),
        is_ecotone=is_ecotone,
        is_fjord=is_fjord,
    )


def _selector(signature: str) -> str:
    return "0x" + keccak256(signature.encode())[:4].hex()


def _is_failure(answer: Any) -> bool:
    """An error that says nothing about the oracle: too many requests, a node that is syncing."""
    if not isinstance(answer, Exception):
        return False
    return not isinstance(answer, RpcError) or (answer.code != 3 and "revert" not in answer.text.lower())


def _word(answer: Any) -> int | None:
    if not isinstance(answer, str) or len(answer) != 66:
        return None
    try:
        return int(answer, 16)
    except ValueError:
        return None
