"""A leaked agent key, and what it can do with it: every way that we could think of, one after the other on
one chain and within one day, with an accomplice who has a million. In the end the chain is asked what was
lost.

In a day the limits let the account lose, to the oracle's prices and beside what the market does to positions
that it holds:

    notional a day x slippage + value a day + fees a day (which the account pays back to the agent)

The oracle is the one of the probe: of an option it is the venue's own volatility, which trades move. What
that lets through beyond the bound is measured too, and what it costs the thief.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ape.exceptions import ContractLogicError
from eth_abi import encode

WAD, USDC, GWEI = 10**18, 10**6, 10**9
HOUR, DAY = 3_600, 86_400
FAR = 2**256 - 1
REPORT = Path(__file__).parents[3] / "out" / "red_team.json"

MOST = {
    "maxValue": WAD // 100,
    "maxValuePerDay": WAD // 20,
    "maxCost": WAD // 20,
    "maxFeesPerHour": WAD // 25,
    "maxFeesPerDay": WAD * 6 // 100,
    "maxNotional": 20_000 * WAD,
    "maxNotionalPerDay": 60_000 * WAD,
    "maxLeverage": 2 * WAD,
    "maxSlippage": WAD * 6 // 1_000,
    "refundsFees": True,
}


@pytest.fixture(autouse=True)
def _function_isolation() -> None:
    """In place of ape's: what an attack did stays done."""
    return


@pytest.fixture(scope="module", autouse=True)
def _end(chain, perp, lyra) -> Iterator[None]:
    """ape isolates nothing at all in a file that replaces its fixture: here all is undone in the end."""
    with chain.isolate():
        yield


