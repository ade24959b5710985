"""The run as the plain JSON of `trimtab demo mev --json FILE`, which the report reads too."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from trimtab import __version__
from trimtab.demo.mev.options import MARKET, UNDERLYING
from trimtab.demo.mev.run import PRIVATE, PUBLIC, Finished, Hedged, Hunt, Leg
from trimtab.model.units import to_text


def make_mev_record(run: Finished) -> dict[str, Any]:
    """Money in quote currency and sizes in units of the underlying, as decimal text; losses above 0."""
    return {
        "seed": run.options.seed,
        "public_loss": to_text(run.public_loss),
        "private_loss": to_text(run.private_loss),
        "predicted_loss": to_text(run.predicted_loss),
        "sandwiches": run.public.landed,
        "private_sandwiches": run.private.landed,
        "leaks": run.leaks,
        "transactions": {
            name: {"signed": run.signed[name], "seen_in_public": run.seen[name]} for name in (PUBLIC, PRIVATE)
        },
        "market": MARKET,
        "underlying": UNDERLYING,
        "quote_currency": "USD",
        "hedges": [_hedge(hedge) for hedge in run.hedges],
        "searcher": _hunt(run.public),
        "settings": _settings(run),
        "state_root": run.opened.state_root,
        "wall_seconds": f"{run.wall_seconds:.3f}",
        "version": __version__,
    }


def _hedge(hedge: Hedged) -> dict[str, Any]:
    quote, exposure = hedge.shown.quote, hedge.shown.exposure
    limit = quote.intent.acceptable_price
    assert limit is not None  # every order has one
    return {
        "number": hedge.shown.number,
        "side": quote.intent.side.value,
        "size": to_text(abs(quote.size)),
        "notional": to_text(quote.notional),
        "quote_price": _price(quote.price),
        "limit_price": _price(limit),
        "predicted_loss": to_text(exposure.victim_loss),
        "predicted_profit": to_text(exposure.worst_profit),
        "bound": exposure.bound.value,
        "public": _leg(hedge.public),
        "private": _leg(hedge.private),
    }


def _leg(leg: Leg) -> dict[str, Any]:
    attack = leg.attack
    return {
        "price": _price(leg.price),
        "loss": to_text(leg.loss),
        "tx": leg.tx_hash,
        "block": leg.block,
        "attack": None if attack is None else attack.end.value,
        "searcher_profit": None if attack is None else to_text(attack.profit),
    }


def _hunt(hunt: Hunt) -> dict[str, Any]:
    return {
        "attacks": hunt.attacks,
        "failures": hunt.attacks - hunt.landed,
        "profit": to_text(hunt.profit),
        "fees": to_text(hunt.fees),
        "gas": _price(hunt.gas),
    }


def _settings(run: Finished) -> dict[str, str]:
    options = run.options
    return {
        "hedges": str(options.hedges),
        "sizes": f"{to_text(options.smallest)} to {to_text(options.largest)} {UNDERLYING}",
        "price limit": "the executor’s, 0.5 % off the quote",
        "private route": "eth_sendPrivateTransaction, never public",
    }


def _price(value: Decimal) -> str:
    """Eighteen decimals: a price of a fill has fifty digits."""
    return to_text(value.quantize(Decimal("1e-18")))
