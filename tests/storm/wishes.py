"""What a storm wants sent: wishes, each with a payee of its own, so that the chain counts them."""

from __future__ import annotations

import random
from enum import StrEnum

import msgspec

from trimtab.chain.call import Call
from trimtab.model.ids import Address
from trimtab.tx import TxIntent

GWEI = 10**9
GAS = 21_000
AMPLE_WEI = GAS * 100 * GWEI
"""A budget for any base fee of the storm."""
TIGHT_WEI = GAS * 5 * GWEI // 2
"""A budget for calm weather: while the base fee is tripled it allows no price that would be mined."""


class Mood(StrEnum):
    """PLAIN: wanted until it is done. TIGHT: so too, with a budget that the storm exceeds. FICKLE: withdrawn
    soon after. HASTY: with a deadline near by."""

    PLAIN = "plain"
    TIGHT = "tight"
    FICKLE = "fickle"
    HASTY = "hasty"


class Wish(msgspec.Struct, frozen=True):
    key: str
    mood: Mood
    payee: Address
    budget_wei: int
    patience: int = 0
    """Seconds of the chain until a hasty one's deadline."""

    @property
    def is_lasting(self) -> bool:
        """Whether it is wanted until it is executed."""
        return self.mood in (Mood.PLAIN, Mood.TIGHT)

    def intent(self, deadline: int | None) -> TxIntent:
        """1 wei to the wish's own payee."""
        return TxIntent(
            self.key,
            Call(self.payee, b"", 1),
            gas_limit=GAS,
            budget_wei=self.budget_wei,
            deadline=deadline,
        )


def make_wishes(count: int, seed: int) -> tuple[Wish, ...]:
    """The same for the same seed: of twenty, fourteen plain and two of each other mood, mixed."""
    draw = random.Random(seed)
    moods = draw.choices((Mood.PLAIN, Mood.TIGHT, Mood.FICKLE, Mood.HASTY), (14, 2, 2, 2), k=count)
    return tuple(
        Wish(
            key=f"{mood}-{number}",
            mood=mood,
            payee=Address(f"0x{0xC0FFEE:08x}{number:032x}"),
            budget_wei=TIGHT_WEI if mood is Mood.TIGHT else AMPLE_WEI,
            patience=draw.randint(2, 25) if mood is Mood.HASTY else 0,
        )
        for number, mood in enumerate(moods)
    )
