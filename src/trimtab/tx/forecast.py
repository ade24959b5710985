"""What a rehearsal foresaw of one transaction, small enough for a journal."""

from __future__ import annotations

import msgspec

from trimtab.model.ids import Address, TxHash


class Forecast(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One transaction's rehearsal without its logs: what concerns the sender's own account. Wei and base
    units, gained > 0; `price` is wei per gas. What is None the method did not tell. `wrapped` are tokens that
    are native currency in another form. Fields are only ever added, with a default."""

    tx_hash: TxHash
    method: str
    block: int
    base_fee: int
    price: int
    ok: bool
    is_complete: bool = True
    gas_used: int | None = None
    native: int | None = None
    tokens: dict[Address, int] | None = None
    wrapped: tuple[Address, ...] = ()
