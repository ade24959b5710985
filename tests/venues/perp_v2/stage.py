"""A node with the genuine Perp v2, driven through the adapter: what the node tests and the machine share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from tests.venues.games import mine

from trimtab.chain.abi import Abi
from trimtab.chain.call import Call
from trimtab.chain.receipt import Receipt
from trimtab.model.ids import Address
from trimtab.model.order import Fill, PerpIntent, PerpQuote
from trimtab.model.units import to_base_exact
from trimtab.venues.base import ChainPlan
from trimtab.venues.perp_v2 import PerpV2
from trimtab.world.world import World

GAS = 12_000_000


def _function(name: str, *inputs: str) -> dict[str, object]:
    arguments = [{"name": f"a{i}", "type": kind} for i, kind in enumerate(inputs)]
    return {"type": "function", "name": name, "inputs": arguments, "outputs": []}


# What owners, oracles and test tokens do; the adapter itself needs none of it.
BACKSTAGE = Abi.parse(
    [
        _function("mint", "address", "uint256"),
        _function("deposit"),
        _function("updateAnswer", "int256"),
        _function("update"),
        _function("pause"),
        _function("unpause"),
        _function("close", "uint256"),
        _function("setTwapInterval", "uint32"),
        _function("setMarkPriceMarketTwapInterval", "uint32"),
        _function("setFeeManager", "address", "bool"),
        _function("setFeeDiscountRatio", "address", "uint24"),
        _function("setFeeRatio", "address", "uint24"),
        _function("setMaxTickCrossedWithinBlock", "address", "uint24"),
        {**_function("owner"), "outputs": [{"name": "", "type": "address"}]},
    ],
    name="backstage",
)


class Stage:
    """Sends from impersonated accounts, each transaction a block of its own."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.client = world.client
        self.control = world.control
        self.deployment = world.perp
        self.venue = PerpV2(world.client, world.perp)
        self.receipts: list[Receipt] = []

    async def prepare(self, accounts: Sequence[Address], *, usdc: int = 50_000, weth: int = 20) -> None:
        """Accounts with ether and tokens, whose transactions pass without a key."""
        for account in accounts:
            await self.control.impersonate(account)
            await self.control.set_balance(account, 10**24)
            await self.mint(account, usdc)
            wrap = Call(self.token("WETH"), BACKSTAGE.function("deposit").encode(), weth * 10**18)
            await self.mine(account, wrap)

    def token(self, currency: str) -> Address:
        return self.deployment.collateral[currency].token

    async def mint(self, account: Address, usdc: int) -> None:
        call = BACKSTAGE.function("mint").at(self.token("USDC"), account, usdc * 10**6)
        await self.mine(account, call)

    async def mine(self, sender: Address, call: Call) -> Receipt:
        """A block with this one call; a revert comes as a typed error."""
        receipt = await mine(self.client, sender, call, gas=GAS, explain=self.venue.explain_revert)
        self.receipts.append(receipt)
        return receipt

    async def send(self, sender: Address, plan: ChainPlan) -> Receipt:
        """Every call of a plan; the last receipt."""
        receipts = [await self.mine(sender, call) for call in plan.calls]
        return receipts[-1]

    async def deposit(self, account: Address, currency: str, amount: Decimal) -> Receipt:
        return await self.send(account, await self.venue.encode_deposit(account, currency, amount))

    async def trade(self, account: Address, intent: PerpIntent) -> tuple[PerpQuote, Fill]:
        """Quote, then trade: the quote is of the block that the trade is mined in."""
        quote = await self.venue.read_quote(account, intent)
        receipt = await self.send(account, self.venue.encode_order(account, intent, quote))
        assert receipt.block == quote.block
        (fill,) = self.venue.decode_fills(receipt, account)
        return quote, fill

    async def warp(self, seconds: int) -> None:
        await self.world.warp(seconds)

    async def post_oracle(self, market: str, price: Decimal) -> None:
        """A Chainlink answer, recorded by the venue's feed at once: its averages take an answer that nobody
        recorded for the price of all the time since the one before."""
        at = self.deployment.markets[market]
        answer = to_base_exact(price.quantize(Decimal("1e-8")), 8)
        oracle = self.world.addresses.oracles[at.underlying]
        assert at.chainlink_feed is not None
        await self.world.transact("deployer", BACKSTAGE.function("updateAnswer").at(oracle, answer))
        await self.world.transact("deployer", BACKSTAGE.function("update").at(at.chainlink_feed))

    async def owner_of(self, contract: Address) -> Address:
        owner: Address = await self.client.call(BACKSTAGE.function("owner").read(contract))
        return owner

    async def as_owner(self, contract: Address, function: str, *args: object) -> Receipt:
        """What the protocol's owner does."""
        owner = await self.owner_of(contract)
        await self.control.impersonate(owner)
        await self.control.set_balance(owner, 10**24)
        return await self.mine(owner, BACKSTAGE.function(function).at(contract, *args))

    def without_chainlink_feeds(self) -> PerpV2:
        """The venue by a deployment that names only the dispatchers."""
        markets = {n: replace(m, chainlink_feed=None) for n, m in self.deployment.markets.items()}
        return PerpV2(self.client, replace(self.deployment, markets=markets))
