"""One intent, one proposal: through lost answers, restarts, refusals, rivals, failures and reorgs."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.tx.safe.conftest import DEPLOYER, OWNERS, REVERTER, SHOP, SafeDesk, pay

from trimtab.chain.call import Call
from trimtab.chain.chains import chain_info
from trimtab.errors import (
    ConfigError,
    InsufficientFundsError,
    IntentError,
    LimitError,
    NonceConflictError,
    OutcomeUnknownError,
    RouteRefusedError,
    SigningError,
    SimulationRevertedError,
    TransportError,
)
from trimtab.journal import Journal
from trimtab.model.limits import Limits
from trimtab.tx.safe import Executed, Failed, Proposed, Replaced, SafeIntent, SafeOptions, SafeProposer
from trimtab.tx.safe.book import stream_of
from trimtab.tx.safe.safe_tx import SafeTx
from trimtab.tx.signers import LocalSigner
from trimtab.world.safe import execute_safe_tx
from trimtab.world.safe_service import Trouble

pytestmark = pytest.mark.node
PATIENCE = 60


def names(desk: SafeDesk) -> list[str]:
    return [post["contractTransactionHash"] for post in desk.service.posts]


async def test_a_proposal_is_executed(safes: SafeDesk) -> None:
    """One call and a batch of three: proposed, signed by another owner, executed, and known by the chain."""
    async with safes.proposer() as proposer:
        one = await proposer.propose(pay("one", 5))
        many = await proposer.propose(pay("many", 1, 2, 3, label="three at once"))
        assert (one.nonce, many.nonce) == (0, 1)
        assert await one.state() == Proposed(one.safe_tx_hash, 0)
        assert safes.service.proposals[many.safe_tx_hash]["origin"] == "trimtab: three at once"
        receipts = [await safes.execute(proposer.entry(key)) for key in ("one", "many")]
        outcomes = [await p.outcome(timeout=PATIENCE) for p in (one, many)]
        assert [o.receipt.tx_hash for o in outcomes if isinstance(o, Executed)] == [
            receipt.tx_hash for receipt in receipts
        ]
        assert proposer.live == ()
    assert await safes.paid() == 11


async def test_what_the_service_says_of_execution_is_not_believed(safe: SafeDesk) -> None:
    """It says executed and nothing was; later it knows of nothing, and it was."""
    async with safe.proposer() as proposer:
        made = await proposer.propose(pay("one"))
        safe.service.proposals[made.safe_tx_hash] |= {"isExecuted": True, "isSuccessful": True}
        assert isinstance(await made.state(), Proposed)
        entry = proposer.entry("one")
        safe.service.proposals.clear()
        await safe.execute(entry)
        assert isinstance(await made.outcome(timeout=PATIENCE), Executed)


async def test_an_execution_counts_when_it_is_deep(safe: SafeDesk) -> None:
    """Not in the newest block, from which a reorg may take it."""
    async with safe.proposer(confirmations=3) as proposer:
        made = await proposer.propose(pay("one"))
        await safe.execute(proposer.entry("one"))
        assert isinstance(await made.state(), Proposed)
        await safe.mine()
        assert isinstance(await made.state(), Executed)


async def test_a_reorg_takes_an_execution_back(safe: SafeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told as executed, undone by a reorg, executed again; written only once it is settled."""
    deep = replace(chain_info(safe.client.chain_id), reorg_depth=5)
    monkeypatch.setattr("trimtab.tx.safe.proposer.chain_info", lambda _chain_id: deep)

    def kinds() -> list[str]:
        with Journal.open(safe.path, read_only=True) as journal:
            stream = stream_of(safe.client.chain_id, safe.safe.address)
            return [record.decode()["kind"] for record in journal.replay(stream)]

    async with safe.proposer(confirmations=1) as proposer:
        made = await proposer.propose(pay("one"))
        snapshot = await safe.client.request("evm_snapshot")
        first = await safe.execute(proposer.entry("one"))
        assert isinstance(await made.state(), Executed)
        await safe.client.request("evm_revert", [snapshot])
        await safe.mine(4)
        assert isinstance(await made.state(), Proposed)
        second = await safe.execute(proposer.entry("one"))
        assert second.block_hash != first.block_hash
        outcome = await made.outcome(timeout=PATIENCE)
        assert isinstance(outcome, Executed)
        assert outcome.receipt.block == second.block
        assert kinds() == ["proposed", "posted"]
        await safe.mine(4)
        assert await made.state() == outcome
        assert kinds() == ["proposed", "posted", "ended"]


