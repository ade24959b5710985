"""Write two calls and hedge their delta with a perpetual, on the genuine contracts."""

import asyncio
from decimal import Decimal
from tempfile import TemporaryDirectory

import trimtab as tt


async def main() -> None:
    async with tt.World.open() as world:
        await world.deploy()
        trader, client = world.accounts["trader"], world.client
        lyra, perp = tt.Lyra(client, world.lyra), tt.PerpV2(client, world.perp)
        signer, may = tt.LocalSigner.from_key(trader.key), tt.SenderOptions(limits=tt.Limits.of(lyra, perp))
        with TemporaryDirectory() as folder, tt.Journal.open(f"{folder}/journal.db") as journal:
            async with tt.Sender.open(client, signer, journal, may) as sender:
                me, executor, two = trader.address, tt.Executor(sender, client), Decimal(2)
                await executor.execute_plan(lyra, me, await lyra.encode_approvals(me, "sETH"), key="approve")
                deposit = await perp.encode_deposit(me, "USDC", Decimal(5000))
                await executor.execute_plan(perp, me, deposit, key="deposit")

                calls = (await lyra.read_chain("sETH")).boards[0].strikes[3].series
                kind, action = tt.OptionType.SHORT_CALL_BASE, tt.OptionAction.OPEN
                write = tt.OptionIntent(calls, kind, action, two, set_collateral_to=two)
                sold = await executor.execute_option(lyra, me, write, key="write")

                hedge = tt.PerpIntent("vETH", tt.Side.BUY, size=-sold.quote.greeks.delta)
                bought = await executor.execute_perp(perp, me, hedge, key="hedge")
                print(f"sold 2 calls for {sold.quote.total_cost:.2f}: delta {-hedge.size:+.4f}")
                print(f"hedged at {bought.fills[0].price:.2f}: delta {bought.filled_size:+.4f}")


asyncio.run(main())
