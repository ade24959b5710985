"""What a run of the MEV demo may be asked for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from trimtab.demo.mev.options import MevOptions
from trimtab.errors import ConfigError


@pytest.mark.parametrize(
    ("wishes", "word"),
    [
        ({"hedges": 0}, "--hedges must be 1 to 100"),
        ({"hedges": 101}, "--hedges must be 1 to 100"),
        ({"smallest": Decimal(0)}, "above 0"),
        ({"largest": Decimal(1)}, "in this order"),
        ({"max_position": Decimal(100)}, "in this order"),
    ],
)
def test_what_cannot_run_is_refused(wishes: dict[str, Any], word: str) -> None:
    """Before anything starts, with what to change."""
    with pytest.raises(ConfigError, match=word):
        MevOptions(**wishes)
