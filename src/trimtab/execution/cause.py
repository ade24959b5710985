"""What names an order intent, so that one idempotency key cannot mean two orders."""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from decimal import Decimal

from trimtab.chain.hashing import keccak256
from trimtab.model.order import OptionIntent, PerpIntent
from trimtab.model.units import to_text


def cause_of(intent: PerpIntent | OptionIntent) -> str:
    """A digest that equal intents share, in every process: 1 and 1.0 are the same size, and what is left at
    its default does not count, so that a later release with more fields knows an earlier one's orders."""
    return keccak256(_canonical(intent).encode()).hex()[:32]


def _canonical(value: object) -> str:
    if isinstance(value, Decimal):
        return to_text(value)
    if is_dataclass(value):
        given = [(f.name, getattr(value, f.name)) for f in fields(value)]
        defaults = {f.name: f.default for f in fields(value) if f.default is not MISSING}
        said = [f"{name}={_canonical(v)}" for name, v in given if name not in defaults or v != defaults[name]]
        return f"{type(value).__name__}({','.join(said)})"
    return str(value)
