"""The veil: blocks that were only tried are never told, the ones that stay are told once."""

from __future__ import annotations

from typing import Any

from trimtab.world.relay.veil import Stream, Veil


def head(name: str) -> dict[str, Any]:
    return {"hash": name, "number": "0x1"}


def log(block: str, index: int, **more: Any) -> dict[str, Any]:
    return {"blockHash": block, "logIndex": hex(index), "hash": None} | more


def test_tried_blocks_are_hidden_until_they_stay() -> None:
    """Hashes, heads and logs of a tried block are kept back; when the same block stays it is told."""
    veil = Veil()
    stream = Stream(veil)
    veil.hide("0xa")
    assert stream.keep(["0xa", head("0xa"), log("0xa", 0)]) == []
    veil.show("0xa")
    assert stream.keep([head("0xa"), log("0xa", 0), log("0xa", 1)]) == [
        head("0xa"),
        log("0xa", 0),
        log("0xa", 1),
    ]


def test_nothing_is_told_twice_on_one_stream() -> None:
    """A block that was tried and then kept was pushed twice by the node, and is told once on each stream."""
    veil = Veil()
    first, second = Stream(veil), Stream(veil)
    assert first.keep(["0xa", "0xa", "0xb"]) == ["0xa", "0xb"]
    assert first.keep([log("0xa", 0), log("0xa", 0)]) == [log("0xa", 0)]
    assert second.keep(["0xa"]) == ["0xa"]


def test_a_log_taken_back_passes() -> None:
    """Removed logs are not the ones they take back."""
    stream, removed = Stream(Veil()), log("0xa", 0, removed=True)
    assert stream.keep([log("0xa", 0), removed]) == [log("0xa", 0), removed]


def test_memory_is_bounded() -> None:
    """A stream forgets what it told long ago."""
    stream = Stream(Veil())
    stream.keep(str(number) for number in range(5000))
    assert stream.passes("0")
    assert not stream.passes("4999")
