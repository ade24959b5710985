"""A node with the genuine Perp v2, driven through the adapter: what the node tests and the machine share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from trimtab.chain.abi import Abi
from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.chain.receipt import Receipt
from trimtab.errors import CallRevertedError
from trimtab.model.ids import Address
from trimtab.model.order import Fill, PerpIntent, PerpQuote, Side
from trimtab.model.units import to_base_exact
from trimtab.venues.base import ChainPlan
from trimtab.venues.perp_v2 import PerpV2, PerpV2Deployment
from trimtab.world.control import NodeControl

GAS = 12_000_000
STEP = 2  # seconds between blocks
LARGEST_STEP = Decimal("0.06")
LIMITER = 16  # the venue measures its 10 % price limit from a tick at most every 15 s


def _function(name: str, *inputs: str) -> dict[str, object]:
    arguments = [{"name": f"a{i}", "type": kind} for i, kind in enumerate(inputs)]
    return {"type": "function", "name": name, "inputs": arguments, "outputs": []}


# What owners, oracles and test tokens do; the adapter itself needs none of it.
BACKSTAGE = Abi.parse(
    [
        _function("mint", "address", "uint256"),
        _function("deposit"),
        _function("updateAnswer", "int256"),
        _function("pause"),
        _function("unpause"),
        _function("close", "uint256"),
        {**_function("owner"), "outputs": [{"name": "", "type": "address"}]},
    ],
    name="backstage",
)


class Stage:
    """Sends from impersonated accounts, each transaction a block of its own, two seconds apart."""

    def __init__(self, client: Client, deployment: PerpV2Deployment, oracles: Mapping[str, Address]) -> None:
        self.client = client
        self.control = NodeControl(client)
        self.deployment = deployment
        self.oracles = oracles
        self.venue = PerpV2(client, deployment)

    async def prepare(self, accounts: Sequence[Address], *, usdc: int = 50_000, weth: int = 20) -> None:
        """Known block times; accounts with ether, tokens, and the venue's allowances used up by deposits."""
        await self.control.set_block_interval(STEP)
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
        """Send and mine. Tried at the pending block first, so that a revert comes as a typed error."""
        try:
            await self.client.call_raw(call, sender=sender, block="pending", gas=GAS)
        except CallRevertedError as error:
            raise self.venue.explain_revert(error.data) from error
        transaction = {
            "from": sender,
            "to": call.target,
            "data": "0x" + call.data.hex(),
            "value": hex(call.value),
            "gas": hex(GAS),
        }
        sent = await self.client.request("eth_sendTransactionSync", [transaction])
        receipt = await self.client.receipt(sent["transactionHash"])
        assert receipt is not None
        assert receipt.status, "the node accepted the call at the pending block and then reverted it"
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
        await self.control.mine_at((await self.client.block()).at + seconds)

    async def post_oracle(self, underlying: str, price: Decimal) -> None:
        """A Chainlink answer; everybody may post one to the mock."""
        answer = to_base_exact(price.quantize(Decimal("1e-8")), 8)
        sender = next(iter(self.deployment.contracts.values()))
        await self.control.impersonate(sender)
        await self.control.set_balance(sender, 10**24)
        await self.mine(sender, BACKSTAGE.function("updateAnswer").at(self.oracles[underlying], answer))

    async def push_market(self, trader: Address, market: str, target: Decimal) -> None:
        """Oracle first, then the trader brings the pool near `target`, in steps that the limiter allows."""
        await self.post_oracle(self.deployment.markets[market].underlying, target)
        for _ in range(20):
            await self.warp(LIMITER)
            state = await self.venue.read_state(market)
            gap = target / state.spot_price - 1
            if abs(gap) < Decimal("0.002"):
                return
            await self._push(
                trader, market, state.spot_price, max(min(gap, Decimal("0.06")), Decimal("-0.06"))
            )
        raise AssertionError(f"{market} stays {gap:.2%} away from {target}")

    async def _push(self, trader: Address, market: str, spot: Decimal, step: Decimal) -> None:
        """Trades half and half again until the pool has moved by about `step`."""
        side, goal = Side.BUY if step > 0 else Side.SELL, spot * (1 + step)
        notional = Decimal(200_000)
        for _ in range(30):
            state = await self.venue.read_state(market)
            left = (goal / state.spot_price - 1) * side.sign
            if left < Decimal("0.001"):
                return
            intent = PerpIntent(market, side, notional=notional)
            impact = abs((await self.venue.read_quote(trader, intent)).price_impact) * 2
            share = (left / impact).quantize(Decimal("1e-6")) if impact else Decimal(1)
            sized = (notional * min(share, Decimal(50))).quantize(Decimal("1e-6"))
            await self.trade(trader, PerpIntent(market, side, notional=sized))

    async def as_owner(self, contract: Address, function: str, *args: object) -> Receipt:
        """What the protocol's owner does."""
        owner = await self.client.call(BACKSTAGE.function("owner").read(contract))
        await self.control.impersonate(owner)
        await self.control.set_balance(owner, 10**24)
        return await self.mine(owner, BACKSTAGE.function(function).at(contract, *args))
