"""MEV Blocker: its paths, its soft cancellations where they exist, and its zeroed answers."""

from __future__ import annotations

import pytest
from tests.tx.routes.scripted import ACCOUNT, scripted

from trimtab.errors import ConfigError
from trimtab.tx.lanes import Lane
from trimtab.tx.routes.base import RelayState
from trimtab.tx.routes.mev_blocker import MevBlockerOptions, MevBlockerRoute, Privacy


@pytest.mark.parametrize("privacy", list(Privacy))
async def test_the_path_says_who_may_see_it(privacy: Privacy) -> None:
    """One path each; by default builders only."""
    parcel = ACCOUNT.parcel(1, Lane.PRIVATE)
    async with scripted() as script:
        options = MevBlockerOptions(privacy)
        async with MevBlockerRoute([script.url], options=options) as route:
            await route.send(parcel)[0]
        async with MevBlockerRoute([script.url + "/?referrer=us"]) as route:
            await route.send(parcel)[0]
    assert [seen.path for seen in script.seen] == [f"/{privacy}", "/fullprivacy"]
    assert [seen.query for seen in script.seen] == [[], [("referrer", "us")]]
    assert script.seen[0].params == ["0x" + parcel.raws[0].hex()]


async def test_soft_cancellations_only_where_they_exist() -> None:
    """They work on two paths: asked for elsewhere they are refused, instead of cancelling nothing."""
    for privacy in Privacy:
        if privacy in (Privacy.NO_REVERTS, Privacy.FULL_PRIVACY):
            options = MevBlockerOptions(privacy, soft_cancellations=True)
            async with scripted() as script, MevBlockerRoute([script.url], options=options) as route:
                await route.send(ACCOUNT.parcel(1, Lane.PRIVATE))[0]
            assert script.seen[0].query == [("softCancellations", "true")]
        else:
            with pytest.raises(ConfigError, match="fullprivacy and noreverts"):
                MevBlockerOptions(privacy, soft_cancellations=True)


@pytest.mark.parametrize("path", ["/fast", "/noreverts/", "/nochecks", "?softCancellations=1", "?shareAll=1"])
def test_the_url_has_no_path_of_its_own(path: str) -> None:
    """What it says is said by options, once; sharing with everybody is not among them."""
    with pytest.raises(ConfigError, match="options"):
        MevBlockerRoute(["https://rpc.example" + path])


def test_a_path_that_there_is_not() -> None:
    """Is refused when the options are made."""
    with pytest.raises(ConfigError, match="no path 'slow'"):
        MevBlockerOptions("slow")  # type: ignore[arg-type]


async def test_viem_4012_answers_with_zeroed_fields_are_not_trusted() -> None:
    """wevm/viem#4012: MEV Blocker gives gasPrice, v, r and s of private transactions as zero, and leaves
    fields out. Only status and hash are read; an answer about another hash, or none, says nothing; and
    neither `eth_getTransactionByHash` nor receipts are ever asked of it."""
    parcel = ACCOUNT.parcel(1, Lane.PRIVATE)
    tx_hash = parcel.hashes[0]
    zeroed = {"gasPrice": "0x0", "v": "0x0", "r": "0x0", "s": "0x0"}
    async with scripted() as script, MevBlockerRoute([script.url]) as route:
        await route.send(parcel)[0]
        for said, state in (
            ({"status": "INCLUDED", "hash": tx_hash, "transaction": zeroed}, RelayState.INCLUDED),
            ({"status": "INCLUDED", "hash": "0x" + "00" * 32, "transaction": zeroed}, RelayState.UNKNOWN),
            ({"status": "INCLUDED", "transaction": zeroed}, RelayState.UNKNOWN),
            (zeroed, RelayState.UNKNOWN),
            (None, RelayState.UNKNOWN),
        ):
            script.statuses = {tx_hash: said}
            (status,) = await route.read_status(tx_hash)
            assert status.state is state
    assert {seen.method for seen in script.seen} == {"eth_sendRawTransaction"}
