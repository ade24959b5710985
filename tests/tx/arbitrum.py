"""A sequencer as Arbitrum runs it, in front of a real node: no pool, a hold for nonces that are too high, a
base fee that moves between the quote and the arrival, and the cost of L1 inside the gas limit.

Its words are nitro's (execution/gethexec/sequencer.go, go-ethereum core/state_transition.go)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import msgspec
import rlp  # type: ignore[import-untyped]
from eth_account import Account

from trimtab.chain.messages import Reply
from trimtab.chain.transports import make_transport
from trimtab.chain.transports.base import Request

CHAIN_ID = 42_161
L1_GAS = 120_000
"""What the estimate adds for posting the transaction to L1."""
HOLD_SECONDS = 0.3


class Sequencer:
    """Transactions in order of arrival. `jumps` makes every so many sends meet a base fee of `jump` times the
    usual one; a silent sequencer answers no send."""

    name = "sequencer"

    def __init__(self, url: str, *, jumps: int = 0, jump: int = 3, seed: int = 0) -> None:
        self._node = make_transport(url)
        self._jumps, self._jump = jumps, jump
        self._draw = random.Random(seed)
        self._order = asyncio.Lock()
        self.base_fee = 10**8
        self.is_silent = False
        self.sent: list[dict[str, int]] = []
        self.refusals: list[str] = []
        self.too_high = 0
        self.most_at_once = 0
        self.methods: list[str] = []

    async def send(self, method: str, params: bytes, timeout: float) -> Reply:
        self.methods.append(method)
        if method == "eth_sendRawTransaction":
            self.most_at_once = max(self.most_at_once, 1)
            return await self._take(msgspec.json.decode(params)[0], timeout)
        reply = await self._node.send(method, params, timeout)
        if method == "eth_estimateGas":
            return _estimate(reply)
        return reply

    async def send_batch(self, requests: Sequence[Request], timeout: float) -> list[Reply]:
        sends = sum(method == "eth_sendRawTransaction" for method, _ in requests)
        self.most_at_once = max(self.most_at_once, sends)
        return [await self.send(method, params, timeout) for method, params in requests]

    async def close(self) -> None:
        await self._node.close()

    async def ask(self, method: str, *params: Any) -> Any:
        reply = await self._node.send(method, msgspec.json.encode(params), 10.0)
        return msgspec.json.decode(reply.result)

    async def _take(self, raw: str, timeout: float) -> Reply:
        if self.is_silent:
            await asyncio.sleep(timeout + 1.0)
        sender = Account.recover_transaction(raw)
        fields = rlp.decode(bytes.fromhex(raw[2:])[1:])
        nonce, tip, cap, gas = (int.from_bytes(fields[n], "big") for n in (1, 2, 3, 4))
        state = await self._reach(sender, nonce)
        if state != nonce:
            self.too_high += state < nonce
            word = "high" if state < nonce else "low"
            return self._refuse(f"nonce too {word}: address {sender}, tx: {nonce} state: {state}")
        async with self._order:
            if gas < 21_000 + L1_GAS:
                return self._refuse("intrinsic gas too low")
            base = await self._next_base_fee()
            if cap < base:
                return self._refuse(
                    f"max fee per gas less than block base fee: address {sender}, "
                    f"maxFeePerGas: {cap} baseFee: {base}"
                )
            self.sent.append({"nonce": nonce, "tip": tip, "cap": cap, "gas": gas, "base": base})
            return await self._sequence(raw, timeout)

    async def _reach(self, sender: str, nonce: int) -> int:
        """A nonce that is too high is kept for a while: its predecessor may be on its way."""
        until = asyncio.get_running_loop().time() + HOLD_SECONDS
        while True:
            state = int(await self.ask("eth_getTransactionCount", sender, "latest"), 16)
            if state >= nonce or asyncio.get_running_loop().time() > until:
                return state
            await asyncio.sleep(0.02)

    async def _next_base_fee(self) -> int:
        """About a percent of jitter from block to block, and now and then a jump."""
        jumps = self._jumps and (len(self.sent) + len(self.refusals)) % self._jumps == self._jumps - 1
        base = self.base_fee * self._draw.randint(99, 101) // 100 * (self._jump if jumps else 1)
        await self.ask("anvil_setNextBlockBaseFeePerGas", hex(base))
        if jumps:  # the block that carries the news
            await self.ask("evm_mine")
        return base

    async def _sequence(self, raw: str, timeout: float) -> Reply:
        """Answered when it is in a block, as the sequencer does."""
        reply = await self._node.send("eth_sendRawTransaction", msgspec.json.encode([raw]), timeout)
        if reply.result:
            tx_hash = msgspec.json.decode(reply.result)
            while await self.ask("eth_getTransactionReceipt", tx_hash) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        return reply

    def _refuse(self, message: str) -> Reply:
        self.refusals.append(message)
        return Reply(error=msgspec.Raw(msgspec.json.encode({"code": -32000, "message": message})))


def _estimate(reply: Reply) -> Reply:
    if not reply.result:
        return reply
    gas = int(msgspec.json.decode(reply.result), 16)
    return Reply(result=msgspec.Raw(msgspec.json.encode(hex(gas + L1_GAS))))
