"""The JSON of a run: digits as text, sums as they are, nothing that a float could round."""

from __future__ import annotations

import json
from decimal import Decimal

from trimtab.demo.mev.options import MevOptions
from trimtab.demo.mev.record import make_mev_record
from trimtab.demo.mev.run import Finished, Hedged, Hunt, Leg, Opened, Shown
from trimtab.model.exposure import ExposureBound, SandwichExposure
from trimtab.model.ids import TxHash
from trimtab.model.order import PerpIntent, PerpQuote, Side
from trimtab.report.mev_record import decode_mev_record
from trimtab.world.searcher import End, Entry

D = Decimal
ZERO = D(0)
THIRD = D(2000) + D(1) / D(3)


def hedged(number: int, loss: str, attack: Entry | None) -> Hedged:
    intent = PerpIntent("vETH", Side.SELL, size=D(100), acceptable_price=D(1990))
    quote = PerpQuote(
        intent, D(-100), D(200_000), THIRD, D(200), ZERO, D(2000), D(2000), ZERO, ZERO, None, True, 1, 1
    )  # fmt: skip
    exposure = SandwichExposure(
        intent, D("9.5"), D(loss) + 1, D(10), D(1), ZERO, D(100), ExposureBound.ACCEPTABLE_PRICE, 1, 1
    )
    public = Leg(D(1990), D(loss), TxHash("0x01"), 5, attack)
    return Hedged(Shown(number, quote, exposure), public, Leg(THIRD, ZERO, TxHash("0x02"), 6, None))


def test_every_number_is_text_and_every_sum_is_right() -> None:
    """Losses, prediction and hunt add up digit by digit; the report reads it back equal."""
    entry = Entry(TxHash("0x01"), 5, End.LANDED, D("7.25"), D(3), 10**15, ZERO, D("7.25"))
    run = Finished(
        MevOptions(seed=4, hedges=2),
        Opened({"worlds": 1.0}, "0xab"),
        [hedged(1, "0.1", entry), hedged(2, "0.2", None)],
        Hunt(1, 1, D("7.25"), D(3), D(2)),
        Hunt(0, 0, ZERO, ZERO, ZERO),
        {"public": 2, "private": 2},
        {"public": 2, "private": 1},
        1.5,
    )
    record = make_mev_record(run)
    assert json.loads(json.dumps(record)) == record
    assert (record["public_loss"], record["private_loss"], record["predicted_loss"]) == ("0.3", "0", "2.3")
    assert (record["sandwiches"], record["private_sandwiches"], record["leaks"]) == (1, 0, 1)
    first, second = record["hedges"]
    assert (first["side"], first["size"], first["bound"]) == ("sell", "100", "acceptable_price")
    assert first["quote_price"] == "2000.333333333333333333"
    assert (first["public"]["attack"], first["public"]["searcher_profit"]) == ("landed", "7.25")
    assert (second["public"]["attack"], second["public"]["searcher_profit"]) == (None, None)
    assert record["transactions"]["private"] == {"signed": 2, "seen_in_public": 1}
    read = decode_mev_record(record)
    assert read.public_loss == run.public_loss
    assert read.searcher.profit == D("7.25")
