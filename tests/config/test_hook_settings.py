"""Our own contracts in the settings file."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from tests.config.conftest import CHAIN, Write, address

from trimtab.config import (
    ChainSettings,
    Config,
    FlashSettings,
    GmxSettings,
    HookSettings,
    load_config,
    render_table,
    write_config,
)
from trimtab.errors import ConfigError
from trimtab.hooks.deployment import DEFAULT_SALT

FULL = HookSettings(
    salt="0x" + "07" * 32,
    executor=address(1),
    lens=address(2),
    guard=address(3),
    flash_liquidator=address(4),
    order_callback=address(5),
    refunds_fees=True,
    probes={"perp_v2": address(6), "lyra/sETH": address(7)},
    flash=FlashSettings(address(8), address(9)),
    gmx=GmxSettings(address(10), address(11)),
)


def test_every_key_is_written_and_read_back(tmp_path: Path) -> None:
    """A file with all of it is the same settings again, and names each address once."""
    path = tmp_path / "trimtab.toml"
    config = Config(ChainSettings(("http://node",), 1), hooks=FULL)
    write_config(path, config)
    assert load_config(path, {}).hooks == FULL
    assert FULL.salt_bytes == b"\x07" * 32
    assert FULL.addresses["lyra/sETH"] == address(7)
    assert len(FULL.addresses) == 7


def test_left_out_nothing_is_used(write: Write) -> None:
    """Without [hooks] there is no contract of ours, and the salt is the one that everybody has."""
    hooks = load_config(write(CHAIN), {}).hooks
    assert hooks == HookSettings()
    assert (hooks.addresses, hooks.salt_bytes) == ({}, DEFAULT_SALT)
    assert render_table("hooks", hooks) == ""


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('executer = "0x"', "hooks.executer is not a setting; did you mean 'executor'?"),
        ('executor = "0x12"', "'0x12' is not an address"),
        ('salt = "pepper"', "hooks.salt must be 32 bytes as 64 hex digits, got 'pepper'"),
        ('salt = "0x12"', "hooks.salt must be 32 bytes"),
        ("refunds_fees = 1", "hooks.refunds_fees must be true or false"),
        ('probes = "0x12"', "hooks.probes must be a table"),
        ('flash = {aave_pool = "0x' + "1" * 40 + '"}', "hooks.flash.uniswap_factory is missing"),
        ('gmx = {stores = "0x"}', "hooks.gmx.stores is not a setting"),
    ],
)
def test_a_bad_key_is_told_with_its_name(write: Write, lines: str, words: str) -> None:
    """`ConfigError` names key and value; nothing unknown is passed over."""
    with pytest.raises(ConfigError) as caught:
        load_config(write(f"{CHAIN}\n[hooks]\n{lines}\n"), {})
    assert words in str(caught.value)


def test_the_documented_settings_have_every_key() -> None:
    """Set, or as a comment that says what it is."""
    page = Path(__file__).parents[2] / "docs" / "reference" / "trimtab.toml"
    text = page.read_text(encoding="utf-8")
    part = text[text.index("[hooks]") : text.index("[hedge]")]
    told = set(re.findall(r"^(?:# )?(\w+) = ", part, re.MULTILINE))
    tables = set(re.findall(r"^(?:# )?\[hooks\.(\w+)", part, re.MULTILINE))
    known = {item.name for kind in (HookSettings, FlashSettings, GmxSettings) for item in fields(kind)}
    assert told - {"perp_v2"} | tables == known
