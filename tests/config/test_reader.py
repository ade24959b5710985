"""One strict file, exact decimals, secrets out of the environment, and errors that name key and file."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.config.conftest import CHAIN, KEY, LYRA, PERP, Write

from trimtab.cli.output import to_plain
from trimtab.config import (
    ChainSettings,
    TxSettings,
    find_config,
    load_config,
)
from trimtab.errors import ConfigError
from trimtab.hedging.limits import HedgeLimits
from trimtab.hedging.policy import FixedBand
from trimtab.model.exposure_rule import ExposureRule
from trimtab.tx import RoutePolicy
from trimtab.tx.limit_settings import LimitSettings

EXAMPLE = Path(__file__).parents[2] / "docs" / "reference" / "trimtab.toml"


def _refusal(path: Path, **env: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_config(path, env)
    return caught.value


def test_the_documented_file_loads(tmp_path: Path) -> None:
    """docs/reference/trimtab.toml is a valid file and means what its comments say."""
    (tmp_path / "world.json").write_text(json.dumps({"perp_v2": to_plain(PERP)}))
    path = tmp_path / "trimtab.toml"
    path.write_text(EXAMPLE.read_text(encoding="utf-8"))
    config = load_config(path, {})
    assert config.chain == ChainSettings(("http://127.0.0.1:8545",), 31337)
    assert config.account.keystore == tmp_path / "key.json"
    assert config.journal.path == tmp_path / "trimtab.db"
    assert config.tx == TxSettings(Decimal(80), Decimal("0.05"))
    assert config.limits == LimitSettings(
        venues=("perp_v2", "lyra"),
        max_fees_per_hour_eth=Decimal("0.02"),
        max_fees_per_day_eth=Decimal("0.1"),
        max_notional=Decimal(50_000),
        max_notional_per_day=Decimal(500_000),
        max_leverage=Decimal(3),
        max_slippage=Decimal("0.01"),
        expires_at=1_893_456_000,
        pause_file=tmp_path / "trimtab.pause",
    )
    assert config.routes.exposure == ExposureRule(Decimal(5))
    assert [(route.title, route.kind) for route in config.routes.private] == [
        ("flashbots", "private_tx"),
        ("protect", "protect"),
    ]
    assert config.routes.policy == RoutePolicy.public()
    assert config.venues["perp_v2"] == PERP
    assert config.venues["lyra"].markets["sETH"].underlying == "ETH"
    assert config.hedge is not None
    assert config.hedge.policy == FixedBand(Decimal("0.5"))
    assert config.hedge.limits == HedgeLimits(
        Decimal(5), Decimal(20), Decimal("0.01"), Decimal("1.5"), 5 * 10**17, 600
    )


def test_the_smallest_file_needs_the_chain_only(write: Write) -> None:
    """Everything but the chain has a default; the journal lies beside the file."""
    path = write(CHAIN)
    config = load_config(path, {})
    assert config.hedge is None
    assert config.venues == {}
    assert not config.account.has_key
    assert config.journal.path == path.parent / "trimtab.db"


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        (CHAIN + "chainid = 1\n", "chain.chainid", "did you mean 'chain_id'?"),
        (CHAIN + "[jurnal]\n", "jurnal", "did you mean 'journal'?"),
        (CHAIN + "[limits]\nmax_fee_eth = 1\n", "limits.max_fee_eth", "did you mean 'max_value_eth'?"),
        (CHAIN + "[[limits.calls]]\nadress = 1\n", "limits.calls.adress", "known here: function"),
        (CHAIN + "[tx]\nzzz = 1\n", "tx.zzz", "known here: budget_eth, fee_cap_gwei, timeout"),
        (CHAIN + "[venues.lira]\n", "venues.lira", "did you mean 'lyra'?"),
        (CHAIN + "[venues.perp_v2]\ncontract = {}\n", "venues.perp_v2.contract", "did you mean 'contracts'?"),
    ],
)
def test_unknown_keys_are_errors(write: Write, text: str, key: str, words: str) -> None:
    """An unknown key is a ConfigError that names the key, the file and the nearest key there is."""
    path = write(text)
    error = _refusal(path)
    assert error.key == key
    assert f"{key} is not a setting" in str(error)
    assert words in str(error)
    assert str(path) in str(error)


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ("", "chain", "is missing"),
        ("[chain]\nchain_id = 1\n", "chain.urls", "is missing"),
        ("[chain]\nurls = []\nchain_id = 1\n", "chain.urls", "at least one URL"),
        ('[chain]\nurls = "http://node"\nchain_id = 1\n', "chain.urls", "must be a list, got str"),
        ('[chain]\nurls = ["u"]\nchain_id = 1.0\n', "chain.chain_id", "must be a whole number, got Decimal"),
        ('[chain]\nurls = ["u"]\nchain_id = true\n', "chain.chain_id", "must be a whole number, got bool"),
        ('[chain]\nurls = ["u"]\nchain_id = "1"\n', "chain.chain_id", "must be a whole number, got str"),
        ("chain = 1\n", "chain", "must be a table, got int"),
        (CHAIN + "timeout = 0\n", "chain.timeout", "must be above 0, got 0"),
        (CHAIN + "[tx]\nbudget_eth = -0.1\n", "tx.budget_eth", "must be above 0, got -0.1"),
        (CHAIN + "timeout = nan\n", "chain.timeout", "must be finite"),
        (CHAIN + "timeout = inf\n", "chain.timeout", "must be finite"),
        (CHAIN + "timeout = true\n", "chain.timeout", "must be a Decimal, int or str, got bool"),
        (CHAIN + '[account]\naddress = "0x12"\n', "account.address", "is not an address"),
        (CHAIN + "[account]\nkeystore = 1\n", "account.keystore", "must be a string, got int"),
        (
            CHAIN + '[account]\naddress = "0x8ba1f109551bD432803012645Ac136ddd64DBa72"\n',
            "account.address",
            "wrong checksum",
        ),
        (CHAIN + "[venues]\nlyra = 1\n", "venues.lyra", "must be a table"),
    ],
)
def test_types_are_strict(write: Write, text: str, key: str, words: str) -> None:
    """A value of another type is a ConfigError with key and file, never a conversion."""
    error = _refusal(write(text))
    assert error.key == key
    assert words in str(error)
    assert "trimtab.toml" in str(error)


@pytest.mark.parametrize(
    "text",
    [
        '[chain]\nurls = "https://node/s3cret"\nchain_id = 1\n',
        '[chain]\nurls = ["u"]\nchain_id = "https://node/s3cret"\n',
        'chain = ["https://u:s3cret@node"]\n',
        CHAIN + '[[routes.private]]\nkind = "protect"\nurls = "https://relay/s3cret"\n',
    ],
)
def test_a_misplaced_url_is_not_shown(write: Write, text: str) -> None:
    """Keys live in URLs: the message says that one stands where it does not belong, and no more."""
    said = str(_refusal(write(text)))
    assert "a URL" in said
    assert "s3cret" not in said


HEDGE = CHAIN + '[hedge]\nunderlying = "ETH"\noption_market = "sETH"\nperp_market = "vETH"\n'


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        (HEDGE, "hedge", "exactly one of the tables"),
        (
            HEDGE
            + "[hedge.fixed_band]\nwidth = 1\n[hedge.whalley_wilmott]\nrisk_aversion = 1\ncost_rate = 1\n"
            "min_width = 1\nmax_width = 1\n",
            "hedge",
            "exactly one of the tables",
        ),
        (HEDGE + "[hedge.fixed_band]\nwidth = 0\n", "hedge.fixed_band.width", "must be above 0, got 0"),
        (HEDGE + "[hedge.fixed_band]\nwidth = -1.5\n", "hedge.fixed_band.width", "must be above 0, got -1.5"),
        (HEDGE + "[hedge.fixed_band]\n", "hedge.fixed_band.width", "is missing"),
        (
            HEDGE + "[hedge.fixed_band]\nwidth = 1\n[hedge.limits]\nmax_slippage = 2\n",
            "hedge.limits.max_slippage",
            "a fraction below 1",
        ),
        (
            HEDGE + "[hedge.fixed_band]\nwidth = 1\n[hedge.limits]\nmax_sise = 2\n",
            "hedge.limits.max_sise",
            "did you mean 'max_size'?",
        ),
    ],
)
def test_a_rooms_refusal_names_the_key(write: Write, text: str, key: str, words: str) -> None:
    """What a room's own options class refuses is told with the file's key."""
    error = _refusal(write(text))
    assert error.key == key
    assert words in str(error)


@given(digits=st.decimals(min_value=Decimal("1e-18"), max_value=10**15, allow_nan=False, places=18))
def test_decimals_keep_every_digit(digits: Decimal, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A TOML number becomes the Decimal of its digits: 0.1 is one tenth, and no float is between."""
    path = tmp_path_factory.mktemp("config") / "trimtab.toml"
    path.write_text(CHAIN + f"[tx]\nbudget_eth = {digits:.18f}\n")
    assert load_config(path, {}).tx.budget_eth == digits