@dataclass
class Stage:
    """Who and what is there. `worth` in quote currency by the oracles' prices, from the chain alone."""

    guard: Any
    perp: Any
    lyra: Any
    terms: Any
    ambush: Any
    agent: Any
    attacker: Any
    accomplice: Any
    owner: Any
    guardian: Any
    relayer: Any
    refused: Callable[..., Any]
    run: Callable[..., Any]
    world: Any
    eth_price: int
    results: dict[str, str] = field(default_factory=dict)
    beyond: dict[str, str] = field(default_factory=dict)
    """What an attack took that the bound does not hold."""

    def limits(self, *more: Any, **changes: Any) -> Any:
        """A hedger's: margin and trades at Perp v2, options at Lyra, and a relayer that may get a tip."""
        entries = (*self.perp.entries(), *self.lyra.entries(), *more)
        return self.terms.limits(*entries, **({"transfers": [self.relayer.address]} | MOST | changes))

    def act(self, *calls: Any, conditions: Any = None, gas_price: int = GWEI, **kwargs: Any) -> Any:
        """What the thief sends with the agent's key."""
        plan = self.terms.plan(*calls, **({"conditions": conditions} if conditions else {}))
        return self.guard.execute(
            plan, sender=self.agent, max_fee=gas_price, max_priority_fee=gas_price, **kwargs
        )

    def worth(self, account: Any) -> int:
        """Coin, tokens, margin and positions of an account."""
        return self.coin(account) + self.money(account)

    def coin(self, account: Any) -> int:
        return account.balance * self.eth_price // WAD

    def money(self, account: Any) -> int:
        perp, options = self.perp.probe.probe(account), self.lyra.probe.probe(account)
        at_index = sum(e.size * (e.oraclePrice - e.notionalPrice) // WAD for e in perp.exposures)
        wallet = self.perp.usdc.balanceOf(account) * 10**12 + self.lyra.quote.balanceOf(account)
        return wallet + perp.equity + at_index + options.equity

    def position(self) -> int:
        return self.perp.accounts.getTakerPositionSize(self.guard, self.perp.base)

    def push(self, size: float) -> None:
        """The accomplice trades, and moves the pool."""
        self.perp.house.openPosition(self.perp.order(size), sender=self.accomplice)

    def squeeze(self, call: Any, side: int) -> None:
        """The accomplice pushes the pool as far as the account's trade still passes, and takes it back."""
        for size in range(120, -1, -40):
            self.push(side * size)
            try:
                self.act(call)
                break
            except ContractLogicError as error:
                if type(error).__name__ != "SlippageAbove":
                    raise
            finally:
                self.push(-side * size)


@pytest.fixture(scope="module")
def stage(
    deploy, perp, lyra, terms, refused, run, world, person, owner, agent, guardian, attacker, trader, keeper
) -> Stage:
    """The guard has 10,000 USDC of margin and as much beside it, 10 ETH, an option, and the rest of 20,000
    sUSD."""
    guard = deploy("Guard", owner, agent, guardian, sender=owner)
    owner.transfer(guard, 10 * WAD)
    perp.usdc.transfer(guard, 20_000 * USDC, sender=owner)
    lyra.quote.transfer(guard, 20_000 * WAD, sender=owner)
    margin = terms.call(perp.vault.deposit, perp.usdc, 10_000 * USDC)
    approve = terms.call(perp.usdc.approve, perp.vault, FAR)
    guard.executeAsOwner(terms.plan(approve, margin, lyra.approve(), lyra.buy_call(1)), sender=owner)
    perp.usdc.approve(perp.vault, FAR, sender=trader)
    perp.vault.deposit(perp.usdc, 500_000 * USDC, sender=trader)
    ambush = deploy("Ambush", sender=attacker)
    price = lyra.probe.probe(guard).exposures[0].notionalPrice
    thieves, people = (agent, attacker, trader), (owner, guardian, keeper)
    stage = Stage(guard, perp, lyra, terms, ambush, *thieves, *people, refused, run, world, price)
    guard.setLimits(stage.limits(), sender=owner)
    return stage


@pytest.fixture(scope="module")
def start(stage) -> dict[str, int]:
    """What everybody is worth before the key leaks."""
    thieves = (stage.agent, stage.attacker, stage.accomplice, stage.relayer)
    return {
        "at": stage.run(stage.world.now()),
        "guard": stage.worth(stage.guard),
        "thieves": sum(map(stage.worth, thieves)),
    }


@pytest.fixture(autouse=True)
def _told(request: pytest.FixtureRequest, stage: Stage, start: dict[str, int]) -> Iterator[None]:
    """Notes what each attack took from the account, in quote currency."""
    before = stage.worth(stage.guard)
    yield
    if not request.node.name.startswith("test_the_sum"):
        lost = before - stage.worth(stage.guard)
        stage.results[request.node.name.removeprefix("test_")] = f"{lost / WAD:.2f}"


# Tokens


def test_transfers_tokens_to_itself(stage):
    """The plainest theft."""
    with stage.refused("CallNotAllowed", target=stage.perp.usdc.address):
        stage.act(stage.terms.call(stage.perp.usdc.transfer, stage.attacker, USDC))


def test_approves_itself(stage):
    """`approve` is allowed, for the vault alone."""
    with stage.refused("ArgumentNotAllowed", word=0):
        stage.act(stage.terms.call(stage.perp.usdc.approve, stage.attacker, FAR))


def test_approves_itself_by_a_dirty_address(stage):
    """The vault's address with a byte above it, for a token that might cut it off elsewhere."""
    data = bytearray(stage.perp.usdc.approve.encode_input(stage.perp.vault, FAR))
    data[4] = 0xFF
    with stage.refused("ArgumentNotAllowed", word=0):
        stage.act(stage.terms.raw(stage.perp.usdc, bytes(data)))


def test_approves_by_other_names(stage):
    """increaseAllowance, permit, setApprovalForAll, approve at another token."""
    usdc, thief = stage.perp.usdc.address, str(stage.attacker)
    for target, selector in (
        (usdc, "39509351"),
        (usdc, "d505accf"),
        (stage.lyra.token.address, "a22cb465"),
        (stage.lyra.token.address, "095ea7b3"),
    ):
        data = bytes.fromhex(selector) + encode(["address", "uint256"], [thief, FAR])
        with stage.refused("CallNotAllowed", target=target):
            stage.act(stage.terms.raw(target, data))


def test_signs_for_the_account(stage):
    """Permits and orders are signed by who has ERC-1271: the account has not, whatever its key signs."""
    data = bytes.fromhex("1626ba7e") + encode(["bytes32", "bytes"], [b"\1" * 32, b"\1" * 65])
    with pytest.raises(ContractLogicError):
        stage.agent.transfer(stage.guard, 0, data=data)


def test_pulls_by_an_allowance_that_it_has_not(stage):
    """transferFrom by the thief and by the agent."""
    for thief in (stage.attacker, stage.agent):
        with pytest.raises(ContractLogicError):
            stage.perp.usdc.transferFrom(stage.guard, stage.attacker, USDC, sender=thief)


# Venues


def test_withdraws_margin_for_another(stage):
    """`withdraw` pays the account; to pay another there is only a deposit for it."""
    vault = stage.perp.vault
    with stage.refused("CallNotAllowed", target=vault.address):
        stage.act(stage.terms.call(vault.depositFor, stage.attacker, stage.perp.usdc, 1_000 * USDC))


def test_names_a_delegate_at_the_house(stage):
    """Perp v2's DelegateApproval would let the thief open positions for the account."""
    found = stage.world.perp.contracts["DelegateApproval"]
    data = bytes.fromhex("2c78bdd6") + encode(["address", "uint8"], [str(stage.attacker), 1])
    with stage.refused("CallNotAllowed"):
        stage.act(stage.terms.raw(found, data))


def test_opens_for_the_account(stage):
    """openPositionFor without having been named."""
    with stage.refused("CH_SHNAOPT"):
        stage.perp.house.openPositionFor(stage.guard, stage.perp.order(1), sender=stage.attacker)


def test_makes_a_market_at_a_bad_price(stage):
    """Liquidity at a pushed price would be a gift that no trade shows: it is not allowed."""
    order = (stage.perp.base, 0, WAD, 75_960, 76_020, 0, 0, False, FAR)
    with stage.refused("CallNotAllowed", target=stage.perp.house.address):
        stage.act(stage.terms.call(stage.perp.house.addLiquidity, order))


def test_gives_an_option_away(stage):
    """Neither the transfer of a genuine option that the account holds nor its split to another is allowed."""
    (option,) = stage.lyra.token.getOwnerPositions(stage.guard)
    token = stage.lyra.token
    for call in (
        stage.terms.call(token.transferFrom, stage.guard, stage.attacker, option.positionId),
        stage.terms.call(token.split, option.positionId, WAD // 10, 0, stage.attacker),
    ):
        with stage.refused("CallNotAllowed", target=token.address):
            stage.act(call)


def test_takes_a_market_that_the_rules_do_not_name(stage):
    """The same function, another base token: a thin market is no way out."""
    order = (stage.world.perp.markets["vBTC"].base_token, *stage.perp.order(1)[1:])
    with stage.refused("ArgumentNotAllowed", word=0):
        stage.act(stage.terms.call(stage.perp.house.openPosition, order))


# Trades


def test_trades_too_much_at_once(stage):
    """Eleven at 2,000 are above 20,000."""
    with stage.refused("NotionalAbove", max=MOST["maxNotional"]):
        stage.act(stage.perp.trade(11))


def test_trades_too_much_in_parts_of_a_plan(stage):
    """Twice six: the plan counts, not the call."""
    with stage.refused("NotionalAbove", max=MOST["maxNotional"]):
        stage.act(stage.perp.trade(6), stage.perp.trade(-6))


def test_leverages_step_by_step(stage):
    """Each step is small, and the one that passes twice the equity is refused."""
    stage.act(stage.perp.trade(4))
    with stage.refused("LeverageAbove", max=2 * WAD):
        stage.act(stage.perp.trade(7))
    stage.act(stage.perp.close())


def test_lends_itself_margin_for_a_moment(stage):
    """Deposit, trade, withdraw: the withdrawal leaves too little."""
    vault, usdc = stage.perp.vault, stage.perp.usdc
    with stage.refused("LeverageAbove", max=2 * WAD):
        stage.act(
            stage.terms.call(vault.deposit, usdc, 10_000 * USDC),
            stage.perp.trade(9),
            stage.terms.call(vault.withdraw, usdc, 11_500 * USDC),
        )
    assert stage.position() == 0


def test_buys_from_its_accomplice_at_a_bad_price(stage):
    """The accomplice pushes the pool by 3 %, the account shall buy there, the accomplice sells."""
    stage.push(700)
    with stage.refused("SlippageAbove", max=MOST["maxSlippage"]):
        stage.act(stage.perp.trade(4))
    stage.push(-700)


def test_closes_at_a_bad_price(stage):
    """A fair entry, and the way out through a pool that was pushed."""
    stage.act(stage.perp.trade(1))
    stage.push(-700)
    with stage.refused("SlippageAbove", max=MOST["maxSlippage"]):
        stage.act(stage.perp.close())
    stage.push(700)
    stage.act(stage.perp.close())


def test_hides_a_bad_trade_by_a_gift(stage):
    """Margin that the accomplice gives in the middle is not what the trade earned."""
    stage.push(700)
    stage.perp.vault.depositFor(stage.guard, stage.perp.usdc, USDC, sender=stage.accomplice)
    with stage.refused("SlippageAbove", max=MOST["maxSlippage"]):
        stage.act(stage.perp.trade(4))
    stage.push(-700)


def test_buys_an_absurd_option(stage):
    """Under limits that hold an honest option: much at once drives the venue's volatility, and that its own
    oracle follows does not excuse it."""
    stage.guard.setLimits(stage.limits(maxSlippage=WAD * 15 // 1_000), sender=stage.owner)
    with stage.refused("SlippageAbove", probe=stage.lyra.probe.address):
        stage.act(stage.lyra.buy_call(9.9))
    stage.guard.setLimits(stage.limits(), sender=stage.owner)


def test_drives_the_volatility_that_judges_an_option(stage, chain):
    """What the bound does not hold: the oracle of an option is the venue's own volatility, and who buys sixty
    drives it. The account then pays more than its slippage above the price of before, and the thief ten times
    that for the harm. Undone after it."""
    with chain.isolate():
        stage.guard.setLimits(stage.limits(maxSlippage=WAD * 15 // 1_000), sender=stage.owner)
        stage.lyra.quote.approve(stage.lyra.market, FAR, sender=stage.accomplice)
        account, thief = stage.money(stage.guard), stage.money(stage.accomplice)
        many = (stage.lyra.strike, 0, 1, 0, 60 * WAD, 0, 0, FAR)
        stage.lyra.market.openPosition(many, sender=stage.accomplice)
        stage.act(stage.lyra.buy_call(3))
        position = stage.lyra.token.getOwnerPositions(stage.accomplice)[0].positionId
        stage.lyra.market.closePosition((many[0], position, *many[2:]), sender=stage.accomplice)
        lost, paid = account - stage.money(stage.guard), thief - stage.money(stage.accomplice)
    stage.beyond.update(
        lost=_whole(lost), notional=_whole(3 * stage.eth_price), paid_by_the_thief=_whole(paid)
    )
    assert 0 < lost < paid // 10


def test_sells_options_for_too_little(stage):
    """Short calls pressed into the pool, at any price that it gives."""
    with stage.refused("SlippageAbove", probe=stage.lyra.probe.address):
        stage.act(stage.lyra.sell_call(9, 12_000))


def test_lets_a_failed_check_pass(stage):
    """CONTINUE and STOP pass over what a target says, not over what the limits say."""
    for rule in (stage.terms.CONTINUE, stage.terms.STOP):
        with stage.refused("NotionalAbove"):
            stage.act(stage.perp.trade(11, on_failure=rule))
        with stage.refused("TransferNotAllowed"):
            stage.act(stage.terms.raw(stage.attacker, value=1, on_failure=rule))


def test_brings_conditions_that_lie(stage):
    """A thief's probe swears that all is well: it may read, and changes neither state nor verdict."""
    liar = stage.ambush.address
    stage.ambush.arm(stage.guard, stage.guard.kill.encode_input(), sender=stage.attacker)
    conditions = ([(liar, liar, False, 0, 1)], [], [], [], [])
    plan = stage.terms.plan(stage.perp.trade(1), conditions=conditions)
    with pytest.raises(ContractLogicError):
        stage.guard.execute.call(plan, sender=stage.agent)
    assert not stage.guard.isKilled()
    assert stage.position() == 0


# Value and fees


def test_sends_itself_value(stage):
    """Plain value goes to the relayer alone."""
    with stage.refused("TransferNotAllowed", to=stage.attacker.address):
        stage.act(stage.terms.raw(stage.attacker, value=1))


def test_drips_value_to_a_corrupt_relayer(stage):
    """A hundredth of an ether at a time, until the day's twentieth is gone."""
    for _ in range(5):
        stage.act(stage.terms.raw(stage.relayer, value=WAD // 100))
    with stage.refused("ValuePerDayAbove", spent=WAD // 20, max=WAD // 20):
        stage.act(stage.terms.raw(stage.relayer, value=WAD // 100))
    with stage.refused("ValueAbove", max=WAD // 100):
        stage.act(stage.terms.raw(stage.relayer, value=WAD // 100 + 1))


def test_hides_value_in_a_call(stage):
    """Value with a trade: the house takes none, and the sum is the same for all kinds of calls."""
    with stage.refused("CallReverted", call=0):
        stage.act(stage.perp.trade(1, value=1))
    with stage.refused("ValueAbove"):
        stage.act(stage.perp.trade(1, value=WAD, on_failure=stage.terms.CONTINUE))


def test_is_paid_for_work_that_failed(stage):
    """A transaction that reverts is the agent's own loss."""
    before = stage.guard.balance
    with stage.refused("TransferNotAllowed"):
        stage.act(stage.terms.raw(stage.attacker, value=1), gas_price=100 * GWEI)
    assert stage.guard.balance == before


# Bytes


def test_calls_by_less_than_a_selector(stage):
    """And by no data with a fallback in mind."""
    for data in (b"\x09\x5e\xa7", b"\x09"):
        with stage.refused("CallNotAllowed"):
            stage.act(stage.terms.raw(stage.perp.usdc, data))


def test_cuts_the_arguments_short(stage):
    """Half an address keeps no rule, and a target that fills up with zeros is not asked."""
    data = bytes(stage.perp.usdc.approve.encode_input(stage.perp.vault, FAR))
    with stage.refused("ArgumentNotAllowed", word=0):
        stage.act(stage.terms.raw(stage.perp.usdc, data[:30]))


def test_finds_the_selector_elsewhere(stage):
    """A contract of the thief's own whose function collides with an allowed one is another target."""
    data = bytes(stage.perp.usdc.approve.encode_input(stage.perp.vault, FAR))
    with stage.refused("CallNotAllowed", target=stage.ambush.address):
        stage.act(stage.terms.raw(stage.ambush, data))


# The guard itself


def test_calls_the_guards_own_functions(stage):
    """As the agent, from outside."""
    for function, args in (
        (stage.guard.setLimits, (stage.terms.limits(),)),
        (stage.guard.executeAsOwner, (stage.terms.plan(),)),
        (stage.guard.setAgent, (stage.attacker,)),
        (stage.guard.setGuardian, (stage.attacker,)),
        (stage.guard.transferOwnership, (stage.attacker,)),
        (stage.guard.acceptOwnership, ()),
        (stage.guard.revive, ()),
    ):
        with stage.refused("OwnableUnauthorizedAccount", account=stage.agent.address):
            function(*args, sender=stage.agent)


def test_calls_the_guard_by_the_guard(stage):
    """Even where the owner named it among the calls and recipients by mistake."""
    entry = stage.terms.allow(stage.guard.setLimits)
    stage.guard.setLimits(stage.limits(entry, transfers=[stage.guard.address]), sender=stage.owner)
    with stage.refused("CallNotAllowed", target=stage.guard.address):
        stage.act(stage.terms.call(stage.guard.setLimits, stage.terms.limits()))
    with stage.refused("CallNotAllowed", target=stage.guard.address):
        stage.act(stage.terms.raw(stage.guard, value=1))
    stage.guard.setLimits(stage.limits(), sender=stage.owner)


def test_runs_the_guards_code_on_its_own_storage(stage):
    """delegatecall into the guard from a contract of the thief's: its storage has no owner and no agent."""
    for call in (stage.guard.executeAsOwner, stage.guard.execute):
        done, said = stage.ambush.become.call(
            stage.guard, call.encode_input(stage.terms.plan()), sender=stage.agent
        )
        assert not done
        assert said
    assert stage.guard.owner() == stage.owner.address


def test_has_funds_taken_by_a_plan(stage):
    """Inputs and outputs of a plan move tokens elsewhere, not here."""
    calls, conditions, deadline, salt, _, _ = stage.terms.plan()
    plan = (calls, conditions, deadline, salt, [], [stage.perp.usdc.address])
    with stage.refused("FundsNotAllowed"):
        stage.guard.execute(plan, sender=stage.agent)


def test_comes_back_in_a_callback(stage):
    """A recipient that the owner named turns out to be the thief's: from its callback nothing of the guard's
    runs, by the agent's own code (EIP-7702), by the owner's or the guardian's."""
    plan = stage.terms.plan(stage.perp.trade(1))
    for person, data in (
        (stage.agent, stage.guard.execute.encode_input(plan)),
        (stage.owner, stage.guard.setLimits.encode_input(stage.terms.limits())),
        (stage.owner, stage.guard.setAgent.encode_input(stage.attacker)),
        (stage.owner, stage.guard.transferOwnership.encode_input(stage.attacker)),
        (stage.guardian, stage.guard.kill.encode_input()),
    ):
        with person.delegate_to(stage.ambush) as code:
            stage.guard.setLimits(stage.limits(transfers=[person.address]), sender=stage.owner)
            code.arm(stage.guard, data, sender=stage.attacker)
            spent = stage.guard.spent().valuePerDay
            assert spent <= MOST["maxValuePerDay"]
            stage.act(stage.terms.raw(person, value=0))
            assert not code.isArmed() or person == stage.agent
            assert not code.isSuccess()
            assert bytes(code.answer())[:4] == bytes.fromhex("3ee5aeb5")  # ReentrancyGuardReentrantCall()
    stage.guard.setLimits(stage.limits(), sender=stage.owner)
    assert (stage.guard.agent(), stage.position()) == (stage.agent.address, 0)


def test_gives_its_own_address_other_code(stage):
    """EIP-7702: whoever may make the agent's address act, acts within the limits."""
    with stage.agent.delegate_to(stage.ambush) as code:
        for call, error in (
            (stage.terms.raw(stage.attacker, value=1), "TransferNotAllowed"),
            (stage.perp.trade(11), "NotionalAbove"),
        ):
            data = stage.guard.execute.encode_input(stage.terms.plan(call))
            with stage.refused(error):
                code.act.call(stage.guard, data, sender=stage.attacker)


def test_comes_by_a_contract_that_the_agent_calls(stage):
    """A contract that the agent was lured into calling is not the agent."""
    data = stage.guard.execute.encode_input(stage.terms.plan())
    with stage.refused("NotAgent"):
        stage.ambush.act.call(stage.guard, data, sender=stage.agent)


def test_takes_on_the_guards_code(stage):
    """EIP-7702: an account that takes on the guard's code is another, without owner and agent."""
    with stage.agent.delegate_to(stage.guard) as code:
        with stage.refused("OwnableUnauthorizedAccount"):
            code.executeAsOwner(stage.terms.plan(), sender=stage.attacker)
        with stage.refused("NotAgent"):
            code.execute(stage.terms.plan(), sender=stage.agent)


# Time


def test_replays_a_plan(stage):
    """The same plan again is the same notional again."""
    before = stage.guard.spent().notionalPerDay
    plan = stage.terms.plan(stage.perp.trade(0.01))
    for _ in range(2):
        stage.guard.execute(plan, sender=stage.agent)
    assert stage.guard.spent().notionalPerDay >= before + 39 * WAD
    stage.act(stage.perp.close())


def test_runs_before_the_owners_new_limits(stage):
    """Ahead of the owner who tightens: what was taken first counts against the new limits at once."""
    stage.act(stage.perp.trade(1))
    tight = stage.guard.spent().notionalPerDay
    stage.guard.setLimits(stage.limits(maxNotionalPerDay=tight), sender=stage.owner)
    with stage.refused("NotionalPerDayAbove", spent=tight, max=tight):
        stage.act(stage.perp.close())
    stage.guard.setLimits(stage.limits(), sender=stage.owner)
    stage.act(stage.perp.close())


def test_races_the_guardian(stage):
    """In one block behind the kill there is nothing to win."""
    data = "0x" + bytes(stage.guard.execute.encode_input(stage.terms.plan(stage.perp.trade(1)))).hex()
    kill = "0x" + bytes(stage.guard.kill.encode_input()).hex()

    async def race() -> list[str]:
        request, hashes = stage.world.client.request, []
        await stage.world.control.set_automine(False)
        for person, sent, tip in ((stage.guardian, kill, 2), (stage.agent, data, 1)):
            tx = {"from": person.address, "to": stage.guard.address, "data": sent, "gas": hex(3 * 10**6)}
            tx |= {"maxFeePerGas": hex(9 * GWEI), "maxPriorityFeePerGas": hex(tip * GWEI)}
            hashes.append(await request("eth_sendTransaction", [tx]))
        await stage.world.control.set_automine(True)
        await stage.world.mine()
        return [(await request("eth_getTransactionReceipt", [h]))["status"] for h in hashes]

    assert stage.run(race()) == ["0x1", "0x0"]
    with stage.refused("AgentKilled"):
        stage.act()
    with stage.refused("OwnableUnauthorizedAccount", account=stage.agent.address):
        stage.guard.revive(sender=stage.agent)
    stage.guard.revive(sender=stage.owner)


def test_opens_where_it_may_only_reduce(stage):
    """A book that the owner winds down is not turned around."""
    stage.act(stage.perp.trade(1))
    stage.guard.setLimits(stage.limits(reduceOnly=True), sender=stage.owner)
    for size in (0.1, -1.5):
        with stage.refused("NotReducing"):
            stage.act(stage.perp.trade(size))
    stage.act(stage.perp.close())
    stage.guard.setLimits(stage.limits(), sender=stage.owner)


def test_bleeds_the_account_within_the_limits(stage):
    """The best that is left: there and back at prices that are just bad enough, with the accomplice around
    each trade, until the day's notional is gone."""
    with stage.refused("NotionalPerDayAbove", max=MOST["maxNotionalPerDay"]):
        for _ in range(10):
            stage.squeeze(stage.perp.trade(3), 1)
            stage.squeeze(stage.perp.close(), -1)
    spent = stage.guard.spent().notionalPerDay
    with stage.refused("NotionalPerDayAbove", spent=spent):
        stage.act(stage.perp.close() if stage.position() else stage.perp.trade(3))


def test_waits_for_midnight(stage):
    """No day begins anew: at the calendar's next one the window still holds what it held."""
    left = DAY - stage.run(stage.world.now()) % DAY
    stage.run(stage.world.warp(left))
    with stage.refused("NotionalPerDayAbove", max=MOST["maxNotionalPerDay"]):
        stage.act(stage.perp.close() if stage.position() else stage.perp.trade(3))
    with stage.refused("ValuePerDayAbove", spent=MOST["maxValuePerDay"]):
        stage.act(stage.terms.raw(stage.relayer, value=1))


def test_burns_gas_at_a_price_of_its_own(stage):
    """A builder among the thieves has tips paid by the account, until the hour's fees are gone, and an hour
    later until the day's are."""
    with stage.refused("CostAbove", max=MOST["maxCost"]):
        stage.act(gas_price=1_000 * GWEI)
    before = stage.guard.balance
    for error in ("FeesPerHourAbove", "FeesPerDayAbove"):
        with stage.refused(error):
            for _ in range(20):
                stage.act(gas_price=60 * GWEI)
        stage.run(stage.world.warp(HOUR))
    assert before - stage.guard.balance <= MOST["maxFeesPerDay"]
    assert stage.guard.spent().feesPerDay <= MOST["maxFeesPerDay"]


def test_the_sum_of_it_is_within_the_bound(stage, start, capsys):
    """All of it in one day: what the account lost, what the thieves won, and the bound of the limits."""
    seconds = stage.run(stage.world.now()) - start["at"]
    assert seconds < DAY
    loss = start["guard"] - stage.worth(stage.guard)
    thieves = (stage.agent, stage.attacker, stage.accomplice, stage.relayer)
    gain = sum(map(stage.worth, thieves)) - start["thieves"]
    parts = {
        "notional a day x slippage": MOST["maxNotionalPerDay"] * MOST["maxSlippage"] // WAD,
        "value a day": MOST["maxValuePerDay"] * stage.eth_price // WAD,
        "fees a day": MOST["maxFeesPerDay"] * stage.eth_price // WAD,
    }
    bound = sum(parts.values())
    spent = stage.guard.spent()
    report = {
        "bound": _whole(bound),
        "bound_parts": {name: _whole(part) for name, part in parts.items()},
        "lost_by_the_account": _whole(loss),
        "won_by_the_thieves": _whole(gain),
        "account_before": _whole(start["guard"]),
        "seconds": seconds,
        "spent": {
            "notional": _whole(spent.notionalPerDay),
            "value_wei": spent.valuePerDay,
            "fees_wei": spent.feesPerDay,
        },
        "beyond_by_volatility": stage.beyond,
        "attacks": stage.results,
    }
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=1) + "\n")
    with capsys.disabled():
        print(
            f"\nred team: {len(stage.results)} attacks on an account of {report['account_before']}; in a day "
            f"it can lose at most {report['bound']} "
            f"({', '.join(f'{name} {part}' for name, part in report['bound_parts'].items())}); "
            f"it lost {report['lost_by_the_account']}, the thieves won {report['won_by_the_thieves']}\n"
            f"beyond the bound, by driving the volatility that judges an option: {stage.beyond}"
        )
    assert len(stage.results) >= 25
    assert 0 < loss <= bound
    assert gain <= loss


def _whole(wad: int) -> str:
    return f"{wad / WAD:.2f}"
