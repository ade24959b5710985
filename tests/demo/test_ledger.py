"""The books of a run on the genuine contracts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from typing import Any

import pytest

from trimtab.demo.accounts import Token, read_accounts
from trimtab.demo.audit import audit, read_receipts
from trimtab.demo.ledger import Ledger
from trimtab.demo.opening import BookOptions, open_book
from trimtab.hedging.book import Book, OptionLeg, PerpLeg
from trimtab.model.order import PerpIntent, Side
from trimtab.world.world import World

D = Decimal
OpenDesk = Callable[..., AbstractAsyncContextManager[Any]]


@pytest.mark.node
async def test_opening_a_trade_and_a_move_are_explained_to_the_dust(
    open_desk: OpenDesk, world: World
) -> None:
    """After the opening, a perp trade and half a day of funding, the parts are what the contracts' accounts
    changed by; each account moved by what was done to it; and the audit counts every transaction."""
    tokens = world.addresses.tokens
    wallet = (Token("sUSD", tokens["sUSD"], 18), Token("USDC", tokens["USDC"], 6))
    async with open_desk() as desk:
        option = OptionLeg(desk.lyra, "sETH", desk.account, "ETH")
        perp = PerpLeg(desk.perp, "vETH", desk.account, "ETH")
        book = Book((option,), (perp,))

        async def read() -> Any:
            return await read_accounts(world.client, book, "ETH", wallet)

        ledger = Ledger((await desk.lyra.read_chain("sETH")).rate)
        first, nonce = await read(), await desk.nonce()
        ledger.open(first)
        small = BookOptions(calls=D(4), puts=D(2), margin=D(30_000))
        opening = await open_book(desk.executor, option, perp, small, settlement="USDC")
        fills = [fill for report in opening.reports for fill in report.fills]
        opened = ledger.post(await read(), fills, opening.gas_wei)
        assert opened.profit.trading_fees == -opening.option_fees < 0
        assert opened.values.margin.equity == D(30_000)
        assert opened.values.wallet["USDC"] == first.wallet["USDC"] - 30_000
        assert sorted(p.signed_amount for p in opened.values.exposure.options) == [D(-4), D(-2)]

        before = await world.client.block_number()
        buy = PerpIntent("vETH", Side.BUY, size=D(3))
        report = await desk.executor.execute_perp(desk.perp, desk.account, buy, key="hedge")
        receipts = await read_receipts(
            world.client, desk.account, before + 1, await world.client.block_number()
        )
        assert [r.tx_hash for r in receipts] == [report.transactions[0].tx_hash]
        ledger.post(await read(), report.fills, sum(r.fee_wei for r in receipts))

        await world.set_price("ETH", D(1_950), at=opened.values.at + 43_200)
        moved = ledger.post(await read(), (), 0)
        profit = moved.profit
        assert abs(profit.unexplained) < D("1e-5")
        assert profit.change == sum(moved.accounts.values()) - sum(ledger.postings[0].accounts.values())
        assert profit.funding != 0
        assert profit.perp_price < 0 < profit.theta
        assert profit.gas < 0

        audited = await audit(
            world.client, perp, desk.records(), (), first_block=first.block + 1, first_nonce=nonce
        )
        assert (audited.orphans, len(audited.transactions)) == (0, len(desk.records()))
        assert audited.duplicate_hedges == 1  # the trade above was for no occasion of the hedger's
