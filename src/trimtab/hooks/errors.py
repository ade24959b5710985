"""Why one of our contracts refused, in words: each custom error with its numbers in the units of a reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from string import Formatter
from types import MappingProxyType
from typing import Any, Final

from trimtab.chain.abi import Abi
from trimtab.chain.reverts import decode_revert
from trimtab.hooks.artifacts import load_artifact
from trimtab.hooks.plans import INT256_MAX, INT256_MIN, UINT256_MAX
from trimtab.model.ids import ZERO_ADDRESS, Address
from trimtab.model.units import from_wad, to_text

CONTRACTS: Final = ("Executor", "Guard", "FlashLiquidator")
"""Whose errors are known by words. Of our other contracts the errors are known by name and arguments."""

Explain = Callable[[Address, bytes], object]
"""`explain(target, data)`: revert data of a call's target in words, as the venue of that target has them."""

WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "CallerNotAllowed": "{caller} may not act for {account}: an EOA calls its own address, a Safe calls "
        "executeFrom, and a stand-alone executor obeys its owner",
        "PlanNotApproved": "{account} did not approve the plan {planHash:hex} for {runner}, or it ran "
        "already: approve it first",
        "DeadlinePassed": "the deadline {deadline} passed, the block's time is {time}: make the plan anew",
        "CallReverted": "call {call} of {target} reverted: {cause}",
        "NoCode": "{target} has no code, so a call of it would do nothing: check the address and the chain",
        "GasTooLow": "call {call} had only {gas} gas left and failed: send the transaction with more",
        "NoSuchCall": "a price condition is of call {call}, but the plan has {calls}; they count from 0",
        "FundsNotAllowed": "a plan of {account} may have no inputs and outputs: only a stand-alone executor "
        "takes tokens first and gives them back",
        "BalanceOutside": "{token:balance} of {account}, {balance} base units, is outside {min:bound} to "
        "{max:bound}",
        "NothingTraded": "call {call} traded nothing in market {market:hex}, so it has no price to bound",
        "PriceWorse": "call {call} got the price {price:wad} in market {market:hex}, worse than the limit "
        "{limit:wad}",
        "DeltaOutside": "net delta of {underlying:symbol} {delta:wad} is outside {min:wad} to {max:wad}",
        "HealthBelow": "health {health:wad} of {account} at probe {probe} is below {min:wad}",
        "SizeOutside": "size {size:wad} of {account} in market {market:hex} is outside {min:wad} to "
        "{max:wad}",
        "NotAgent": "{caller} is not the guard's agent: its owner names one with setAgent",
        "NotGuardian": "{caller} is neither the guard's owner nor its guardian",
        "AgentKilled": "the guard's agent is stopped: only the owner may let it go on",
        "LimitsExpired": "the limits ended at {expiresAt}, the block's time is {time}: the owner sets others",
        "CallNotAllowed": "the limits allow no call of {selector:hex} at {target}",
        "ArgumentNotAllowed": "the limits do not allow {value:hex} as word {word} of {selector:hex} "
        "at {target}",
        "TransferNotAllowed": "the limits do not allow a transfer to {to}",
        "ValueAbove": "value {value:eth} is above {max:eth} for one transaction",
        "ValuePerDayAbove": "value {value:eth} and {spent:eth} of the last day are above {max:eth} a day",
        "CostAbove": "value and fee {cost:eth} are above {max:eth} for one transaction",
        "FeesPerHourAbove": "fee {fee:eth} and {spent:eth} of the last hour are above {max:eth} an hour",
        "FeesPerDayAbove": "fee {fee:eth} and {spent:eth} of the last day are above {max:eth} a day",
        "NotionalAbove": "notional {notional:wad} is above {max:wad} for one transaction",
        "NotionalPerDayAbove": "notional {notional:wad} and {spent:wad} of the last day are above {max:wad} "
        "a day",
        "LeverageAbove": "leverage above {max:wad}: notional {notional:wad} on equity {equity:wad} at probe "
        "{probe}",
        "SlippageAbove": "loss of {loss:wad} to the oracle's prices on notional {notional:wad} is above the "
        "fraction {max:wad} at probe {probe}",
        "NotReducing": "only reducing is allowed: size {before:wad} in market {market:hex} would become "
        "{afterwards:wad}",
        "TradeWithoutProbe": "trades of {selector:hex} at {target} cannot be measured: give their entry a "
        "probe",
        "RefundFailed": "the agent {agent} did not take its fee of {amount:eth} back: it must be a plain key",
        "OwnerNeeded": "the guard needs an owner: hand it on in two steps instead of giving it up",
        "RecipientNotAllowed": "{recipient} cannot get the profit: name an account of yours",
        "NothingToLiquidate": "nothing that the order names may be liquidated now: others were first, or the "
        "price came back",
        "NoSuchPool": "Uniswap has no pool of {token} and the settlement token with {fee} millionths of fee",
        "UnwindPriceOutside": "what was taken over in {baseToken} would be closed at {price:wad}, outside "
        "{min:wad} to {max:wad}",
        "PositionLeft": "{size:wad} of what was taken over in {baseToken} would stay open: the block's price "
        "limit was reached, or the order does not unwind this market; liquidate less at once",
        "CollateralPriceBelow": "{token} would be sold at {price}, below {min}: base units of the settlement "
        "token for 1e18 of it",
        "CollateralNotCovered": "{token} would be sold at {price}, but costs {cost} base units of the "
        "settlement token for 1e18 of it: wait until the venue's average price is that of the pool",
        "ProfitBelow": "{profit} base units of the settlement token would be left, less than {minProfit}",
        "CallbackNotExpected": "{caller} called back without being asked",
        "OwnableUnauthorizedAccount": "{account} is not the owner",
        "OwnableInvalidOwner": "{owner} cannot be the owner",
        "ReentrancyGuardReentrantCall": "it was entered again before it had ended",
    }
)


