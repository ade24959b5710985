"""Genuine Safes on a local chain: made by their own factory, executed with their owners' signatures."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from trimtab.chain.client import Client
from trimtab.chain.receipt import Receipt
from trimtab.model.ids import Address
from trimtab.tx.safe.safe_tx import NOBODY, SafeTx
from trimtab.tx.signers.base import Signer
from trimtab.world.artifacts import Artifacts
from trimtab.world.operator import Operator

_NAMES = {"1.3.0": ("GnosisSafe", "GnosisSafeProxyFactory"), "1.4.1": ("Safe", "SafeProxyFactory")}
_EXECUTION_GAS = 2_000_000


@dataclass(frozen=True, slots=True)
class LocalSafe:
    """A Safe of some owners, and the MultiSendCallOnly beside it."""

    address: Address
    multi_send: Address
    version: str


async def deploy_safe(
    client: Client,
    deployer: Address,
    owners: Sequence[Address],
    threshold: int,
    *,
    version: str = "1.4.1",
    artifacts: Artifacts | None = None,
) -> LocalSafe:
    """A new Safe, made by an account whose key the node holds. Raises `ConfigError` without the artifacts."""
    found = await asyncio.to_thread(Artifacts.find) if artifacts is None else artifacts
    operator = Operator(client)
    singleton_name, factory_name = _NAMES[version]
    async with operator.block(deployer) as plan:
        singleton = plan.deploy(deployer, found[singleton_name])
        factory = plan.deploy(deployer, found[factory_name])
        multi_send = plan.deploy(deployer, found["MultiSendCallOnly"])
    setup = singleton.call("setup", list(owners), threshold, NOBODY, b"", NOBODY, NOBODY, 0, NOBODY).data
    arguments = (singleton.address, setup, 0)
    address = await client.call(factory.read("createProxyWithNonce", *arguments), sender=deployer)
    await operator.transact(deployer, factory.call("createProxyWithNonce", *arguments))
    return LocalSafe(Address(address), multi_send.address, version)


async def execute_safe_tx(
    client: Client,
    sender: Address,
    safe: Address,
    tx: SafeTx,
    owners: Sequence[Signer],
    *,
    gas: int = _EXECUTION_GAS,
) -> Receipt:
    """What an owner's wallet does once enough have signed. Raises `RevertedError` as the Safe says."""
    typed = tx.typed_data(client.chain_id, safe)
    ordered = sorted(owners, key=lambda owner: owner.address)
    signatures = b"".join([await owner.sign_typed_data(typed) for owner in ordered])
    return await Operator(client).transact(sender, tx.execution(safe, signatures), gas=gas)
