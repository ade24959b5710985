"""The reducer's patience."""

from __future__ import annotations

import pytest

from trimtab.errors import ConfigError
from trimtab.tx import TxPolicy


@pytest.mark.parametrize("name", ["window", "confirmations", "bump_after_blocks", "clean_passes", "quorum"])
def test_patience_of_nothing_is_refused(name: str) -> None:
    """A window of 0 would send nothing, 0 passes would conclude from nothing; the error names the setting."""
    with pytest.raises(ConfigError, match=f"tx.{name}"):
        TxPolicy(**{name: 0})  # type: ignore[arg-type]