@dataclass(frozen=True, slots=True)
class HookRevert:
    """A refusal. `name` is the custom error's, or as `chain.reverts` says it; `args` in base units by the
    contract's names. `cause`: why the call that failed did, where that is what failed."""

    name: str
    args: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    cause: object | None = None

    def __str__(self) -> str:
        return self.text


def explain_revert(data: bytes, explain: Explain | None = None) -> HookRevert:
    """What the revert data of one of ours says; never raises. The reason of a plan's own call is
    explained by `explain`, unless it is ours again."""
    revert = decode_revert(data, known_abis())
    args, cause = revert.args, None
    if revert.name == "CallReverted":
        cause = _explain_call(args["target"], bytes(args["reason"]), explain)
    words = WORDS.get(revert.name)
    text = revert.text if words is None else _WORDING.format(words, **{**args, "cause": cause})
    return HookRevert(revert.name, args, text, cause)


@cache
def known_abis() -> tuple[Abi, ...]:
    """For a client's `error_abis` too."""
    return tuple(load_artifact(name).abi for name in CONTRACTS)


def _explain_call(target: Address, reason: bytes, explain: Explain | None) -> object:
    is_ours = any(abi.error_by_selector(reason[:4]) for abi in known_abis()) if reason else False
    if is_ours or explain is None:
        return explain_revert(reason, explain)
    return explain(target, reason)


class _Wording(Formatter):
    """`{name:unit}`: a number in its unit, a word of bytes as hex or as a symbol."""

    def format_field(self, value: Any, format_spec: str) -> str:
        return UNITS[format_spec](value)


def _bound(value: int) -> str:
    return "any" if value in (INT256_MIN, INT256_MAX, UINT256_MAX) else str(value)


def _wad(value: int) -> str:
    return _bound(value) if _bound(value) == "any" else to_text(from_wad(value))


def _symbol(word: bytes) -> str:
    text = bytes(word).rstrip(b"\0")
    return text.decode() if text.isascii() and text else f"0x{bytes(word).hex()}"


UNITS: Final[Mapping[str, Callable[[Any], str]]] = {
    "": str,
    "wad": _wad,
    "eth": lambda wei: f"{_wad(wei)} ETH",
    "bound": _bound,
    "hex": lambda word: f"0x{bytes(word).hex()}",
    "symbol": _symbol,
    "balance": lambda token: "the native balance" if token == ZERO_ADDRESS else f"the balance in {token}",
}
_WORDING: Final = _Wording()
