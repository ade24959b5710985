"""A new venue is one folder and one line: folder, registry, ABI folder and test folder agree."""

from __future__ import annotations

from pathlib import Path

from trimtab.venues.registry import VENUES

FILES = {"__init__.py", "venue.py", "addresses.py", "read.py", "encode.py", "calls.py", "decode.py"}


def _folders(path: Path) -> set[str]:
    return {p.name for p in path.iterdir() if p.is_dir() and not p.name.startswith(("_", "."))}


def test_folder_registry_abis_and_tests_agree(root: Path) -> None:
    """Each venue has its folder, its registry line, its ABIs and its tests, and nothing else has."""
    venues = _folders(root / "src" / "trimtab" / "venues")
    assert set(VENUES) == venues
    assert _folders(root / "tests" / "venues") == venues
    abis = _folders(root / "abis")
    assert venues <= abis
    assert all(any((root / "abis" / venue).glob("*.json")) for venue in venues)


def test_every_adapter_has_the_same_files(root: Path) -> None:
    """An adapter is venue, addresses, read, encode, calls and decode, so that a reader finds his way."""
    for venue in _folders(root / "src" / "trimtab" / "venues"):
        found = {p.name for p in (root / "src" / "trimtab" / "venues" / venue).glob("*.py")}
        assert found >= FILES, venue


def test_every_abi_tells_its_origin(root: Path) -> None:
    """abis/README.md names each venue's package."""
    text = (root / "abis" / "README.md").read_text(encoding="utf-8")
    assert all(venue in text for venue in _folders(root / "abis"))