async def test_one_key_is_one_proposal(safe: SafeDesk) -> None:
    """The same again gives the same, in this life and the next, and is not posted twice; another content
    under the key is an error that names the first."""
    async with safe.proposer() as proposer:
        first = await proposer.propose(pay("one"))
        again = await asyncio.gather(*(proposer.propose(pay("one")) for _ in range(5)))
        assert {p.safe_tx_hash for p in again} == {first.safe_tx_hash}
    async with safe.proposer() as proposer:
        assert (await proposer.propose(pay("one"))).safe_tx_hash == first.safe_tx_hash
        for other in (pay("one", 2), pay("one", 1, 1), pay("one", nonce=4), pay("one", safe_tx_gas=9)):
            with pytest.raises(NonceConflictError, match=first.safe_tx_hash):
                await proposer.propose(other)
        with pytest.raises(IntentError, match="nothing was proposed"):
            proposer.proposal("two")
    assert names(safe) == [first.safe_tx_hash]


@pytest.mark.parametrize("trouble", [t for t in Trouble if t is not Trouble.REFUSE])
async def test_a_lost_answer_is_settled_by_asking(safe: SafeDesk, trouble: Trouble) -> None:
    """Whether or not the service took it, it ends with one proposal under one nonce, by identical bytes."""
    safe.service.troubles.append(trouble)
    async with safe.proposer() as proposer:
        made = await proposer.propose(pay("one"))
        after = await proposer.propose(pay("two"))
    assert set(safe.service.proposals) == {made.safe_tx_hash, after.safe_tx_hash}
    assert (made.nonce, after.nonce) == (0, 1)
    posts = [p for p in safe.service.posts if p["contractTransactionHash"] == made.safe_tx_hash]
    assert all(post == posts[0] for post in posts)
    was_taken = trouble in (Trouble.LOSE_ANSWER, Trouble.BAD_GATEWAY_AFTER)
    assert len(posts) == (1 if was_taken else 2)


async def test_a_service_that_asks_to_slow_down(safe: SafeDesk) -> None:
    """It is given the time that it asks for, and then has the proposal."""
    safe.service.troubles.append(Trouble.SLOW_DOWN)
    async with safe.proposer() as proposer:
        started = time.monotonic()
        made = await proposer.propose(pay("one"))
        assert time.monotonic() - started >= 1
    assert list(safe.service.proposals) == [made.safe_tx_hash]


async def test_it_is_durable_before_it_is_posted(safe: SafeDesk) -> None:
    """The record is in the journal when the service gets the request."""
    seen: list[Any] = []

    async def look(self: SafeProposer, entry: Any) -> None:
        with Journal.open(safe.path, read_only=True) as journal:
            stream = stream_of(safe.client.chain_id, safe.safe.address)
            seen.append([record.decode() for record in journal.replay(stream)])
        raise TimeoutError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SafeProposer, "_post", look)
        async with safe.proposer() as proposer:
            with pytest.raises(TimeoutError):
                await proposer.propose(pay("one"))
            (record,) = seen[0]
            assert record["hash"] == proposer.entry("one").safe_tx_hash
    assert OWNERS[0]._key.secret.hex() not in str(seen)


async def test_a_crash_at_any_point_ends_with_one_proposal(safe: SafeDesk) -> None:
    """Cut off before the post, within it, and after: the next life brings it to the service, as it was."""
    for number, fate in enumerate((Trouble.LOSE_REQUEST, Trouble.LOSE_ANSWER, None)):
        key = f"key-{number}"
        async with safe.proposer(attempts=1) as proposer:
            if fate is not None:
                safe.service.troubles.append(fate)
            safe.service.is_down = False
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(SafeProposer, "_finds", _does_not_know)
                if fate is None:
                    await proposer.propose(pay(key))
                else:
                    with pytest.raises(OutcomeUnknownError, match="with the same key"):
                        await proposer.propose(pay(key))
            name = proposer.proposal(key).safe_tx_hash
        async with safe.proposer() as proposer:
            assert name in safe.service.proposals  # recovery brought it, or found it
            assert (await proposer.propose(pay(key))).safe_tx_hash == name
            assert proposer.proposal(key).nonce == number
    assert len(safe.service.proposals) == 3


