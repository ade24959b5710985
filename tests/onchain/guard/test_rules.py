"""Which calls are allowed: what is not named is refused, and an entry's rules must all hold."""

from __future__ import annotations

from eth_abi import encode


def test_nothing_is_allowed_that_is_not_named(guard, permit, run_plan, paper, terms, refused):
    """An empty list allows nothing: the refusal names target and selector."""
    permit()
    selector = bytes(paper.take.encode_input(paper, 1)[:4])
    with refused("CallNotAllowed", target=paper.address, selector=selector):
        run_plan(terms.call(paper.take, paper, 1))


def test_target_and_function_are_named_together(guard, permit, run_plan, paper, perp, terms, refused):
    """Neither the same function elsewhere nor another one there."""
    permit(terms.allow(paper.take), terms.allow(perp.usdc.approve))
    with refused("CallNotAllowed", target=perp.usdc.address):
        run_plan(terms.raw(perp.usdc, paper.take.encode_input(paper, 1)))
    with refused("CallNotAllowed", target=paper.address):
        run_plan(terms.raw(paper, perp.usdc.approve.encode_input(paper, 1)))


def test_an_argument_is_one_of_the_addresses(guard, permit, run_plan, paper, terms, owner, attacker, refused):
    """The refusal names the word and what it held."""
    permit(terms.allow(paper.take, terms.rule(0, [owner, paper])))
    run_plan(terms.call(paper.take, owner, 1))
    run_plan(terms.call(paper.take, paper, 1))
    word = bytes.fromhex(attacker.address[2:]).rjust(32, b"\0")
    with refused("ArgumentNotAllowed", target=paper.address, word=0, value=word):
        run_plan(terms.call(paper.take, attacker, 1))


def test_an_argument_is_at_most_a_number(guard, permit, run_plan, paper, terms, refused):
    """The number itself passes, one more does not."""
    permit(terms.allow(paper.take, terms.rule(1, at_most=5)))
    run_plan(terms.call(paper.take, paper, 5))
    with refused("ArgumentNotAllowed", word=1, value=(6).to_bytes(32, "big")):
        run_plan(terms.call(paper.take, paper, 6))


def test_an_empty_set_of_addresses_admits_none(guard, permit, run_plan, paper, terms, refused):
    """One of none is not the same as no rule; the zero address is no exception."""
    permit(terms.allow(paper.take, terms.rule(0, [])))
    with refused("ArgumentNotAllowed", word=0):
        run_plan(terms.call(paper.take, terms.ZERO, 1))


def test_all_rules_of_an_entry_hold(guard, permit, run_plan, paper, terms, owner, attacker, refused):
    """One that holds does not stand for the other; the first that is broken is named."""
    permit(terms.allow(paper.take, terms.rule(0, [owner]), terms.rule(1, at_most=5)))
    run_plan(terms.call(paper.take, owner, 5))
    with refused("ArgumentNotAllowed", word=0):
        run_plan(terms.call(paper.take, attacker, 9))
    with refused("ArgumentNotAllowed", word=1):
        run_plan(terms.call(paper.take, owner, 6))


def test_one_rule_may_say_both(guard, permit, run_plan, paper, terms, owner, refused):
    """An address of the set that is above the number breaks the rule as well."""
    permit(terms.allow(paper.take, terms.rule(0, [owner, terms.ZERO], at_most=5)))
    run_plan(terms.call(paper.take, terms.ZERO, 1))
    with refused("ArgumentNotAllowed", word=0):
        run_plan(terms.call(paper.take, owner, 1))


def test_two_entries_allow_what_either_does(guard, permit, run_plan, paper, terms, owner, attacker, refused):
    """Much to the owner, or little to the stranger, and not much to the stranger."""
    take = paper.take
    permit(
        terms.allow(take, terms.rule(0, [owner])),
        terms.allow(take, terms.rule(0, [attacker]), terms.rule(1, at_most=5)),
    )
    run_plan(terms.call(take, owner, 1_000))
    run_plan(terms.call(take, attacker, 5))
    with refused("ArgumentNotAllowed", word=1, value=(6).to_bytes(32, "big")):
        run_plan(terms.call(take, attacker, 6))


def test_the_first_entry_that_holds_measures(guard, permit, run_plan, paper, terms, trade, trades_on_paper):
    """Of two entries for a trade the first that admits it says how it is measured."""
    unmeasured = terms.allow(paper.trade, terms.rule(1, at_most=5))
    permit(unmeasured, trades_on_paper)
    (event,) = run_plan(trade(1, 100)).decode_logs(guard.Spend)
    assert event.notional == 200 * 10**18
    (event,) = run_plan(terms.call(paper.trade, terms.MARKET, 5, 0)).decode_logs(guard.Spend)
    assert event.notional == 0


def test_a_dirty_address_is_none_of_them(guard, permit, run_plan, paper, terms, owner, refused):
    """Bytes above an address are compared too, whether or not the target would look at them."""
    permit(terms.allow(paper.take, terms.rule(0, [owner])))
    data = bytearray(paper.take.encode_input(owner, 1))
    data[4] = 1
    with refused("ArgumentNotAllowed", word=0, value=bytes(data[4:36])):
        run_plan(terms.raw(paper, bytes(data)))


def test_a_missing_argument_keeps_no_rule(guard, permit, run_plan, paper, terms, refused):
    """A word of 31 bytes, of 1 and of none, where an ABI decoder would revert or a fallback would not."""
    permit(terms.allow(paper.take, terms.rule(1)))
    whole = bytes(paper.take.encode_input(paper, 1))
    run_plan(terms.raw(paper, whole))
    for cut in (1, 31, 32, 63, 64):
        with refused("ArgumentNotAllowed", word=1):
            run_plan(terms.raw(paper, whole[:-cut]))


def test_a_word_far_away_is_read(guard, permit, run_plan, ambush, terms, refused):
    """Word 65,535 is the last that a rule can name."""
    selector = b"\x01\x02\x03\x04"
    entry = (ambush.address, selector, terms.ZERO, False, [terms.rule(2, at_most=7)])
    permit(entry)
    run_plan(terms.raw(ambush, selector + encode(["uint256"] * 3, [8, 8, 7])))
    with refused("ArgumentNotAllowed", word=2):
        run_plan(terms.raw(ambush, selector + encode(["uint256"] * 3, [0, 0, 8])))
    permit((ambush.address, selector, terms.ZERO, False, [terms.rule(65_535)]))
    with refused("ArgumentNotAllowed", word=65_535, value=b"\0" * 32):
        run_plan(terms.raw(ambush, selector + bytes(32)))


def test_less_than_a_selector_is_no_function(guard, permit, run_plan, ambush, terms, refused):
    """Three bytes do not pass for a selector that ends in a zero."""
    permit((ambush.address, b"\x01\x02\x03\x00", terms.ZERO, False, []))
    run_plan(terms.raw(ambush, b"\x01\x02\x03\x00"))
    for short in (b"\x01\x02\x03", b"\x01"):
        with refused("CallNotAllowed", selector=short.ljust(4, b"\0")):
            run_plan(terms.raw(ambush, short))


def test_a_trade_that_nothing_measures_is_no_limit(guard, owner, paper, terms, refused):
    """Limits with a trade without a probe are not set."""
    entry = terms.allow(paper.trade, is_trade=True)
    with refused("TradeWithoutProbe", target=paper.address, selector=entry[1]):
        guard.setLimits(terms.limits(entry), sender=owner)
    assert guard.version() == 0
