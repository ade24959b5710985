"""JSON documents out of a byte stream."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from trimtab.chain.transports.framing import JsonFramer

json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=8,
)
objects = st.dictionaries(st.text(), json_values, max_size=3)
documents = st.lists(st.one_of(objects, st.lists(json_values, max_size=3)), max_size=6)


@given(documents, st.sampled_from(["", "\n", " \r\n"]), st.booleans(), st.data())
def test_documents_come_whole_however_they_are_cut(
    wanted: list[object], separator: str, ascii_only: bool, data: st.DataObject
) -> None:
    """Braces and quotes inside strings, any separator or none, any cut: the same documents in order."""
    indent = data.draw(st.sampled_from([None, 1]))
    text = "".join(json.dumps(d, ensure_ascii=ascii_only, indent=indent) + separator for d in wanted)
    stream = text.encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    framer = JsonFramer()
    found = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        if start < end:
            found += [json.loads(document) for document in framer.feed(stream[start:end])]
    found += [json.loads(document) for document in framer.feed(b"\n")]
    assert found == wanted


def test_a_whole_line_is_not_copied() -> None:
    """What nearly always comes, one line with one document, passes as it is."""
    line = b'{"id":1,"result":"0x1"}\n'
    [document] = JsonFramer().feed(line)
    assert document is line


def test_a_line_that_waits_for_its_end_does_not_hold_up_the_one_before() -> None:
    """By lines, a whole one is given although the next has begun."""
    framer = JsonFramer()
    framer.feed(b'{"id":1}\n')
    assert list(framer.feed(b'{"id":2}\n{"id"')) == [b'{"id":2}']
    assert list(framer.feed(b":3}\n")) == [b'{"id":3}\n']


def test_a_pretty_printed_first_line_is_not_a_document() -> None:
    """A chunk that ends with a newline but not with a document waits for the rest."""
    framer = JsonFramer()
    assert list(framer.feed(b"{\n")) == []
    assert [json.loads(d) for d in framer.feed(b'"a": 1}\n')] == [{"a": 1}]
