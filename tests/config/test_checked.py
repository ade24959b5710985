"""What every section shares: floats are refused, secrets print masked."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

import pytest

from trimtab.config.checked import Checked, Secret, parse_decimal
from trimtab.errors import ConfigError


@dataclass(frozen=True)
class Section(Checked):
    section: ClassVar[str] = "some"
    amount: Decimal = Decimal(1)


@pytest.mark.parametrize("value", [0.5, Decimal("NaN"), Decimal(0), Decimal(-1), "x"])
def test_a_decimal_is_exact_and_above_zero(value: object) -> None:
    """Anything else is refused with its key, also without a file."""
    with pytest.raises(ConfigError) as caught:
        Section(value)  # type: ignore[arg-type]
    assert caught.value.key == "some.amount"
    assert Section(2).amount == Decimal(2)  # type: ignore[arg-type]
    assert parse_decimal("0", "some.amount") == 0


def test_a_secret_is_told_only_when_asked() -> None:
    """Neither str nor repr show it."""
    secret = Secret("hunter2")
    assert "hunter2" not in f"{secret} {secret!r}"
    assert secret.reveal() == "hunter2"
