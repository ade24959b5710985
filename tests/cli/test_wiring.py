"""Wiring: settings become a signer, options and a session; what is missing is said."""

from __future__ import annotations

import secrets
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from eth_account import Account
from tests.chain.conftest import scripted_node, send
from tests.tx.signers.kms_server import REGION, serve_kms
from tests.tx.signers.softhsm import PIN, Token, needs_softhsm

from trimtab.cli.wiring import (
    executor_options,
    load_signer,
    open_session,
    parse_amount,
    sender_options,
)
from trimtab.config import (
    AccountSettings,
    ChainSettings,
    Config,
    HookSettings,
    KmsSettings,
    Pkcs11Settings,
    PrivateRouteSettings,
    RouteSettings,
    Secret,
    TxSettings,
)
from trimtab.errors import ConfigError, IntentError, SigningError
from trimtab.hooks.deployment import PROXY, HookContract, address_of, encode_deploy
from trimtab.model.exposure_rule import ExposureRule
from trimtab.model.ids import Address
from trimtab.model.limits import Limits
from trimtab.tx import RoutePolicy, SenderOptions
from trimtab.tx.signers.kms import KmsSigner
from trimtab.tx.signers.pkcs11 import Pkcs11Signer
from trimtab.venues.base import BookVenue
from trimtab.world.world import World

KEY = "0x" + "11" * 32
ADDRESS = Address(Account.from_key(KEY).address.lower())
CHAIN = ChainSettings(("http://node",), 7)


@pytest.fixture(scope="session")
def keystore(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A keystore of KEY with the password "right", weak on purpose so that tests are quick."""
    import json

    path = tmp_path_factory.mktemp("keys") / "key.json"
    path.write_text(json.dumps(Account.encrypt(bytes.fromhex(KEY[2:]), "right", kdf="pbkdf2", iterations=2)))
    path.chmod(0o600)
    return path


def test_a_key_of_the_environment_signs() -> None:
    """The environment's key becomes the signer of its address."""
    assert load_signer(AccountSettings(private_key=Secret(KEY))).address == ADDRESS


@pytest.mark.node
async def test_a_session_knows_its_account(world: World) -> None:
    """The address given wins, then the configured one, then the key's; without any it is a settings error."""
    chain = ChainSettings((world.url,), world.client.chain_id)
    keyed, other = AccountSettings(private_key=Secret(KEY)), Address("0x" + "22" * 20)
    async with open_session(Config(chain, account=keyed)) as session:
        assert session.account() == ADDRESS
        assert session.signer is session.signer
        assert session.account(other) == other
    async with open_session(Config(chain, account=AccountSettings(address=other))) as session:
        assert session.account() == other
    async with open_session(Config(chain)) as session:
        with pytest.raises(ConfigError, match="give --account"):
            session.account()
        with pytest.raises(ConfigError, match="no venue is configured"):
            session.perp_venues()


def test_a_keystore_signs_with_its_password(keystore: Path, tmp_path: Path) -> None:
    """The password is the environment's or the password file's."""
    assert load_signer(AccountSettings(keystore=keystore, password=Secret("right"))).address == ADDRESS
    file = tmp_path / "password"
    file.write_text("right\n")
    file.chmod(0o600)
    assert load_signer(AccountSettings(keystore=keystore, password_file=file)).address == ADDRESS


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({}, ConfigError, "sending needs a key: set TRIMTAB_PRIVATE_KEY"),
        ({"private_key": Secret("0x12")}, SigningError, "32 bytes"),
        ({"private_key": Secret("zz")}, SigningError, "not hex"),
        ({"keystore": Path("gone.json"), "password": Secret("x")}, SigningError, "no keystore at gone.json"),
        ({"keystore": Path("gone.json")}, ConfigError, "needs a password: set TRIMTAB_KEYSTORE_PASSWORD"),
        (
            {"private_key": Secret(KEY), "address": Address("0x" + "22" * 20)},
            ConfigError,
            "one of them is wrong",
        ),
    ],
)
def test_what_is_wrong_with_a_key_is_said(
    changes: dict[str, Any], error: type[Exception], words: str
) -> None:
    """A missing, malformed or foreign key is a typed error with the cure, and never shows the key."""
    with pytest.raises(error, match=words) as caught:
        load_signer(AccountSettings(**changes))
    assert KEY[2:] not in str(caught.value)


def test_a_wrong_password_is_said(keystore: Path) -> None:
    """A wrong password is told as such, without the password."""
    with pytest.raises(SigningError, match="wrong password") as caught:
        load_signer(AccountSettings(keystore=keystore, password=Secret("hunter2")))
    assert "hunter2" not in str(caught.value)


