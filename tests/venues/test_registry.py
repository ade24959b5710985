"""The registry leads from a name to an adapter."""

from __future__ import annotations

from dataclasses import is_dataclass
from importlib import import_module

import pytest

from trimtab.venues.base import OptionVenue, PerpVenue, Venue
from trimtab.venues.registry import VENUES


@pytest.mark.parametrize("name", sorted(VENUES))
def test_every_line_leads_to_a_venue(name: str) -> None:
    """Each line's class plays a role of base.py under the line's name, and its deployment is plain data."""
    line = VENUES[name]
    assert line.package == f"trimtab.venues.{name}"
    assert is_dataclass(line.deployment_type())
    venue = getattr(import_module(line.package), line.venue)
    assert venue.name == name
    roles = [role for role in (PerpVenue, OptionVenue) if all(hasattr(venue, m) for m in members_of(role))]
    assert roles


def members_of(role: type) -> set[str]:
    """The public members that a role asks for, its bases' included."""
    return {name for name in dir(role) if not name.startswith("_")} | set(Venue.__annotations__)
