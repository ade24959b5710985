"""A draft is signed for the Safe that is there, or not at all; tests/tx/safe/test_proposer.py posts them."""

from __future__ import annotations

import pytest
from tests.tx.safe.conftest import DEPLOYER, OWNERS, SHOP, SafeDesk, pay

from trimtab.errors import IntentError, SigningError
from trimtab.model.limits import Limits
from trimtab.tx.safe import SafeOptions, SafeService
from trimtab.tx.safe.account import SafeAccount
from trimtab.tx.safe.book import Book
from trimtab.tx.safe.drafting import Drafter
from trimtab.tx.safe.safe_tx import SafeTx
from trimtab.tx.signers.digests import recover
from trimtab.world.safe import execute_safe_tx

pytestmark = pytest.mark.node
MAY = SafeOptions(limits=Limits.unrestricted())


async def test_a_draft_is_signed_and_unseen(safes: SafeDesk) -> None:
    """By the owner, over the hash that the Safe computes; neither written nor posted."""
    async with SafeService(safes.service.url, timeout=30.0) as service:
        account = SafeAccount(safes.client, safes.safe.address, 2, 1)
        drafter = Drafter(safes.client, OWNERS[0], account, service, MAY)
        entry = await drafter.draft(pay("one", label="words"), Book())
        assert await account.hash_of(entry.tx) == entry.safe_tx_hash
        assert recover(bytes.fromhex(entry.safe_tx_hash[2:]), entry.signature) == OWNERS[0].address
        assert (entry.nonce, entry.label, entry.safe_nonce) == (0, "words", 0)
    assert safes.service.posts == []
    assert not safes.path.exists()


class LaggingAccount(SafeAccount):
    """Behind a balancer: the newest nonce comes from a node that has not seen the last execution."""

    async def nonce(self, block: int | None = None) -> int:
        return 0 if block is None else await super().nonce(block)


async def test_a_lagging_node_gives_no_nonce_that_was_used(safe: SafeDesk) -> None:
    """What was known at a deeper block stays."""
    await execute_safe_tx(safe.client, DEPLOYER, safe.safe.address, SafeTx(SHOP, 1, b"", 0), OWNERS[:2])
    await safe.mine()
    async with SafeService(safe.service.url, timeout=30.0) as service:
        account = LaggingAccount(safe.client, safe.safe.address, 2, 1)
        drafter = Drafter(safe.client, OWNERS[0], account, service, MAY)
        assert (await drafter.draft(pay("next"), Book())).nonce == 1
        with pytest.raises(IntentError, match="has used nonce 0"):
            await drafter.draft(pay("again", nonce=0), Book())


class OtherChainAccount(SafeAccount):
    """A Safe that thinks it is on another chain: after a fork, or behind a lying node."""

    async def hash_of(self, tx: object) -> str:
        return "0x" + "00" * 32


async def test_a_safe_that_hashes_otherwise_is_not_signed_for(safe: SafeDesk) -> None:
    """Owners would sign something that the Safe does not take; nothing is asked of the signer."""
    async with SafeService(safe.service.url, timeout=30.0) as service:
        account = OtherChainAccount(safe.client, safe.safe.address, 2, 1)
        drafter = Drafter(safe.client, OWNERS[0], account, service, MAY)
        with pytest.raises(SigningError, match="nothing was signed"):
            await drafter.draft(pay("one"), Book())