@needs_softhsm
def test_a_key_in_a_token_signs() -> None:
    """With its PIN, which is missed by name when it is not there."""
    token = Token.make(f"wired-{secrets.token_hex(6)}")
    token.make_key()
    where = token.options
    settings = Pkcs11Settings(where.library, where.token, where.key, pin=Secret(PIN))
    signer = load_signer(AccountSettings(kind="pkcs11", pkcs11=settings))
    assert isinstance(signer, Pkcs11Signer)
    with pytest.raises(ConfigError, match="set TRIMTAB_PKCS11_PIN"):
        load_signer(AccountSettings(kind="pkcs11", pkcs11=replace(settings, pin=None)))
    with pytest.raises(ConfigError, match=f"the key is of {signer.address}"):
        load_signer(AccountSettings(address=ADDRESS, kind="pkcs11", pkcs11=settings))
    signer.close()
    token.destroy()


def test_a_key_in_kms_signs() -> None:
    """The settings reach the service."""
    with serve_kms() as kms:
        kms.make_key("alias/wired")
        settings = KmsSettings("alias/wired", REGION, endpoint=kms.url)
        signer = load_signer(AccountSettings(kind="kms", kms=settings))
    assert isinstance(signer, KmsSigner)
    signer.close()


def test_caps_become_wei() -> None:
    """Ether and gwei of the settings reach the rooms as exact wei; too many decimals are refused."""
    config = Config(CHAIN, tx=TxSettings(Decimal("80.5"), Decimal("0.05"), Decimal(3)))
    assert executor_options(config).budget_wei == 5 * 10**16
    assert executor_options(config).timeout == 3
    assert executor_options(config).chain_id == 7
    assert sender_options(config, {}).fee_cap == 80_500_000_000
    assert sender_options(Config(CHAIN), {}).fee_cap == SenderOptions().fee_cap == 10**12
    with pytest.raises(IntentError, match="9 decimal places"):
        sender_options(Config(CHAIN, tx=TxSettings(Decimal("1e-10"))), {})


def test_routes_become_options() -> None:
    """The usual policy is the sender's; the rule for exposed orders, and the policy of what it hides, are the
    executor's."""
    private = (PrivateRouteSettings("private_tx", ("http://relay",)),)
    rule = ExposureRule(Decimal(7))
    routes = RouteSettings("private_then_public", 3, private, rule)
    config = Config(CHAIN, routes=routes)
    assert sender_options(config, {}).route == RoutePolicy.private_then_public(3)
    options = executor_options(config)
    assert (options.exposure, options.private) == (rule, RoutePolicy.private(3))
    bare = executor_options(Config(CHAIN))
    assert (bare.exposure, bare.private, bare.rule) == (None, None, None)
    assert sender_options(Config(CHAIN), {}).route == RoutePolicy.public()


@pytest.mark.node
async def test_the_key_may_do_what_the_venues_need(world: World) -> None:
    """Without a [limits] table: the configured venues' calls on the configured chain, no value to anybody,
    and no transaction above the budget."""
    chain = ChainSettings((world.url,), world.client.chain_id)
    config = Config(chain, tx=TxSettings(budget_eth=Decimal("0.5")), venues={"perp_v2": world.perp})
    async with open_session(config) as session:
        limits = sender_options(config, session.venues).limits
        assert limits == Limits.of(*session.venues.values(), max_cost_wei=5 * 10**17)
    assert not limits.transfers
    assert limits.max_value_wei == 0


def test_amounts_of_the_command_line_are_exact() -> None:
    """A typed number keeps its digits; words and NaN are refused with the option's name."""
    assert parse_amount("0.1", "size") == Decimal("0.1")
    assert parse_amount(None, "size") is None
    for bad in ("NaN", "inf", "1,5", "0x1", ""):
        with pytest.raises(IntentError) as caught:
            parse_amount(bad, "size")
        assert caught.value.field == "size"


@pytest.mark.node
async def test_a_configured_lens_reads_books(world: World) -> None:
    """`hooks.lens` is asked by both venues; without it the lens's code travels: the books are the same."""
    traders = [world.accounts["trader"].address, world.accounts["maker"].address]
    lens = HookContract("lens", "PositionLens")
    await send(world.client, world.accounts["deployer"].address, PROXY, encode_deploy(lens).data)
    place = address_of(lens)
    async with scripted_node() as proxy, ClientSession() as http:

        async def forward(request: Any) -> Any:
            async with http.post(world.url, json=request) as response:
                return web.json_response(await response.json())

        proxy.answer = forward
        plain = Config(
            ChainSettings((proxy.url,), world.client.chain_id),
            venues={"perp_v2": world.perp, "lyra": world.lyra},
        )
        told = []
        for config in (plain, replace(plain, hooks=HookSettings(lens=place))):
            proxy.requests.clear()
            async with open_session(config) as session:
                venues = [v for v in session.venues.values() if isinstance(v, BookVenue)]
                told.append([await venue.read_books(traders) for venue in venues])
            asked = [r["params"][0].get("to") for r in proxy.requests if r["method"] == "eth_call"]
            assert asked.count(place) == (0 if config is plain else 2)
        assert told[0] == told[1]
        assert [len(books) for books in told[0]] == [2, 2]
