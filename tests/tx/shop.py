"""An account of a world that signs and does not send, and nodes that do not have what others have."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from tests.tx.threads.wire import Bend, Wire, says

from trimtab.chain.abi import Abi
from trimtab.chain.client import Client
from trimtab.chain.messages import Reply
from trimtab.chain.options import ClientOptions
from trimtab.chain.receipt import Receipt
from trimtab.model.ids import Address
from trimtab.tx.differences import Differences
from trimtab.tx.envelope import DynamicFeeTx, TxFields
from trimtab.tx.rehearsal import Method
from trimtab.tx.signers import LocalSigner
from trimtab.world.world import World

GWEI = 10**9


def function(name: str, inputs: list[tuple[str, str]], *outputs: str) -> dict[str, Any]:
    return {
        "type": "function",
        "name": name,
        "inputs": [{"name": given, "type": kind} for given, kind in inputs],
        "outputs": [{"name": "", "type": kind} for kind in outputs],
    }


BOB = Address("0x" + "b0b0" * 10)
NOBODY = Address("0x" + "00" * 20)
TOKEN = Abi.parse(
    [
        function("transfer", [("to", "address"), ("wad", "uint256")], "bool"),
        function("balanceOf", [("who", "address")], "uint256"),
        function("deposit", []),
        function("withdraw", [("wad", "uint256")]),
    ]
)
TELLING = [Method.SIMULATE_V1, Method.TRACE_CALL]


class Shop:
    """Alice's signed bytes on a world, and what a block makes of them."""

    def __init__(self, world: World) -> None:
        account = world.accounts["alice"]
        self.world, self.client, self.me = world, world.client, account.address
        self.signer = LocalSigner.from_key(account.key)
        tokens = world.perp.collateral
        self.weth, self.usdc = tokens["WETH"].token, tokens["USDC"].token
        self.nonce = 0

    async def open(self) -> Shop:
        self.nonce = await self.client.nonce(self.me)
        return self

    def sign(self, fields: TxFields) -> bytes:
        return self.signer.sign_nowait(fields).raw

    def call(self, to: Address, data: bytes = b"", value: int = 0, *, skip: int = 0, **given: Any) -> bytes:
        """Signed with the next nonce."""
        nonce, self.nonce = self.nonce + skip, self.nonce + skip + 1
        terms = {"tip": 2 * GWEI, "fee_cap": 50 * GWEI, "gas_limit": 200_000} | given
        return self.sign(DynamicFeeTx(self.client.chain_id, nonce, to=to, data=data, value=value, **terms))

    def pay(self, to: Address, units: int, **given: Any) -> bytes:
        """A transfer of USDC."""
        return self.call(self.usdc, TOKEN.function("transfer").encode(to, units), **given)

    async def mine(self, raws: Iterable[bytes]) -> list[Receipt]:
        """All of them in one block, in order."""
        control = self.world.control
        await control.set_automine(False)
        try:
            hashes = [await self.client.request("eth_sendRawTransaction", ["0x" + raw.hex()]) for raw in raws]
            await control.mine()
        finally:
            await control.set_automine(True)
        receipts = [await self.client.receipt(tx_hash) for tx_hash in hashes]
        assert len({receipt.block for receipt in receipts if receipt is not None}) == 1
        return [receipt for receipt in receipts if receipt is not None]

    async def balances(self, differences: Differences) -> dict[Any, int]:
        """What everybody whose balance changes has now, and the fee recipient."""
        found: dict[Any, int] = {who: await self.client.balance(who) for who in (*differences.native, NOBODY)}
        for token, holder in differences.tokens:
            read = TOKEN.function("balanceOf").read(token, holder)
            found[token, holder] = await self.client.call(read)
        return found


@asynccontextmanager
async def through(world: World, *bends: Bend, **options: Any) -> AsyncIterator[tuple[Client, Wire]]:
    """A client of the world's node over a wire that bends what passes."""
    wire = Wire(world.url, *bends)
    async with Client.open(wire, ClientOptions(**options)) as client:
        yield client, wire


def off(*methods: str, code: int = -32601) -> Bend:
    """The node does not have these methods."""

    def bend(method: str, params: list[Any]) -> Reply | None:
        return (
            says(f"the method {method} does not exist/is not available", code) if method in methods else None
        )

    return bend


def before(method: Method) -> tuple[str, ...]:
    return tuple(item for item in Method if list(Method).index(item) < list(Method).index(method))
