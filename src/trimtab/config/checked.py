"""What every section of the settings shares: secrets that print masked, Decimals that are checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import ClassVar

from trimtab.errors import ConfigError, IntentError
from trimtab.model.units import to_decimal, to_positive


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that prints masked; `reveal()` is the only way to it."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__


class Checked:
    """Refuses floats, NaN and what is not above 0 in every Decimal field, also when built without a file."""

    section: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for item in fields(self):  # type: ignore[arg-type]
            value = getattr(self, item.name)
            if "Decimal" in str(item.type) and value is not None:
                key = f"{self.section}.{item.name}"
                object.__setattr__(self, item.name, parse_decimal(value, key, to_positive))


def parse_decimal(value: object, key: str, convert: Callable[[object, str], Decimal] = to_decimal) -> Decimal:
    try:
        return convert(value, key)
    except IntentError as error:
        raise ConfigError(str(error).removeprefix(key).strip(), key=key) from None
