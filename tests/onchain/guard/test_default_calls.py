"""What a venue's own list of calls (`Limits.of(venue)`) lets a leaked key do at a guard: it trades, and gives
nothing to anybody."""

from __future__ import annotations

from trimtab.hooks.guard import encode_limits, encode_set_limits
from trimtab.model.limits import Limits
from trimtab.venues.lyra.calls import list_calls


def test_collateral_for_anothers_position(
    world, guard, lyra, premium, agent, owner, attacker, terms, refused
):
    """At Lyra whoever likes may add collateral to any position. A key that could would hand the account's
    money to the thief's own short put, who takes it out again."""
    lyra.quote.transfer(attacker, 20_000 * 10**18, sender=owner)
    lyra.quote.approve(lyra.market, 2**256 - 1, sender=attacker)
    put = (lyra.strike, 0, 1, 4, 10**18, 2_000 * 10**18, 0, 2**256 - 1)
    lyra.market.openPosition(put, sender=attacker)
    (position,) = lyra.token.getOwnerPositions(attacker)
    account = guard.address.lower()
    limits = Limits(calls=list_calls(world.lyra), chains={world.client.chain_id}, max_value_wei=0)
    probes = {"lyra": lyra.probe.address.lower()}
    struct = encode_limits(limits, account=account, chain_id=world.client.chain_id, probes=probes)
    owner.transfer(guard, 0, data=encode_set_limits(account, struct).data)
    gift = terms.call(lyra.market.addCollateral, position.positionId, 10_000 * 10**18)
    with refused("CallNotAllowed", target=lyra.market.address):
        guard.execute(terms.plan(lyra.approve(), gift), sender=agent)
    assert lyra.quote.balanceOf(guard) == premium