def test_secrets_come_from_the_environment_and_print_masked(write: Write) -> None:
    """The key is readable by reveal() alone: not in str, repr, nor in the repr of all settings."""
    env = {"TRIMTAB_PRIVATE_KEY": KEY, "TRIMTAB_KEYSTORE_PASSWORD": "hunter2"}
    config = load_config(write(CHAIN), env)
    assert config.account.private_key is not None
    assert config.account.private_key.reveal() == KEY
    assert config.account.has_key
    shown = f"{config!r} {config.account.private_key} {config.account.password!r}"
    assert KEY not in shown
    assert "11" * 8 not in shown
    assert "hunter2" not in shown
    assert "***" in shown


@pytest.mark.parametrize(
    ("line", "variable"),
    [(f'private_key = "{KEY}"', "TRIMTAB_PRIVATE_KEY"), ('password = "x"', "TRIMTAB_KEYSTORE_PASSWORD")],
)
def test_secrets_in_the_file_are_refused(write: Write, line: str, variable: str) -> None:
    """A secret in the file is an error that says where it belongs, and does not repeat it."""
    error = _refusal(write(CHAIN + f"[account]\n{line}\n"))
    assert variable in str(error)
    assert KEY not in str(error)


def test_urls_may_hold_keys(write: Write) -> None:
    """TRIMTAB_RPC_URL takes the place of chain.urls, and no URL is in the repr of the settings."""
    env = {"TRIMTAB_RPC_URL": "https://rpc.example/v1/SECRETKEY, wss://two.example"}
    config = load_config(write("[chain]\nchain_id = 1\n"), env)
    assert config.chain.urls == ("https://rpc.example/v1/SECRETKEY", "wss://two.example")
    assert "SECRETKEY" not in repr(config)


