"""Settings: one strict file, exact decimals, masked secrets, and errors that name key and file."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.config import (
    AccountSettings,
    ChainSettings,
    Config,
    HedgeSettings,
    JournalSettings,
    KmsSettings,
    Pkcs11Settings,
    Secret,
    TxSettings,
    find_config,
    load_config,
    mask_url,
    read_password,
    read_pin,
    write_config,
)
from trimtab.errors import ConfigError, TrimtabError
from trimtab.hedging.limits import HedgeLimits
from trimtab.hedging.policy import FixedBand, WhalleyWilmott
from trimtab.model.ids import Address
from trimtab.tx.limit_settings import CallSettings, LimitSettings, RuleSettings
from trimtab.venues.lyra.addresses import LyraDeployment, LyraMarketAddresses
from trimtab.venues.perp_v2.addresses import (
    PerpV2CollateralToken,
    PerpV2Deployment,
    PerpV2MarketAddresses,
)

EXAMPLE = Path(__file__).parents[1] / "docs" / "reference" / "trimtab.toml"
CHAIN = '[chain]\nurls = ["http://node"]\nchain_id = 1\n'
KEY = "0x" + "11" * 32

Write = Callable[[str], Path]


def _address(number: int) -> Address:
    return Address(f"0x{number:040x}")


PERP = PerpV2Deployment(
    contracts={"ClearingHouse": _address(1)},
    markets={"vETH": PerpV2MarketAddresses("ETH", _address(2), _address(3), _address(4))},
    collateral={"USDC": PerpV2CollateralToken(_address(5), 6)},
)
LYRA = LyraDeployment(
    contracts={"OptionMarketViewer": _address(6)},
    markets={"sETH": LyraMarketAddresses("ETH", {"OptionMarket": _address(7)}, _address(8), _address(9))},
)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(text: str) -> Path:
        path = tmp_path / "trimtab.toml"
        path.write_text(text)
        return path

    return to_file


def _refusal(path: Path, **env: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_config(path, env)
    return caught.value


def test_the_documented_file_loads(tmp_path: Path) -> None:
    """docs/reference/trimtab.toml is a valid file and means what its comments say."""
    (tmp_path / "world.json").write_text(json.dumps({"perp_v2": _plain(PERP)}))
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
        expires_at=1_893_456_000,
        pause_file=tmp_path / "trimtab.pause",
    )
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


@pytest.mark.parametrize(
    "build",
    [
        lambda: TxSettings(budget_eth=0.1),  # type: ignore[arg-type]
        lambda: ChainSettings(("u",), 1, timeout=1.5),  # type: ignore[arg-type]
        lambda: TxSettings(fee_cap_gwei=float("nan")),  # type: ignore[arg-type]
        lambda: FixedBand(0.5),  # type: ignore[arg-type]
        lambda: HedgeLimits(max_size=1.0),  # type: ignore[arg-type]
    ],
)
def test_floats_are_refused_in_code_too(build: Callable[[], object]) -> None:
    """Settings built without a file refuse a float where a Decimal is due."""
    with pytest.raises(TrimtabError, match="float"):
        build()


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


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://rpc.example:8443/v1/SECRET?key=SECRET", "https://rpc.example:8443/***"),
        ("https://user:SECRET@rpc.example", "https://rpc.example"),
        ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
        ("/run/node.ipc", "/run/node.ipc"),
    ],
)
def test_masked_urls(url: str, shown: str) -> None:
    """What may be a key is cut off a URL before it is shown."""
    assert mask_url(url) == shown


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
    world.write_text(json.dumps({"url": "http://x", "perp_v2": _plain(PERP), "lyra": _plain(LYRA)}))
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


def _plain(value: object) -> Any:
    from trimtab.cli.output import to_plain

    return to_plain(value)


@pytest.mark.parametrize(
    "policy",
    [
        {"fixed_band": FixedBand(Decimal("0.25"))},
        {
            "whalley_wilmott": WhalleyWilmott(
                Decimal("0.01"), Decimal("0.001"), Decimal("0.1"), Decimal(2), lot=Decimal("1E-8")
            )
        },
    ],
)
def test_what_is_written_reads_back_equal(tmp_path: Path, policy: dict[str, Any]) -> None:
    """write_config and load_config are inverse; the file is its owner's alone and holds no secret."""
    config = Config(
        chain=ChainSettings(("http://127.0.0.1:1", 'ws://a/"b\\'), 31337, Decimal("2.5")),
        account=AccountSettings(address=_address(10), private_key=Secret(KEY)),
        journal=JournalSettings(tmp_path / "sub" / "j.db"),
        tx=TxSettings(Decimal("0.000000001")),
        limits=LimitSettings(
            functions=("openPosition",),
            calls=(CallSettings(_address(11), "f(address)", None, (RuleSettings(0, ("self",)),)),),
            max_fees_per_hour_eth=Decimal("0.05"),
            pause_file=tmp_path / "pause",
        ),
        venues={"perp_v2": PERP, "lyra": LYRA},
        hedge=HedgeSettings("ETH", "sETH", "vETH", limits=HedgeLimits(gas_budget_wei=10**30), **policy),
    )
    path = tmp_path / "out.toml"
    write_config(path, config)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert KEY not in path.read_text()
    assert load_config(path, {"TRIMTAB_PRIVATE_KEY": KEY}) == config