async def _does_not_know(_self: SafeProposer, _entry: Any) -> bool:
    return False


async def test_a_service_that_is_down(safe: SafeDesk) -> None:
    """Before anything is signed: an error, and the key is free. While it is posted: unknown, and later the
    same key settles it; opening again with the service down goes on."""
    async with safe.proposer() as proposer:
        safe.service.is_down = True
        with pytest.raises(TransportError):
            await proposer.propose(pay("one"))
        assert proposer.live == ()
        with pytest.raises(OutcomeUnknownError) as caught:
            await proposer.propose(pay("one", nonce=0))
        assert caught.value.nonce == 0
    async with safe.proposer() as proposer:
        assert [p.safe_tx_hash for p in proposer.live] == [caught.value.tx_hash]
        with pytest.raises(OutcomeUnknownError, match="with the same key"):
            await proposer.propose(pay("one", nonce=0))
        safe.service.is_down = False
        made = await proposer.propose(pay("one", nonce=0))
        assert list(safe.service.proposals) == [made.safe_tx_hash]


async def test_the_nonce_comes_after_what_is_queued(safe: SafeDesk) -> None:
    """Another owner's proposals wait in the service; a nonce given by the caller competes on purpose."""
    other = SafeTx(SHOP, 9, b"", 6)
    chain_id, address = safe.client.chain_id, safe.safe.address
    async with safe.proposer() as proposer:
        await proposer._service.propose(
            address,
            other,
            other.hash(chain_id, address),
            sender=OWNERS[2].address,
            signature=await OWNERS[2].sign_typed_data(other.typed_data(chain_id, address)),
        )
        assert (await proposer.propose(pay("after"))).nonce == 7
        assert (await proposer.propose(pay("and so on"))).nonce == 8
        assert (await proposer.propose(pay("now", nonce=0))).nonce == 0
        await safe.execute(proposer.entry("now"))
        with pytest.raises(IntentError, match="has used nonce 0: its next is 1"):
            await proposer.propose(pay("late", nonce=0))


async def test_a_refusal_keeps_the_nonce_for_the_key(safe: SafeDesk) -> None:
    """The service saw the signature: the same bytes are tried again. Once another key has the nonce, the
    first must not come back beside it."""
    safe.service.troubles.append(Trouble.REFUSE)
    async with safe.proposer() as proposer:
        with pytest.raises(RouteRefusedError, match="refused by the drill") as caught:
            await proposer.propose(pay("one"))
        made = await proposer.propose(pay("one"))
        assert caught.value.tx_hash == made.safe_tx_hash
        assert names(safe) == [made.safe_tx_hash] * 2
        safe.service.troubles.append(Trouble.REFUSE)
        with pytest.raises(RouteRefusedError):
            await proposer.propose(pay("two", 2))
        rival = await proposer.propose(pay("three", 3))
        assert rival.nonce == proposer.proposal("two").nonce == 1
        with pytest.raises(NonceConflictError, match="given to three"):
            await proposer.propose(pay("two", 2))


async def test_a_refused_proposal_has_an_end_too(safe: SafeDesk) -> None:
    """Its nonce was used by another while nobody looked: replaced, and not posted again."""
    safe.service.troubles.append(Trouble.REFUSE)
    async with safe.proposer() as proposer:
        with pytest.raises(RouteRefusedError):
            await proposer.propose(pay("one"))
        entry = proposer.entry("one")
    await safe.execute(replace(entry, tx=SafeTx(SHOP, 9, b"", 0)))
    await safe.mine(3)
    async with safe.proposer() as proposer:
        made = await proposer.propose(pay("one"))
        assert isinstance(await made.state(), Replaced)
    assert names(safe) == [entry.safe_tx_hash]


