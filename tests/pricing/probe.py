"""A contract of a few instructions that swaps on a Uniswap v3 pool without paying, to see what the pool does.

It hands its calldata, behind the pool's address, to the pool. In the pool's callback it reverts with the two
amounts, slot0's price and tick, and the liquidity: the state that the swap would leave. To be used as the
code of any address in an eth_call.
"""

from __future__ import annotations

_OPCODES = {
    "SUB": 0x03, "EQ": 0x14, "SHL": 0x1B, "SHR": 0x1C, "CALLER": 0x33, "CALLDATALOAD": 0x35,
    "CALLDATASIZE": 0x36, "CALLDATACOPY": 0x37, "RETURNDATASIZE": 0x3D, "RETURNDATACOPY": 0x3E, "POP": 0x50,
    "MSTORE": 0x52, "JUMPI": 0x57, "GAS": 0x5A, "JUMPDEST": 0x5B, "DUP1": 0x80, "DUP3": 0x82, "CALL": 0xF1,
    "RETURN": 0xF3, "STATICCALL": 0xFA, "REVERT": 0xFD,
}  # fmt: skip

_SOURCE = """
    0x00 CALLDATALOAD 0xe0 SHR 0xfa461e33 EQ @callback JUMPI
    0x20 CALLDATASIZE SUB DUP1 0x20 0x00 CALLDATACOPY
    0x00 0x00 DUP3 0x00 0x00 0x00 CALLDATALOAD GAS CALL POP
    RETURNDATASIZE 0x00 0x00 RETURNDATACOPY RETURNDATASIZE 0x00 RETURN
    callback: JUMPDEST
    0x40 0x04 0x00 CALLDATACOPY
    0x3850c7bd 0xe0 SHL 0x0100 MSTORE 0x40 0x40 0x04 0x0100 CALLER GAS STATICCALL POP
    0x1a686502 0xe0 SHL 0x0100 MSTORE 0x20 0x80 0x04 0x0100 CALLER GAS STATICCALL POP
    0xa0 0x00 REVERT
"""


def _assemble(source: str) -> bytes:
    code, label_at, uses = bytearray(), {}, {}
    for word in source.split():
        if word.endswith(":"):
            label_at[word[:-1]] = len(code)
        elif word.startswith("@"):
            uses[len(code) + 1] = word[1:]
            code += bytes([0x60, 0])
        elif word.startswith("0x"):
            value = bytes.fromhex(word[2:])
            code += bytes([0x5F + len(value)]) + value
        else:
            code.append(_OPCODES[word])
    for place, label in uses.items():
        code[place] = label_at[label]
    return bytes(code)


PROBE = _assemble(_SOURCE)
