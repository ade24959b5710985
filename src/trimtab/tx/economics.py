"""What a trade may do to its account: slippage, direction and leverage, as its intent declares them. Pure.

As `contracts/Guard.sol` judges what it measures, in its order: ratios exactly, and what is equal to a cap
passes.
"""

from __future__ import annotations

from decimal import Decimal

from trimtab.errors import LimitError
from trimtab.model.limits import Limits
from trimtab.model.trade import TradeFacts
from trimtab.model.units import to_text

NO_FACTS = TradeFacts()


def check_trade(limits: Limits, key: str, notional: Decimal | None, trade: TradeFacts | None) -> None:
    """Raise `LimitError` for a trade that loses too much to the oracle's prices, or opens where it may only
    reduce."""
    facts = trade or NO_FACTS
    if limits.reduce_only and not facts.is_reducing:
        raise _not_reducing(key, facts)
    if limits.max_slippage is not None:
        _check_slippage(limits.max_slippage, key, notional, facts)


def check_leverage(limits: Limits, key: str, trade: TradeFacts | None) -> None:
    """Raise `LimitError` for a call after which the account is leveraged above the cap, unless it was no less
    before: an account may always be made safer."""
    most, facts = limits.max_leverage, trade or NO_FACTS
    if most is None:
        return
    after = facts.after
    if after is None:
        words = _undeclared(key, "the account's leverage after it", "TradeFacts(after=Leverage(...))")
        raise LimitError(words, field="max_leverage", cap=most)
    if after.ratio <= most or (facts.before is not None and not after.is_raised_from(facts.before)):
        return
    raise LimitError(
        f"{key} leaves the account with a notional of {to_text(after.notional)} on an equity of "
        f"{to_text(after.equity)}, a leverage of {to_text(after.ratio)}, above max_leverage {to_text(most)}: "
        "nothing was sent. Trade less, add margin, or let the owner of the key raise it",
        field="max_leverage",
        value=after.ratio,
        cap=most,
    )


def _check_slippage(most: Decimal, key: str, notional: Decimal | None, facts: TradeFacts) -> None:
    slippage = None if notional is None else facts.slippage(notional)
    if slippage is None:
        words = _undeclared(
            key, "its notional and its loss", "TxIntent(notional=..., trade=TradeFacts(loss=...))"
        )
        raise LimitError(words, field="max_slippage", cap=most)
    if slippage > most:
        raise LimitError(
            f"{key} loses {to_text(facts.loss or Decimal(0))} to the oracle's prices on a notional of "
            f"{to_text(notional or Decimal(0))}, a slippage of {to_text(slippage)}, above max_slippage "
            f"{to_text(most)}: nothing was sent. Trade less, wait for a better price, or let the owner of "
            "the key raise it",
            field="max_slippage",
            value=slippage,
            cap=most,
        )


def _not_reducing(key: str, facts: TradeFacts) -> LimitError:
    words = (
        f"{key} opens or flips a position, and this key may only reduce: nothing was sent. Close, or let the "
        "owner of the key lift reduce_only"
    )
    if facts.is_reducing is None:
        words = _undeclared(key, "whether it reduces", "TradeFacts(is_reducing=...)")
    return LimitError(words, field="reduce_only", value=facts.is_reducing, cap=True)


def _undeclared(key: str, fact: str, how: str) -> str:
    return (
        f"{key} does not declare {fact}, and this key's limits need it: give {how}, or allow the call with "
        "is_trade=False and no venue when it trades nothing. Nothing was sent"
    )