async def test_a_rival_replaces_it(safe: SafeDesk) -> None:
    """The owners execute another transaction with its nonce: it can never happen, and the chain says by what
    it was replaced; also for who looks after a restart."""
    rival = SafeTx(SHOP, 100, b"", 0)
    async with safe.proposer() as proposer:
        made = await proposer.propose(pay("one"))
        entry = proposer.entry("one")
        await safe.execute(replace(entry, tx=rival))
        expected = rival.hash(safe.client.chain_id, safe.safe.address)
        outcome = await made.outcome(timeout=PATIENCE)
        assert isinstance(outcome, Replaced)
        assert (outcome.nonce, outcome.by) == (0, expected)
    async with safe.proposer() as proposer:
        assert await proposer.proposal("one").outcome(timeout=PATIENCE) == outcome
        assert (await proposer.propose(pay("one"))).safe_tx_hash == made.safe_tx_hash
        assert (await proposer.propose(pay("next"))).nonce == 1
    assert await safe.paid() == 100
    assert names(safe).count(made.safe_tx_hash) == 1


async def test_an_execution_that_fails(safes: SafeDesk) -> None:
    """With gas of its own a failed call uses up the nonce: `Failed`, by the Safe's own event. Without, the
    execution reverts as a whole, and the proposal stays."""
    call = Call(REVERTER, b"\x01\x02\x03\x04")
    async with safes.proposer(simulate=False) as proposer:
        made = await proposer.propose(SafeIntent("burns", (call,), safe_tx_gas=50_000))
        kept = await proposer.propose(SafeIntent("stays", (call,)))
        receipt = await safes.execute(proposer.entry("burns"))
        outcome = await made.outcome(timeout=PATIENCE)
        assert isinstance(outcome, Failed)
        assert outcome.receipt.tx_hash == receipt.tx_hash
        with pytest.raises(Exception, match="GS013"):
            await safes.execute(proposer.entry("stays"))
        await safes.mine()
        assert isinstance(await kept.state(), Proposed)


async def test_what_was_executed_while_nobody_looked(safe: SafeDesk) -> None:
    """Executed between two lives: found by the logs, though many others came after it."""
    async with safe.proposer() as proposer:
        made = await proposer.propose(pay("one"))
        entry = proposer.entry("one")
    receipt = await safe.execute(entry)
    for nonce in range(1, 4):
        await safe.execute(replace(entry, tx=SafeTx(SHOP, 1, b"", nonce)))
    async with safe.proposer() as proposer:
        outcome = await proposer.proposal("one").outcome(timeout=PATIENCE)
        assert isinstance(outcome, Executed)
        assert outcome.receipt.tx_hash == receipt.tx_hash
        assert (await proposer.propose(pay("next"))).nonce == 4
        assert made.safe_tx_hash == proposer.proposal("one").safe_tx_hash


async def test_an_execution_that_the_service_knows_first(safe: SafeDesk) -> None:
    """Refused because its nonce was used, and it was used by itself: no error, it is done."""
    async with safe.proposer(attempts=1) as proposer:
        safe.service.troubles.append(Trouble.LOSE_REQUEST)
        with pytest.raises(OutcomeUnknownError):
            await proposer.propose(pay("one"))
        await safe.execute(proposer.entry("one"))
        made = await proposer.propose(pay("one"))
        assert isinstance(await made.state(), Executed)


async def test_owners_who_are_faster_than_the_service(safe: SafeDesk) -> None:
    """They execute it between two looks, and the service refuses its used nonce: it is done, not refused."""
    async with safe.proposer(attempts=1) as proposer:
        safe.service.troubles.append(Trouble.LOSE_REQUEST)
        with pytest.raises(OutcomeUnknownError):
            await proposer.propose(pay("one"))
        knows = proposer._service.knows

        async def execute_meanwhile(name: Any) -> bool:
            found = await knows(name)
            if await safe.paid() == 0:
                await safe.execute(proposer.entry("one"))
            return found

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(proposer._service, "knows", execute_meanwhile)
            made = await proposer.propose(pay("one"))
        assert isinstance(await made.state(), Executed)
    assert await safe.paid() == 1


async def test_waiting_ends_without_an_answer(safe: SafeDesk) -> None:
    """Owners take their time: after the deadline it is unknown, and waiting again is right."""
    async with safe.proposer() as proposer:
        made = await proposer.propose(pay("one"))
        with pytest.raises(OutcomeUnknownError, match="wait again") as caught:
            await made.outcome(timeout=0.1)
        assert (caught.value.tx_hash, caught.value.nonce) == (made.safe_tx_hash, 0)
        await safe.execute(proposer.entry("one"))
        assert isinstance(await made.outcome(timeout=PATIENCE), Executed)


