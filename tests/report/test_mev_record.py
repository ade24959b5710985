"""The MEV record: digits kept, strangers told."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from trimtab.errors import ConfigError
from trimtab.report.mev_record import decode_mev_record

DATA = Path(__file__).parents[1] / "data" / "report" / "mev.json"


def test_numbers_keep_their_digits() -> None:
    """Text becomes the exact Decimal; keys that the report does not know are passed over."""
    plain = json.loads(DATA.read_text())
    run = decode_mev_record(plain | {"unknown": 1})
    assert run.public_loss == Decimal(plain["public_loss"])
    assert [h.size for h in run.hedges] == [Decimal(h["size"]) for h in plain["hedges"]]
    assert run.hedges[2].public.searcher_profit is None
    assert run.public_loss == sum(hedge.public.loss for hedge in run.hedges)


def test_what_is_missing_or_wrong_is_named() -> None:
    """The message says which key, and what writes a good one."""
    plain = json.loads(DATA.read_text())
    with pytest.raises(ConfigError, match=r"leaks.*trimtab demo mev --json"):
        decode_mev_record({key: value for key, value in plain.items() if key != "leaks"})
    plain["hedges"][1]["size"] = "many"
    with pytest.raises(ConfigError, match=r"hedges\[1\]"):
        decode_mev_record({**plain, "hedges": [*plain["hedges"][:1], {**plain["hedges"][1]}]} | {"seed": 1})
    with pytest.raises(ConfigError, match="NaN"):
        decode_mev_record(plain | {"hedges": plain["hedges"][:1], "public_loss": "NaN"})
