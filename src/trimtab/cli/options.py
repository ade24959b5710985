"""The options that commands share, so that they are spelled and explained once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Settings file; else TRIMTAB_CONFIG, else ./trimtab.toml."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
VenueOption = Annotated[str | None, typer.Option("--venue", "-v", help="Only this venue.")]
AccountOption = Annotated[
    str | None, typer.Option("--account", "-a", help="Address to look at; else the configured account.")
]
