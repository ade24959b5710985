"""The demo through the trader's own code: our contracts on its world, the book opened in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from trimtab.chain.client import Client
from trimtab.demo.opening import BookOptions, Opening, check_filled, choose_options
from trimtab.errors import HaltError
from trimtab.execution.checks import QuoteRules
from trimtab.execution.doors import OwnCode
from trimtab.execution.executor import Executor
from trimtab.execution.terms import DeltaBand, Terms
from trimtab.execution.together import Leg
from trimtab.hedging.book import Book
from trimtab.hedging.conditions import watch_book
from trimtab.hedging.exposure import read_exposure
from trimtab.hooks.deployment import HookContract, address_of, check_proxy, encode_deploy, executor_contract
from trimtab.model.ids import Address, TxHash
from trimtab.model.order import PerpIntent, Side, TxRecord
from trimtab.tx.unwrapping import unwrap
from trimtab.venues.registry import VENUES
from trimtab.world.world import World

DEPLOY_GAS = 8_000_000
LOT = Decimal("0.0001")
RULES = QuoteRules(max_cost_slippage=Decimal("0.2"))
"""Both sales are quoted before either: the first moves the volatility that the second gets, by an eighth of
its premium here. Sent one by one the second would be quoted at the lower price, and get it."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one way of doing something took."""

    transactions: int
    gas: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Our way and the plain way, for opening the book and for all hedges after it. `code`: what taking the
    executor's code on took, once and for all."""

    opening: Cost
    plain_opening: Cost
    hedges: Cost
    plain_hedges: Cost
    code: Cost


async def put_door(world: World) -> OwnCode:
    """The executor and the probes of both venues, by CREATE2. Raises `ConfigError` on a chain without the
    deployment proxy."""
    await check_proxy(world.client)
    venues = {"perp_v2": world.perp, "lyra": world.lyra}
    probes = [probe for name, found in venues.items() for probe in VENUES[name].list_probes(found)]
    placed = {probe.label: await _put(world, probe) for probe in probes}
    return OwnCode(await _put(world, executor_contract()), placed)


async def _put(world: World, contract: HookContract) -> Address:
    place = address_of(contract)
    if not await world.client.code(place):
        deployer = world.accounts["deployer"].address
        await world.operator.transact(deployer, encode_deploy(contract), gas=DEPLOY_GAS)
    return place


async def open_together(
    executor: Executor, book: Book, options: BookOptions, *, settlement: str, band: Decimal
) -> Opening:
    """Approvals, both sales, margin and the first hedge as one transaction, whose net delta must end inside
    the band. `HaltError` when it fails."""
    option = book.options[0]
    perp = book.hedge_leg(option.underlying)
    intents = await choose_options(option, options)
    quotes = [await option.venue.read_option_quote(option.account, intent) for intent in intents]
    size = -sum((quote.greeks.delta for quote in quotes), Decimal(0)).quantize(LOT)
    approvals = await option.venue.encode_approvals(option.account, option.market)
    deposit = await perp.venue.encode_deposit(perp.account, settlement, options.margin)
    legs = [
        Leg(option.venue, approvals),
        *(Leg(option.venue, intent, RULES) for intent in intents),
        Leg(perp.venue, deposit),
        Leg(perp.venue, PerpIntent(perp.market, Side.BUY if size > 0 else Side.SELL, size=abs(size))),
    ]
    if executor.door is None:
        raise HaltError("there is no door to open the book through: this is a fault in trimtab")
    watched = watch_book(book, option.underlying, executor.door)
    holdings = tuple((one.name, one.account) for one in watched)
    terms = Terms(prices=False, bands=(DeltaBand(option.underlying, -band, band, holdings),))
    report = await executor.execute_together(option.account, legs, key="open", terms=terms)
    check_filled(report.legs)
    return Opening(report.legs)


async def hedge_plainly(executor: Executor, client: Client, book: Book) -> None:
    """What the opening does beside the book, as an order of its own: for the plain way's gas."""
    leg = book.perps[0]
    size = -(await read_exposure(book, client)).of(leg.underlying).delta.quantize(LOT)
    intent = PerpIntent(leg.market, Side.BUY if size > 0 else Side.SELL, size=abs(size))
    check_filled([await executor.execute_perp(leg.venue, leg.account, intent, key="open/hedge")])


async def compare(
    client: Client, records: Sequence[TxRecord], plain_opening: Cost, hedges: Sequence[TxHash]
) -> Comparison:
    """From the journal of the run, and the calls of its hedges run alone on the blocks before them."""
    code = [record for record in records if record.key.startswith("code/")]
    opening = [record for record in records if record.key.startswith("open/")]
    sent = [record for record in records if record.tx_hash in hedges]
    plain = [await _read_plain_gas(client, record) for record in sent]
    return Comparison(
        cost_of(opening), plain_opening, cost_of(sent), Cost(len(plain), sum(plain)), cost_of(code)
    )


def cost_of(records: Sequence[TxRecord]) -> Cost:
    """What these transactions took."""
    return Cost(len(records), sum(record.gas_used or 0 for record in records))


async def _read_plain_gas(client: Client, record: TxRecord) -> int:
    """Gas of the calls inside of a mined plan, each as a transaction of its own, one block earlier."""
    tx = await client.request("eth_getTransactionByHash", [record.tx_hash])
    sender, target = Address(tx["from"].lower()), Address(tx["to"].lower())
    data = bytes.fromhex(tx["input"][2:])
    made = unwrap(sender, target, int(tx["value"], 16), data)
    calls = [
        {"from": sender, "to": one.target, "input": f"0x{one.data.hex()}", "value": hex(one.value)}
        for one in made
        if not one.is_wrapper
    ]
    before = hex(int(tx["blockNumber"], 16) - 1)
    payload = {"blockStateCalls": [{"calls": calls}], "validation": False}
    blocks = await client.request("eth_simulateV1", [payload, before])
    return sum(int(call["gasUsed"], 16) for call in blocks[0]["calls"])