def test_the_search_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--config wins over TRIMTAB_CONFIG, which wins over ./trimtab.toml."""
    option, named, here = (tmp_path / name for name in ("option.toml", "named.toml", "trimtab.toml"))
    for path in (option, named, here):
        path.write_text(CHAIN)
    monkeypatch.chdir(tmp_path)
    env = {"TRIMTAB_CONFIG": str(named)}
    assert find_config(option, env) == option
    assert find_config(None, env) == named
    assert find_config(None, {}) == Path("trimtab.toml")


def test_a_missing_file_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a file the error names the options and the command that writes one."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ConfigError, match=r"no settings file trimtab\.toml: .*--config.*world up --config-out"
    ):
        find_config(None, {})
    with pytest.raises(ConfigError, match=r"gone\.toml"):
        find_config(tmp_path / "gone.toml", {})


def test_broken_toml_is_told_with_its_line(write: Write) -> None:
    """A syntax error is a ConfigError with file and line."""
    assert "line 1" in str(_refusal(write("[chain\n")))


def test_addresses_come_from_a_world(write: Write, tmp_path: Path) -> None:
    """addresses_file takes the JSON of `trimtab world up --json`; the file's own faults are named."""
    world = tmp_path / "world.json"
    world.write_text(json.dumps({"url": "http://x", "perp_v2": to_plain(PERP), "lyra": to_plain(LYRA)}))
    text = CHAIN + "".join(
        f'[venues.{name}]\naddresses_file = "world.json"\n' for name in ("perp_v2", "lyra")
    )
    path = write(text)
    assert load_config(path, {}).venues == {"perp_v2": PERP, "lyra": LYRA}
    world.write_text("{}")
    assert "world.json" in str(_refusal(path))
    world.unlink()
    assert "cannot read" in str(_refusal(path))


def test_addresses_file_or_tables(write: Write) -> None:
    """Giving both a file and tables is refused, because one would silently win."""
    text = CHAIN + '[venues.lyra]\naddresses_file = "w.json"\nmarkets = {}\n'
    assert "not both" in str(_refusal(write(text)))
