"""The table of node errors: each client's own words, from `tests/data/rpc_errors.toml`."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.chain.rpc_errors import SOURCES, TABLE, ErrorRow, SendClass, classify_send_error, normalise
from trimtab.errors import ConfigError

C = SendClass
SAID = tomllib.loads((Path(__file__).parents[1] / "data" / "rpc_errors.toml").read_text())["say"]
FIXTURES = [(block, error) for block in SAID for error in block["errors"]]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(("message", "data", "error", "cause", "x")), inner, max_size=4)
    ),
    max_leaves=20,
)
REJECTIONS = frozenset(SendClass) - {C.AMBIGUOUS, C.NODE_STATE, C.NONCE_LOW, C.MINED_REVERT}


def _name(fixture: tuple[dict[str, Any], dict[str, Any]]) -> str:
    return f"{fixture[0]['client']}: {fixture[1]['text'][:50]}"


def _first_row(error: dict[str, Any]) -> ErrorRow | None:
    text = normalise(error["text"], error.get("data"))
    return next((row for row in TABLE if re.search(row.pattern, text, re.MULTILINE)), None)


@pytest.mark.parametrize("fixture", FIXTURES, ids=map(_name, FIXTURES))
def test_each_client_is_understood(fixture: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """What this client says has this class, also behind a provider's prefix; a row of the table knows it."""
    block, error = fixture
    text, code, data = error["text"], error.get("code"), error.get("data")
    assert classify_send_error(text, code, data) is C(error["class"])
    assert classify_send_error(f"call failed: rpc error: {text}", code, data) is C(error["class"])
    assert _first_row(error) is not None
    assert block["client"] in SOURCES
    assert block["source"]


@pytest.mark.parametrize("row", TABLE, ids=[row.pattern for row in TABLE])
def test_no_row_is_dead(row: ErrorRow) -> None:
    """Some client's words are matched by this row and by none before it, and by the row's clients they are
    said."""
    hits = [block["client"] for block, error in FIXTURES if _first_row(error) == row]
    assert hits, "no fixture needs it"
    assert set(row.clients) & set(hits), f"said by {hits}"
    assert set(row.clients) <= set(SOURCES)


def test_every_class_and_every_client_has_its_words() -> None:
    """No class is empty but AMBIGUOUS, which is what no row knows; no client is named without words."""
    assert {C(error["class"]) for _, error in FIXTURES} == set(SendClass) - {C.AMBIGUOUS}
    assert {block["client"] for block in SAID} == set(SOURCES)


@pytest.mark.parametrize(
    ("text", "longer", "shorter"),
    [
        ("replacement transaction underpriced", C.REPL_UNDERPRICED, C.UNDERPRICED),
        ("queued sub-pool is full", C.NONCE_HIGH, C.POOL_FULL),
        ("authority already reserved", C.DELEGATED_7702, C.TYPE_CONFLICT),
        ("authority nonce too low", C.PERMANENT, C.NONCE_LOW),
        ("delegation nonce gap", C.NONCE_HIGH, C.DELEGATED_7702),
        ("intrinsic gas too high -- CallerGasLimitMoreThanBlock", C.GASLIMIT, C.INTRINSIC),
        ("intrinsic gas too high -- CallGasCostMoreThanGasLimit", C.INTRINSIC, C.GASLIMIT),
        ("added to the mempool but ... insufficient funds", C.SYNC_TIMEOUT, C.FUNDS),
        ("<html>already known</html>", C.NODE_STATE, C.ALREADY_KNOWN),
        ("execution reverted: nonce too low", C.REVERT, C.NONCE_LOW),
        ("execution reverted: already known", C.REVERT, C.ALREADY_KNOWN),
        ("VM Exception while processing transaction: revert underpriced", C.MINED_REVERT, C.UNDERPRICED),
        ("NonceTooHigh: Nonce exceeds max nonce", C.PERMANENT, C.NONCE_HIGH),
        ("gas price too low; another transaction with same nonce", C.REPL_UNDERPRICED, C.UNDERPRICED),
        ("invalid signature provided", C.UNAUTHORISED, C.PERMANENT),
    ],
)  # fmt: skip
def test_the_order_of_the_table_matters(text: str, longer: SendClass, shorter: SendClass) -> None:
    """A phrase that contains a shorter one of another class is found first."""
    assert classify_send_error(text) is longer is not shorter


