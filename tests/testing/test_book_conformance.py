"""The check of books finds a venue that reads many accounts otherwise than one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest

from trimtab.model.ids import Address
from trimtab.model.position import AccountBook
from trimtab.testing.book_conformance import check_books
from trimtab.venues.base import Capability
from trimtab.venues.perp_v2 import PerpV2
from trimtab.world.world import World

pytestmark = pytest.mark.node


@dataclass(frozen=True)
class Stage:
    """Just the venue."""

    venue: Any


class Forgetful(PerpV2):
    """Tells other equity where it reads many."""

    async def read_books(self, accounts: Sequence[Address], *, block: int | str = "latest") -> Any:
        books = await super().read_books(accounts, block=block)
        return [self._altered(book) if len(accounts) > 1 else book for book in books]

    def _altered(self, book: Any) -> AccountBook:
        margin = replace(book.margin, equity=book.margin.equity + Decimal("1e-18"))
        return replace(book, margin=margin)


class Silent(Forgetful):
    """The same, undeclared."""

    capabilities = PerpV2.capabilities - {Capability.BOOKS}


async def test_one_wei_is_found(world: World) -> None:
    """Books that are equal pass, one wei of difference does not; what is not declared is not asked for."""
    accounts = [world.accounts[name].address for name in ("maker", "trader")]
    await check_books(Stage(PerpV2(world.client, world.perp)), accounts)
    with pytest.raises(AssertionError):
        await check_books(Stage(Forgetful(world.client, world.perp)), accounts)
    await check_books(Stage(Silent(world.client, world.perp)), accounts)
