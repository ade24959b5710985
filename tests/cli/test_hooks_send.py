"""How an owner's calls are sent: exactly these, within the settings' caps, and refusals in words."""

from __future__ import annotations

import pytest
from tests.cli.conftest import Cli

from trimtab.chain.call import Call
from trimtab.cli.hooks_send import Step, owners_options, send_steps
from trimtab.cli.wiring import open_sender, open_session
from trimtab.config import Config, load_config
from trimtab.errors import LimitError, SimulationRevertedError
from trimtab.hooks.deployment import address_of, encode_deploy, executor_contract, guard_contract
from trimtab.hooks.guard import encode_revive
from trimtab.model.ids import Address
from trimtab.tx import TxIntent

pytestmark = pytest.mark.node

SHOP = Address("0x" + "12" * 20)


def settings_of(cli: Cli, lines: str = "") -> Config:
    cli.limit(lines)
    return load_config(cli.config, {"TRIMTAB_PRIVATE_KEY": cli.account.key.hex()})


async def test_the_key_may_do_these_calls_and_nothing_else(cli: Cli) -> None:
    """Within tx.budget_eth, and in no window of [limits], which are of the agent: what those allow is refused
    meanwhile, and so is the same contract with another function."""
    cli.config.write_text(cli.config.read_text().replace("[tx]\n", "[tx]\nbudget_eth = 0.25\n"))
    config = settings_of(cli, "max_fees_per_day_eth = 0.000000001\n")
    step = Step("deploy executor", encode_deploy(executor_contract()))
    async with open_session(config) as session:
        options = owners_options(session, [step])
        assert options.limits.max_cost_wei == 25 * 10**16
        assert options.limits.max_fees_per_day_wei is None
        assert options.limits.max_value_wei == 0
        async with open_sender(session, options=options) as (sender, _):
            other = Call(step.call.target, b"\x00" * 64)
            for call in (
                Call(SHOP, b"", 1),
                other,
                Call(cli.world.perp.contracts["Vault"], b"\x01\x02\x03\x04"),
            ):
                with pytest.raises(LimitError):
                    await sender.submit(TxIntent("more", call))


async def test_steps_are_mined_in_order(cli: Cli) -> None:
    """One receipt for each; the second is sent after the first is mined."""
    config = settings_of(cli)
    people = (cli.account.address, SHOP, Address("0x" + "13" * 20))
    steps = [
        Step("deploy executor", encode_deploy(executor_contract())),
        Step("deploy guard", encode_deploy(guard_contract(*people))),
    ]
    async with open_session(config) as session:
        first, second = await send_steps(session, steps)
    assert first.status
    assert second.status
    assert (first.block, first.index) < (second.block, second.index)


async def test_what_a_contract_would_refuse_is_told_in_words_and_not_sent(cli: Cli) -> None:
    """The guard of somebody else: the simulation's revert is read as the contract means it."""
    config = settings_of(cli)
    guard = guard_contract(Address("0x" + "99" * 20), SHOP, cli.account.address)
    await cli.world.transact("bob", encode_deploy(guard), gas=8_000_000)
    async with open_session(config) as session:
        before = await cli.nonce()
        with pytest.raises(SimulationRevertedError) as caught:
            await send_steps(session, [Step("let the agent go on", encode_revive(address_of(guard)))])
    assert str(caught.value) == (
        f"let the agent go on would fail, so it was not sent: {cli.account.address} is not the owner"
    )
    assert await cli.nonce() == before