@pytest.mark.parametrize(
    "text",
    ["unknown transaction", "", "something that no client says", "internal error", "Internal error",
     "transaction not found", "method not found", "unexpected transaction", "invalid nonce",
     "mev-share service error", "bundle not included"],
)  # fmt: skip
def test_unknown_text_is_ambiguous(text: str) -> None:
    """Never a rejection: the transaction may have been taken. "unknown transaction" is not "known"."""
    assert classify_send_error(text) is C.AMBIGUOUS
    assert classify_send_error(f"oops: {text}", -32003) is C.AMBIGUOUS


@given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF)), st.integers(-33000, 2))
def test_foreign_words_are_never_a_rejection(text: str, code: int) -> None:
    """Text without a known word is ambiguous whatever the code."""
    assert classify_send_error(text, code) is C.AMBIGUOUS


@given(JSON, JSON, JSON)
def test_any_json_has_a_class(message: object, code: object, data: object) -> None:
    """Whatever a node sends as message, code and data, nothing is raised; noise is not called a rejection
    unless the code says revert."""
    found = classify_send_error(message, code, data)
    assert isinstance(found, SendClass)
    assert found not in REJECTIONS or code == 3 or _first_row({"text": message, "data": data}) is not None


def test_nested_data_and_codes_are_read() -> None:
    """Some providers hide the node's words in data; code 3 is a revert; code 4 with a hash is EIP-7966's."""
    nested = {"originalError": {"message": "nonce too low"}}
    assert classify_send_error("transaction failed", -32603, nested) is C.NONCE_LOW
    assert classify_send_error("transaction failed", -32603, {"cause": "already known"}) is C.ALREADY_KNOWN
    assert classify_send_error("transaction failed", -32603, [{"error": "txpool is full"}]) is C.POOL_FULL
    deep: object = "already known"
    for _ in range(20):
        deep = {"cause": deep}
    assert classify_send_error("oops", None, deep) is C.AMBIGUOUS, "nobody nests as deep as that"
    assert classify_send_error("oops", 3) is C.REVERT
    assert classify_send_error("oops", 4, "0x" + "ab" * 32) is C.SYNC_TIMEOUT
    assert classify_send_error("oops", 4, {"why": "late", "hash": "0x" + "ab" * 32}) is C.SYNC_TIMEOUT
    assert classify_send_error("oops", 4) is C.AMBIGUOUS
    assert classify_send_error("oops", 4, "0x" + "zz" * 32) is C.AMBIGUOUS


def test_a_page_of_any_length_is_read_in_no_time() -> None:
    """A megabyte of HTML, or of one letter, costs what its beginning costs."""
    assert classify_send_error("<html>" + "x" * 10**6) is C.NODE_STATE
    assert classify_send_error("tx fee (" * 10**5) is C.AMBIGUOUS


def test_rows_of_ones_own_stand_before_the_table() -> None:
    """A chain's own words, as data: they add to the table, and may overrule it."""
    rows = (
        ErrorRow("please retry in the next epoch", C.POOL_FULL, ("mychain",)),
        ErrorRow(r"^nonce too low: maintenance", C.NODE_STATE),
    )
    assert classify_send_error("Please retry in the next epoch") is C.AMBIGUOUS
    assert classify_send_error("Please retry in the next epoch", rows=rows) is C.POOL_FULL
    assert classify_send_error("nonce too low: maintenance", rows=rows) is C.NODE_STATE
    assert classify_send_error("nonce too low", rows=rows) is C.NONCE_LOW


def test_the_documented_example_holds() -> None:
    """The code of the reference page runs as it stands."""
    page = Path(__file__).parents[2] / "docs" / "reference" / "errors.md"
    (block,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(block, str(page), "exec"), {})


def test_a_row_that_is_no_pattern_is_refused() -> None:
    """When it is made, not when a node answers."""
    with pytest.raises(ConfigError, match="not a regular expression"):
        ErrorRow("(", C.POOL_FULL)
