"""Where our contracts are: the same addresses on every chain, by CREATE2, and whether what is there is ours.

The deterministic deployment proxy (github.com/Arachnid/deterministic-deployment-proxy) takes a salt of 32
bytes and the creation code. An address depends on the salt, our code and the constructor's arguments, and on
nothing else: neither on who deploys, nor on when.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from trimtab.chain.address import create2_address
from trimtab.chain.call import Call
from trimtab.chain.client import BlockRef, Client
from trimtab.errors import CallRevertedError, ConfigError, IntentError, RpcError
from trimtab.hooks.artifacts import load_artifact
from trimtab.model.ids import ZERO_ADDRESS, Address

PROXY: Final = Address("0x4e59b44847b379578588920ca78fbf26c0b4956c")
PROXY_CODE: Final = bytes.fromhex(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0"
    "3601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
)
PROXY_SIGNER: Final = Address("0x3fab184622dc19b6109349b94811493bf2a45362")
PROXY_COST_WEI: Final = 10**16
"""What its signer must hold: 100,000 gas at 100 gwei."""
PROXY_TRANSACTION: Final = bytes.fromhex(
    "f8a58085174876e800830186a08080b853604580600e600039806000f350fe"
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0"
    "3601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
    "1ba02222222222222222222222222222222222222222222222222222222222222222"
    "a02222222222222222222222222222222222222222222222222222222222222222"
)
"""Puts the proxy on a chain that takes transactions without a chain id. Nobody knows its signer's key."""
DEFAULT_SALT: Final = b"trimtab".ljust(32, b"\0")


@dataclass(frozen=True, slots=True)
class HookContract:
    """One contract of a deployment. `label` is what settings call it; `targets`: of a probe, the contracts
    whose calls it measures."""

    label: str
    name: str
    arguments: tuple[Any, ...] = ()
    targets: tuple[Address, ...] = ()

    @property
    def init_code(self) -> bytes:
        return load_artifact(self.name).init_code(*self.arguments)


class Presence(StrEnum):
    """What stands at an address: nothing, our code with the right immutables, or something else."""

    MISSING = "missing"
    OURS = "ours"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Standing:
    """How one contract stands. `immutables`: their words on chain, in the order of the code. `problem`: what
    is wrong with it, and what to do."""

    contract: HookContract
    address: Address
    presence: Presence
    immutables: tuple[bytes, ...] = ()
    problem: str = ""


def executor_contract(owner: Address = ZERO_ADDRESS) -> HookContract:
    """The one that EOAs and Safes share, or the stand-alone one of an owner."""
    return HookContract("executor", "Executor", (owner,))


def guard_contract(owner: Address, agent: Address, guardian: Address) -> HookContract:
    """An account of `owner`'s. Raises `IntentError` where the three do not keep each other in check."""
    if owner == ZERO_ADDRESS:
        raise IntentError("a guard needs an owner, got the zero address", field="owner", value=owner)
    if agent == owner:
        raise IntentError(
            f"agent and owner are both {owner}: a leaked agent's key would be the owner's, name another",
            field="agent",
            value=agent,
        )
    if agent == guardian and agent != ZERO_ADDRESS:
        raise IntentError(
            f"agent and guardian are both {agent}: it could not stop itself when its key leaks, name another",
            field="guardian",
            value=guardian,
        )
    return HookContract("guard", "Guard", (owner, agent, guardian))


def address_of(contract: HookContract, salt: bytes = DEFAULT_SALT) -> Address:
    """Where it is or will be, on every chain."""
    return create2_address(PROXY, salt, contract.init_code)


def encode_deploy(contract: HookContract, salt: bytes = DEFAULT_SALT) -> Call:
    """Deploy it; reverts where it is already."""
    if len(salt) != 32:
        raise IntentError(f"the salt must be 32 bytes, got {len(salt)}", field="salt", value=salt)
    return Call(PROXY, salt + contract.init_code)


async def check_proxy(client: Client) -> None:
    """Raise `ConfigError` where the deployment proxy is not on the chain, with the way to get it there."""
    code = await client.code(PROXY)
    if code == PROXY_CODE:
        return
    if code:
        raise ConfigError(f"other code than the deployment proxy's is at {PROXY}: this chain cannot be used")
    raise ConfigError(
        f"the deployment proxy {PROXY} is not on chain {client.chain_id}: send {PROXY_COST_WEI} wei to its "
        f"signer {PROXY_SIGNER}, then broadcast its transaction, which anybody may: "
        f"0x{PROXY_TRANSACTION.hex()}. A chain that refuses it, because it names no chain id, has to bring "
        "the proxy itself"
    )


async def read_standings(
    client: Client,
    contracts: Sequence[HookContract],
    salt: bytes = DEFAULT_SALT,
    at: Mapping[str, Address] | None = None,
    block: BlockRef = "latest",
) -> list[Standing]:
    """How each contract stands at its address, or at the one that `at` gives by its label. The code is
    compared byte for byte with what its constructor returns on this chain."""
    places = [(at or {}).get(contract.label) or address_of(contract, salt) for contract in contracts]
    tag = hex(block) if isinstance(block, int) else block
    codes = await client.batch([("eth_getCode", [place, tag]) for place in places])
    found = []
    for contract, place, code in zip(contracts, places, codes, strict=True):
        if isinstance(code, Exception):
            raise code
        found.append(await _compare(client, contract, place, bytes.fromhex(code[2:]), block))
    return found


async def _compare(
    client: Client, contract: HookContract, place: Address, code: bytes, block: BlockRef
) -> Standing:
    if not code:
        return Standing(contract, place, Presence.MISSING)
    artifact = load_artifact(contract.name)
    words = artifact.read_immutables(code)
    if words is None:
        return Standing(contract, place, Presence.FOREIGN, problem=f"its code is not our {contract.name}'s")
    if not words:
        return Standing(contract, place, Presence.OURS)
    try:
        wanted = artifact.read_immutables(await _construct(client, contract, block))
    except (CallRevertedError, RpcError) as error:
        problem = f"its constructor refuses these arguments now, so its immutables were not compared: {error}"
        return Standing(contract, place, Presence.FOREIGN, words, problem)
    assert wanted is not None  # our own creation code returned it
    if problem := _difference(words, wanted, place):
        return Standing(contract, place, Presence.FOREIGN, words, problem)
    return Standing(contract, place, Presence.OURS, words)


async def _construct(client: Client, contract: HookContract, block: BlockRef) -> bytes:
    """The code that the constructor returns, by a call that creates nothing. What holds its own address holds
    another one there."""
    tag = hex(block) if isinstance(block, int) else block
    data = await client.request("eth_call", [{"data": f"0x{contract.init_code.hex()}"}, tag])
    return bytes.fromhex(data[2:])


def _difference(words: Sequence[bytes], wanted: Sequence[bytes], place: Address) -> str:
    """What differs, in words; nothing when nothing does. Where the trial held its own address, the contract
    holds its own."""
    differing = [(word, want) for word, want in zip(words, wanted, strict=True) if word != want]
    own = bytes(12) + bytes.fromhex(place[2:])
    if len({want for _, want in differing}) == 1 and all(word == own for word, _ in differing):
        return ""
    parts = [f"0x{word.hex()} where 0x{want.hex()} should be" for word, want in differing]
    return f"its code is ours, with other immutables: {'; '.join(parts)}" if parts else ""
