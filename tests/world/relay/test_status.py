"""The status APIs' shapes: Protect's and MEV Blocker's, and what they keep to themselves."""

from __future__ import annotations

from tests.world.relay.conftest import PEOPLE, make_tx

from trimtab.world.relay.doors import DOORS, PROTECT
from trimtab.world.relay.pool import State, Story
from trimtab.world.relay.status import status_page

TX = make_tx(0, 4, tip=7, cap=1000, value=5)


def story(path: str = "/") -> Story:
    return Story(TX, DOORS[path], None, at=1_700_000_000.0, last_block=30)


def test_unknown_is_told_as_such() -> None:
    """A relay that never had a transaction says so, with the fields empty."""
    page = status_page("0x1", None, is_public=False)
    assert (page["status"], page["hash"], page["maxBlockNumber"]) == ("UNKNOWN", "0x1", 0)
    assert set(page["transaction"].values()) == {""}


def test_fields_are_told_only_of_what_is_in_a_block() -> None:
    """Pending and failed ones stay private."""
    told = story()
    assert set(status_page(TX.tx_hash, told, is_public=False)["transaction"].values()) == {""}
    told.state = State.INCLUDED
    fields = status_page(TX.tx_hash, told, is_public=True)["transaction"]
    assert fields["from"].lower() == PEOPLE[0]
    assert (fields["nonce"], fields["value"], fields["gasLimit"]) == ("4", "5", "100000")
    assert (fields["maxFeePerGas"], fields["maxPriorityFeePerGas"]) == ("1000", "7")


def test_failed_trial_is_told() -> None:
    """The reason of a failure, and whether it was a revert."""
    told = story()
    told.sim_error = "0x1 reverted"
    page = status_page(TX.tx_hash, told, is_public=False)
    assert (page["simError"], page["isRevert"], page["status"]) == ("0x1 reverted", True, "PENDING")


def test_mev_blocker_has_its_own_shape() -> None:
    """What came by one of its doors is told in its words."""
    page = status_page(TX.tx_hash, story("/fullprivacy"), is_public=False)
    assert (page["rpc_timestamp"], page["shared"]) == ("2023-11-14T22:13:20+00:00", False)
    assert status_page(TX.tx_hash, story("/fast"), is_public=False)["fastMode"]
    assert "rpc_timestamp" not in status_page(TX.tx_hash, story(PROTECT.path), is_public=False)
