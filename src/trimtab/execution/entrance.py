"""Before the first plan goes through a door: the account has the code, or the sender is the guard's agent."""

from __future__ import annotations

from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.errors import AbiError, CallRevertedError, ConfigError, IntentError, NotSentError
from trimtab.execution.doors import Door, Guarded, OwnCode
from trimtab.hooks.guard import read_state
from trimtab.model.ids import Address
from trimtab.tx import Sender, TxHandle, TxIntent
from trimtab.tx.simulate import DELEGATION_PREFIX

TAKE_CODE = "take on the executor's code"
DELEGATION = bytes.fromhex(DELEGATION_PREFIX[2:])


class Entrance:
    """Looks once for each account; a delegation is sent under a key of its own, and at most once."""

    def __init__(self, client: Client, door: Door, timeout: float) -> None:
        self._client = client
        self._door = door
        self._timeout = timeout
        self._open: set[Address] = set()

    async def open(self, sender: Sender, account: Address) -> None:
        """Raises `IntentError` for an account that this door is not of, `ConfigError` where it leads
        elsewhere, and what submitting raises."""
        self._door.check_account(account, sender.address)
        if account in self._open:
            return
        if isinstance(self._door, Guarded):
            await self._check_agent(self._door, sender.address)
        else:
            await self._take_code(self._door, sender, account)
        self._open.add(account)

    async def read_ways(self, account: Address) -> tuple[str, ...]:
        """What would have to be sent before the first plan of this account. Raises `ConfigError` where it
        runs other code."""
        door = self._door
        if not isinstance(door, OwnCode) or await self._read_has_code(door, account):
            return ()
        return (TAKE_CODE,)

    async def _check_agent(self, door: Guarded, sender: Address) -> None:
        try:
            state = await read_state(self._client, door.guard)
        except (AbiError, CallRevertedError) as error:
            raise ConfigError(f"there is no guard at {door.guard}: {error}", key="hooks.guard") from error
        if state.agent != sender:
            raise ConfigError(
                f"the agent of the guard {door.guard} is {state.agent}, and this key is of {sender}: use the "
                "agent's key, or let the guard's owner name this one",
                key="hooks.guard",
            )

    async def _take_code(self, door: OwnCode, sender: Sender, account: Address) -> None:
        """Take the executor's code on, unless the account has it. An account with another code keeps it."""
        if await self._read_has_code(door, account):
            return
        if not await self._client.code(door.executor):
            raise ConfigError(
                f"there is no contract at hooks.executor {door.executor}: `trimtab hooks deploy` makes one",
                key="hooks.executor",
            )
        number = 1
        while (handle := _find(sender, code_key(door.executor, number))) is not None:
            await handle.outcome(timeout=self._timeout)
            if await self._read_has_code(door, account):
                return
            number += 1  # that one was never mined, or the code was taken off again
        key = code_key(door.executor, number)
        handle = await sender.submit(
            TxIntent(key, Call(account, b""), label=TAKE_CODE, delegate_to=door.executor)
        )
        outcome = await handle.outcome(timeout=self._timeout)
        if not await self._read_has_code(door, account):
            raise NotSentError(
                f"{account} did not take on the code of {door.executor}: {key} ended "
                f"{type(outcome).__name__}. Nothing of the order was sent; try it again"
            )

    async def _read_has_code(self, door: OwnCode, account: Address) -> bool:
        code = await self._client.code(account)
        if code == DELEGATION + bytes.fromhex(door.executor[2:]):
            return True
        if code:
            other = (
                f"the code of 0x{code[3:].hex()} (EIP-7702)" if code[:3] == DELEGATION else "code of its own"
            )
            raise ConfigError(
                f"{account} runs {other}, not that of hooks.executor {door.executor}: trimtab does not "
                "replace it. Take it off (delegate to the zero address), or configure that executor",
                key="hooks.executor",
            )
        return False


def code_key(executor: Address, number: int) -> str:
    """The key of the account's delegation to this code, from 1 up."""
    return f"code/{executor}/{number}"


def _find(sender: Sender, key: str) -> TxHandle | None:
    """What may be out under a key."""
    try:
        handle = sender.handle(key)
    except IntentError:
        return None
    return None if handle.is_refused else handle
