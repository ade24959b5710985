"""A trial on an old state: on a node of its own, with the balances of that time."""

from __future__ import annotations

from tests.world.relay.conftest import Site, make_tx


async def test_trial_on_an_old_state(site: Site) -> None:
    """What is used up at the head can be tried on the block before it; the chain stays as it is."""
    tx = make_tx(0, 0, value=9_000 * 10**18)
    await site.send_private(tx)
    built = await site.relay.build()
    late = await site.relay.builder.simulate([tx])
    assert late.results[0].error == "nonce too low"
    early = await site.relay.builder.simulate([tx], block=built.number - 1)
    assert (early.results[0].error, early.gas_used, early.state_block) == ("", 21_000, built.number - 1)
    twice = await site.relay.builder.simulate([make_tx(0, 1, value=9_000 * 10**18)], block=built.number)
    assert "Insufficient funds" in twice.results[0].error
    assert await site.head() == built.number


async def test_trial_at_another_time(site: Site) -> None:
    """The time may be chosen; a trial in the future leaves the clock alone."""
    coming = await site.relay.builder.forge.next()
    await site.relay.builder.simulate([make_tx(0, 0)], at=coming.at + 5_000)
    assert (await site.relay.build()).at < coming.at + 5_000