def test_a_password_file_is_its_owners_alone(tmp_path: Path) -> None:
    """The password is the first line of a 0600 file; a file that others can read is refused with the cure."""
    file = tmp_path / "password"
    file.write_text("hunter2\n")
    file.chmod(0o644)
    account = AccountSettings(password_file=file)
    with pytest.raises(ConfigError, match=r"others can read .* \(mode 0644\): chmod 600") as caught:
        read_password(account)
    assert "hunter2" not in str(caught.value)
    file.chmod(0o600)
    assert read_password(account) == Secret("hunter2")
    file.unlink()
    with pytest.raises(ConfigError, match="cannot read the password file"):
        read_password(account)


def test_the_environments_password_wins() -> None:
    """TRIMTAB_KEYSTORE_PASSWORD is used without looking at a file; neither means None."""
    assert read_password(AccountSettings(password=Secret("a"), password_file=Path("gone"))) == Secret("a")
    assert read_password(AccountSettings()) is None


TOKEN = '[account]\nkind = "pkcs11"\n[account.pkcs11]\nlibrary = "hsm.so"\ntoken = "desk"\nkey = "hot"\n'
KMS = '[account]\nkind = "kms"\n[account.kms]\nkey = "alias/desk"\n'


def test_a_key_in_a_token(write: Write) -> None:
    """The library's path is relative to the file, the PIN comes from the environment and prints masked."""
    path = write(CHAIN + TOKEN)
    account = load_config(path, {"TRIMTAB_PKCS11_PIN": "hunter2"}).account
    assert account.pkcs11 == Pkcs11Settings(path.parent / "hsm.so", "desk", "hot", None, Secret("hunter2"))
    assert account.has_key
    assert account.key_place == "the key 'hot' in the token 'desk'"
    assert "hunter2" not in f"{account!r} {account}"
    assert read_pin(account.pkcs11) == Secret("hunter2")


def test_a_key_in_kms(write: Write) -> None:
    """An alias is enough; region, profile and endpoint may be said."""
    assert load_config(write(CHAIN + KMS), {}).account.kms == KmsSettings("alias/desk")
    more = KMS + 'region = "eu-central-1"\nprofile = "desk"\nendpoint = "http://127.0.0.1:4566"\n'
    account = load_config(write(CHAIN + more), {}).account
    assert account.kms == KmsSettings("alias/desk", "eu-central-1", "desk", "http://127.0.0.1:4566")
    assert account.has_key
    assert account.key_place == "the AWS KMS key 'alias/desk'"


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ('[account]\nkind = "ledger"', "account.kind", "must be one of keystore, pkcs11, kms, got 'ledger'"),
        ('[account]\nkind = "pkcs11"', "account.pkcs11", "is missing, and account.kind is 'pkcs11'"),
        ('[account]\nkind = "kms"\nkeystore = "key.json"', "account.keystore", "account.kind is 'kms'"),
        (TOKEN.replace('"pkcs11"', '"keystore"'), "account.pkcs11", "account.kind is 'keystore'"),
        (KMS + '[account.pkcs11]\nlibrary = "a"\ntoken = "b"\nkey = "c"', "account.pkcs11", "'kms'"),
        (TOKEN.replace('key = "hot"\n', ""), "account.pkcs11.key", "is missing"),
        (TOKEN + "pin = 1234", "account.pkcs11.pin", "is a secret.*set TRIMTAB_PKCS11_PIN"),
        (KMS + 'token = "desk"', "account.kms.token", "is not a setting"),
        (KMS + 'secret_access_key = "x"', "account.kms.secret_access_key", "is not a setting"),
    ],
)
def test_one_kind_of_key_counts(write: Write, text: str, key: str, words: str) -> None:
    """A kind without its table, a table of another kind, a secret in the file: the wrong key is named."""
    with pytest.raises(ConfigError, match=words) as caught:
        load_config(write(CHAIN + text), {})
    assert caught.value.key == key


@pytest.mark.parametrize("text", [TOKEN, KMS])
def test_a_key_of_the_environment_is_no_second_one(write: Write, text: str) -> None:
    """A forgotten TRIMTAB_PRIVATE_KEY neither replaces the token's key nor is silently left aside."""
    with pytest.raises(ConfigError, match="TRIMTAB_PRIVATE_KEY is set too") as caught:
        load_config(write(CHAIN + text), {"TRIMTAB_PRIVATE_KEY": KEY})
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("text", [TOKEN, KMS])
def test_kinds_of_keys_are_written_and_read(write: Write, tmp_path: Path, text: str) -> None:
    """`write_config` is the inverse of `load_config`, without the PIN."""
    config = load_config(write(CHAIN + text), {})
    write_config(tmp_path / "again.toml", config)
    assert load_config(tmp_path / "again.toml", {}) == config


def test_a_pin_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Its first line is the PIN; readable by others it is refused."""
    file = tmp_path / "pin"
    file.write_text("hunter2\n")
    file.chmod(0o600)
    settings = Pkcs11Settings(Path("hsm.so"), "desk", "hot", pin_file=file)
    assert read_pin(settings) == Secret("hunter2")
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="others can read the PIN file") as caught:
        read_pin(settings)
    assert caught.value.key == "account.pkcs11.pin_file"
