"""Which nonce comes next: contiguous, in submit order, the smallest free one first."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Nonces:
    """`next` was never reserved; `free` were given back unused and lie below it."""

    next: int = 0
    free: frozenset[int] = frozenset()

    @property
    def lowest(self) -> int:
        """The nonce that a reservation would take."""
        return min(self.free, default=self.next)

    def reserve(self, nonce: int) -> Nonces:
        """Take `nonce`, which is `lowest` except when a journal is replayed."""
        if nonce in self.free:
            return Nonces(self.next, self.free - {nonce})
        if nonce != self.next:
            raise ValueError(f"nonce {nonce} would leave a gap: {self.next} comes next")
        return Nonces(nonce + 1, self.free)

    def release(self, nonce: int) -> Nonces:
        """Give back a nonce that no endpoint has, or that all refused for certain."""
        if nonce >= self.next or nonce in self.free:
            raise ValueError(f"nonce {nonce} was not reserved")
        free, following = self.free | {nonce}, self.next
        while following - 1 in free:
            following -= 1
            free -= {following}
        return Nonces(following, free)

    def take_back(self, nonce: int) -> Nonces:
        """A nonce that had been given back is held after all."""
        skipped = frozenset(range(self.next, nonce))
        return Nonces(max(self.next, nonce + 1), (self.free | skipped) - {nonce})

    def open(self, nonce: int) -> Nonces:
        """The chain waits for `nonce`, which was thought to be used: it comes next."""
        return self if nonce >= self.next else Nonces(self.next, self.free | {nonce})

    def raise_to(self, nonce: int) -> Nonces:
        """The chain has used every nonce below `nonce`; a lower value is a stale answer."""
        free = frozenset(number for number in self.free if number >= nonce)
        return Nonces(max(self.next, nonce), free)
