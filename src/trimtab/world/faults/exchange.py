"""One message between client and node: what strikes it is drawn, the node is asked, the answer is changed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby

import msgspec

from trimtab.world.faults import kinds
from trimtab.world.faults.calls import Answer, Call, Message, decode_answers, encode_all, leave_out, shuffle
from trimtab.world.faults.draws import Draws, Fired
from trimtab.world.faults.kinds import Stage, Wire, reaches_node
from trimtab.world.faults.plan import FaultPlan
from trimtab.world.faults.strikes import Strikes
from trimtab.world.faults.tally import Tally
from trimtab.world.faults.upstream import Page, Upstream

BATCH_REFUSED = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batch requests are disabled"}}'


@dataclass(frozen=True, slots=True)
class Course:
    """What will happen to a message: to the `whole` of it, to each call, and how late it is answered."""

    message: Message
    whole: Fired | None = None
    delay: Fired | None = None
    calls: tuple[Fired | None, ...] = ()
    is_inspected: bool = False

    @property
    def is_clean(self) -> bool:
        """Nothing will happen: it may pass as the bytes that it is."""
        return not (self.whole or self.delay or any(self.calls) or self.is_inspected)

    @property
    def reaches_node(self) -> bool:
        return self.whole is None or reaches_node(self.whole.fault)


class Exchange:
    """Answers messages by a plan, which may be changed at any time."""

    def __init__(self, upstream: Upstream, tally: Tally, strikes: Strikes, seed: int | str) -> None:
        self._upstream = upstream
        self._strikes = strikes
        self._seed = seed
        self.tally = tally
        self.closing = asyncio.Event()
        self.follow(FaultPlan())

    def follow(self, plan: FaultPlan) -> None:
        """Start a plan from its beginning: its seconds, counts and dice."""
        self.plan = plan
        self._draws = Draws(plan, self._seed)
        self._began_at = asyncio.get_running_loop().time()

    def draw(
        self, stage: Stage, methods: Sequence[str], wire: Wire, *, is_batch: bool = False
    ) -> Fired | None:
        """What strikes at a stage now, or None."""
        elapsed = asyncio.get_running_loop().time() - self._began_at
        return self._draws.draw(stage, methods, elapsed, wire=wire, is_batch=is_batch)

    def course(self, message: Message, wire: Wire) -> Course:
        """Draw what will happen to a message. One that does not reach the node is struck by nothing else."""
        methods = message.methods
        self.tally.requests.update(methods)
        whole = self.draw(Stage.MESSAGE, methods, wire, is_batch=len(methods) > 1)
        if whole is not None and not reaches_node(whole.fault):
            return Course(message, whole)
        calls = tuple(self.draw(Stage.CALL, (m,), wire) or self.draw(Stage.VIEW, (m,), wire) for m in methods)
        delay = self.draw(Stage.DELAY, methods, wire)
        return Course(message, whole, delay, calls, self._draws.has(Stage.ANSWER, methods, wire))

    async def page(self, payload: bytes, course: Course) -> Page:
        """The answer as the caller is to see it. Raises `ConnectionLostError` when the node is gone."""
        calls = course.message.calls
        answers: Sequence[Answer] | None
        if any(course.calls):
            answers, page = await self._answers(course), Page(200, b"")
        else:
            page = await self._upstream.post(payload)
            answers = decode_answers(page.body, calls) if page.status == 200 else None
        if answers is None:  # it is the node itself that is unwell
            return page
        parts = [answer.encode() for answer in self._inspect(calls, answers)]
        return Page(200, self._combine(parts, course))

    async def delay(self, course: Course) -> None:
        """Let the answer of a slow node wait."""
        if course.delay is not None and isinstance(course.delay.fault, kinds.SlowAnswer):
            self.tally.count(course.delay.kind, course.message.methods[0])
            await self.rest(course.delay.fault.seconds)

    async def rest(self, seconds: float) -> None:
        """Wait so long, or until the proxy closes."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.closing.wait()

    async def _answers(self, course: Course) -> list[Answer]:
        """In the order of the calls: what is not struck goes on together, what is struck alone."""
        answers: list[Answer] = []
        pairs = zip(course.message.calls, course.calls, strict=True)
        for is_clean, group in groupby(pairs, key=lambda pair: pair[1] is None):
            if is_clean:
                answers += await self._upstream.forward([call for call, _ in group])
                continue
            for call, fired in group:
                assert fired is not None
                answers.append(await self._strikes.answer(call, fired))
        return answers

    def _inspect(self, calls: Sequence[Call], answers: Sequence[Answer]) -> Iterator[Answer]:
        for call, answer in zip(calls, answers, strict=True):
            fired = self.draw(Stage.ANSWER, (call.method,), Wire.HTTP) if answer.has_value else None
            if fired is None:
                yield answer
            else:
                self.tally.count(fired.kind, call.method)
                yield Answer(answer.id, msgspec.Raw(b"null"))

    def _combine(self, parts: list[bytes], course: Course) -> bytes:
        """The answers as one body, mixed up when that is the fault."""
        if course.whole is None or not course.whole.fault.needs_batch:
            return encode_all(parts, is_batch=course.message.is_batch)
        self.tally.count(course.whole.kind, course.message.methods[0])
        match course.whole.fault:
            case kinds.ShuffledBatch():
                return encode_all(shuffle(parts, course.whole.salt), is_batch=True)
            case kinds.PartialBatch(missing=missing):
                return encode_all(leave_out(parts, missing, course.whole.salt), is_batch=True)
        return BATCH_REFUSED
