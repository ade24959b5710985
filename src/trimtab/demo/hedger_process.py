"""The hedger in a process of its own, so that the demo can kill it: orders on stdin, answers on stdout."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import Callable

from trimtab.chain.client import Client
from trimtab.chain.options import ClientOptions
from trimtab.demo.protocol import (
    Answer,
    Failed,
    Look,
    Ready,
    Start,
    decode_order,
    encode_line,
    hedge_from,
    looked_from,
)
from trimtab.demo.wiring import open_hedger
from trimtab.errors import TrimtabError
from trimtab.hedging.hedger import Hedger

Answering = Callable[[Answer], None]


async def serve(orders: asyncio.StreamReader, answer: Answering) -> int:
    """Obey the orders until the pipe closes; the exit code."""
    line = await orders.readline()
    start = decode_order(line) if line else None
    if not isinstance(start, Start):
        answer(Failed("ProtocolError", f"the first order must be start, got {start}"))
        return 2
    try:
        async with (
            Client.open(start.url, ClientOptions(chain_id=start.chain_id)) as client,
            open_hedger(client, start) as hedger,
        ):
            resolved = (await hedger.reconcile()).resolved
            answer(Ready(hedge_from(resolved) if resolved else None))
            await _obey(orders, answer, hedger)
    except TrimtabError as error:
        answer(Failed(type(error).__name__, str(error)))
        return 1
    return 0


async def _obey(orders: asyncio.StreamReader, answer: Answering, hedger: Hedger) -> None:
    while line := await orders.readline():
        order = decode_order(line)
        if not isinstance(order, Look):
            return
        answer(looked_from(await hedger.step(order.reason)))


async def _main() -> int:
    if not stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode):
        sys.stderr.write("this process talks to `trimtab demo` over a pipe; run that instead\n")
        return 2
    orders = asyncio.StreamReader(limit=2**20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin.buffer)
    return await serve(orders, _write)


def _write(message: Answer) -> None:
    sys.stdout.buffer.write(encode_line(message) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