async def test_what_cannot_work_is_refused_before_it_is_signed(safe: SafeDesk) -> None:
    """A call that reverts, more than the Safe has, a batch without MultiSend: nothing is posted."""
    async with safe.proposer() as proposer:
        with pytest.raises(SimulationRevertedError):
            await proposer.propose(SafeIntent("reverts", (Call(REVERTER, b"\x01"),)))
        with pytest.raises(InsufficientFundsError):
            await proposer.propose(pay("too much", 10**20))
        assert proposer.live == ()
    async with safe.proposer(multi_send=None) as proposer:
        with pytest.raises(ConfigError, match="MultiSendCallOnly"):
            await proposer.propose(pay("several", 1, 2))
    assert safe.service.posts == []


async def test_limits_stand_in_front_of_the_signature(safe: SafeDesk, tmp_path: Path) -> None:
    """What the key may not do is refused and nothing is signed, and by default that is all; a pause file
    stops what is new, and not what is known."""
    limits = Limits(chains={safe.client.chain_id}, transfers={SHOP}, max_value_wei=5)
    pause = tmp_path / "pause"
    async with safe.proposer(limits=limits, pause_file=pause) as proposer:
        made = await proposer.propose(pay("enough", 2, 3))
        for wrong in (pay("more", 3, 3), SafeIntent("elsewhere", (Call(REVERTER, b"", 1),))):
            with pytest.raises(LimitError):
                await proposer.propose(wrong)
        pause.touch()
        with pytest.raises(LimitError, match="pause is there"):
            await proposer.propose(pay("late"))
        assert (await proposer.propose(pay("enough", 2, 3))).safe_tx_hash == made.safe_tx_hash
    async with safe.proposer(limits=SafeOptions().limits) as proposer:
        with pytest.raises(LimitError, match="may not sign for chain"):
            await proposer.propose(pay("by default"))
    assert len(safe.service.proposals) == 1


class Liar(LocalSigner):
    """Signs another message than it was given."""

    async def sign_typed_data(self, message: dict[str, Any]) -> bytes:
        changed = message | {"message": message["message"] | {"value": 10**18}}
        return await super().sign_typed_data(changed)


class Sleeper(LocalSigner):
    """Never answers."""

    async def sign_typed_data(self, message: dict[str, Any]) -> bytes:
        await asyncio.Event().wait()
        return b""


@pytest.mark.parametrize(("kind", "words"), [(Liar, "recovers to"), (Sleeper, "did not answer")])
async def test_a_signature_is_read_back(safe: SafeDesk, kind: type[LocalSigner], words: str) -> None:
    """A signer that signs something else, or nothing: no proposal, and its key is free."""
    async with safe.proposer(kind.from_key(b"\x0b" * 32), sign_timeout=0.2) as proposer:
        with pytest.raises(SigningError, match=words):
            await proposer.propose(pay("one"))
        assert proposer.live == ()
    assert safe.service.posts == []


async def test_one_writer_for_a_safe(safe: SafeDesk) -> None:
    """A second proposer on the journal is refused while the first works."""
    async with safe.proposer() as proposer:
        await proposer.propose(pay("one"))
        with Journal.open(safe.path) as journal, pytest.raises(ConfigError):
            journal.acquire(stream_of(safe.client.chain_id, safe.safe.address))


async def test_only_owners_propose(safe: SafeDesk) -> None:
    """Another key is refused when the proposer is opened."""
    with pytest.raises(ConfigError, match="not an owner"):
        async with safe.proposer(LocalSigner.from_key(b"\x21" * 32)):
            pass


async def test_another_owner_takes_over(safe: SafeDesk) -> None:
    """What the first owner left open is posted with his signature, not with a new one."""
    async with safe.proposer(attempts=1) as proposer:
        safe.service.troubles.append(Trouble.LOSE_REQUEST)
        with pytest.raises(OutcomeUnknownError):
            await proposer.propose(pay("one"))
    async with safe.proposer(OWNERS[1]) as proposer:
        (name,) = (p.safe_tx_hash for p in proposer.live)
        assert safe.service.proposals[name]["sender"].lower() == OWNERS[0].address
        await execute_safe_tx(safe.client, DEPLOYER, safe.safe.address, proposer.entry("one").tx, OWNERS[1:])
