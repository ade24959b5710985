"""Bad input, end to end: each is one clear typed error with its exit code, and nothing is sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from tests.cli.conftest import NOBODY, Cli

from trimtab import (
    Executor,
    Journal,
    Limits,
    LocalSigner,
    OptionAction,
    OptionIntent,
    OptionType,
    PerpIntent,
    PerpV2,
    Sender,
    SenderOptions,
    Side,
)
from trimtab.config import TxSettings
from trimtab.errors import ConfigError, IntentError
from trimtab.venues.lyra import Lyra

pytestmark = pytest.mark.node

DAY = 86_400
BUY = ("trade", "perp", "vETH", "buy")
CALL = ("trade", "option", "sETH", "4", "long_call")


@asynccontextmanager
async def nothing_sent(cli: Cli) -> AsyncIterator[None]:
    """The account's nonce, with what is pending, is the same afterwards."""
    before = await cli.nonce()
    yield
    assert await cli.nonce() == before


async def _refused(cli: Cli, *words: str, env: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    """The exit code and the error of a command that must send nothing."""
    async with nothing_sent(cli):
        done = await cli.run(*words, "--yes", "--json", env=env)
    assert done.code != 0, done.out
    return done.code, done.error


@pytest.mark.parametrize(
    ("words", "code", "error", "message"),
    [
        (("trade", "perp", "vDOGE", "buy", "1"), 5, "UnknownMarketError", "there are vBTC, vETH"),
        (
            ("trade", "option", "sDOGE", "4", "long_call", "1"),
            5,
            "UnknownMarketError",
            "there are sBTC, sETH",
        ),
        (("trade", "option", "sETH", "999", "long_call", "1"), 5, "UnknownMarketError", "999"),
        ((*BUY, "0"), 5, "IntentError", "size must be above 0, got 0"),
        ((*CALL, "0"), 5, "IntentError", "amount must be above 0, got 0"),
        ((*BUY, "-1"), 5, "IntentError", "size must be above 0, got -1"),
        ((*CALL, "-0.5"), 5, "IntentError", "amount must be above 0, got -0.5"),
        (("trade", "deposit", "USDC", "-1"), 5, "IntentError", "amount must be above 0, got -1"),
        ((*BUY, "NaN"), 5, "IntentError", "size must be finite, got NaN"),
        ((*CALL, "inf"), 5, "IntentError", "amount must be finite, got Infinity"),
        ((*BUY, "one"), 5, "IntentError", "size is not a number: 'one'"),
        ((*BUY, "1", "--limit-price", "NaN"), 5, "IntentError", "limit-price must be finite"),
        ((*CALL, "1", "--collateral", "-1"), 5, "IntentError", "set_collateral_to must not be negative"),
        ((*BUY, "1.0000000000000000001"), 5, "IntentError", "more than 18 decimal places"),
        ((*CALL, "1.0000000000000000001"), 5, "IntentError", "more than 18 decimal places"),
        (("trade", "deposit", "USDC", "1.0000001"), 5, "IntentError", "more than 6 decimal places"),
        ((*BUY,), 5, "IntentError", "exactly one of size and notional"),
        ((*BUY, "1", "--close"), 5, "IntentError", "leave out size"),
        ((*BUY, "1", "--deadline", "1"), 5, "IntentError", "deadline 1 is not after"),
        ((*BUY, "1"), 5, "InsufficientMarginError", "margin"),
        (("trade", "withdraw", "USDC", "1"), 5, "InsufficientMarginError", ""),
        (("trade", "deposit", "USDC", "1e30"), 5, "InsufficientMarginError", "which is less than 1000000"),
        (("trade", "deposit", "DOGE", "1"), 5, "IntentError", "it takes USDC, WETH"),
        (("trade", "perp", "vETH", "sell", "--close"), 5, "OrderRejectedError", "no taker position to close"),
    ],
)
async def test_bad_orders(cli: Cli, words: tuple[str, ...], code: int, error: str, message: str) -> None:
    """An order that cannot be meant, or cannot be margined, is refused with value and reason."""
    ended, told = await _refused(cli, *words)
    assert (ended, told["class"]) == (code, error), told
    assert message in told["message"]


async def test_too_little_collateral_for_a_written_option(cli: Cli) -> None:
    """A short position below the venue's minimum is refused with the minimum."""
    await cli.run("trade", "approve", "sETH", "--yes")
    words = ("trade", "option", "sETH", "4", "short_put_quote", "2", "--collateral", "1")
    code, told = await _refused(cli, *words)
    assert (code, told["class"]) == (5, "InsufficientMarginError")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((*BUY, "1", "--limit-price", "1900"), "above the acceptable price 1900"),
        (("trade", "perp", "vETH", "sell", "1", "--limit-price", "2100"), "below the acceptable price 2100"),
        ((*CALL, "1", "--limit-cost", "10"), "beyond limit_cost"),
        (
            (
                "trade",
                "option",
                "sETH",
                "4",
                "short_call_base",
                "1",
                "--collateral",
                "1",
                "--limit-cost",
                "900",
            ),
            "beyond limit_cost",
        ),
    ],
)
async def test_price_limit_not_met(cli: Cli, words: tuple[str, ...], message: str) -> None:
    """A price or cost beyond the limit is refused before sending, for each side of both venues."""
    for first in (("deposit", "USDC", "10000"), ("approve", "sETH")):
        assert (await cli.run("trade", *first, "--yes")).code == 0
    code, told = await _refused(cli, *words)
    assert (code, told["class"]) == (5, "AcceptablePriceError"), told
    assert message in told["message"]


async def test_stale_oracle_of_perps(cli: Cli) -> None:
    """When the index price has not been posted for too long, a perp order is refused as stale."""
    assert (await cli.run("trade", "deposit", "USDC", "10000", "--yes")).code == 0
    await cli.world.warp(30 * DAY)
    code, told = await _refused(cli, *BUY, "1")
    assert (code, told["class"]) == (5, "StalePriceError"), told


async def test_stale_oracle_of_options(cli: Cli) -> None:
    """When the spot oracle marks its rate as invalid, an option order is refused as stale."""
    assert (await cli.run("trade", "approve", "sETH", "--yes")).code == 0
    rates = cli.world.artifacts.abi("TestExchangeRates").function("setRateAndInvalid")
    key = b"sETH".ljust(32, b"\0")
    oracle = cli.world.lyra.contracts["TestExchangeRates"]
    await cli.world.transact("deployer", rates.at(oracle, key, 2000 * 10**18, True))
    code, told = await _refused(cli, *CALL, "1")
    assert (code, told["class"]) == (5, "StalePriceError"), told


async def test_expired_board(cli: Cli) -> None:
    """After its expiry a board takes no order: closed, not unknown."""
    assert (await cli.run("trade", "approve", "sETH", "--yes")).code == 0
    await cli.world.warp(29 * DAY)
    code, told = await _refused(cli, *CALL, "1")
    assert (code, told["class"]) == (5, "MarketClosedError"), told
    assert "expired" in told["message"]


async def test_wrong_chain_id(cli: Cli) -> None:
    """A node of another chain is refused before anything is read."""
    cli.edit("chain_id = 31337", "chain_id = 10")
    code, told = await _refused(cli, *BUY, "1")
    assert (code, told["class"]) == (4, "WrongChainError")
    assert told["facts"] == {"expected": 10, "actual": 31337}


@pytest.mark.parametrize("contract", ["ClearingHouse", "Multicall2", "AccountBalance"])
async def test_no_code_at_an_address(cli: Cli, contract: str) -> None:
    """An address without a contract is an error that says so, never a trade of nothing."""
    assert (await cli.run("trade", "deposit", "USDC", "10000", "--yes")).code == 0
    cli.edit(f'{contract} = "{cli.world.perp.contracts[contract]}"', f'{contract} = "{NOBODY}"')
    code, told = await _refused(cli, *BUY, "1")
    assert (code, told["class"]) == (4, "AbiError"), told
    assert NOBODY in told["message"]


async def test_node_down(cli: Cli) -> None:
    """A node that is not there is a lost connection with its address, at once."""
    url = "http://127.0.0.1:9"
    cli.edit(cli.world.url, url)
    code, told = await _refused(cli, *BUY, "1")
    assert (code, told["class"]) == (4, "ConnectionLostError"), told
    assert "127.0.0.1:9" in told["message"]


async def test_node_slow(cli: Cli) -> None:
    """A node that takes the request and never answers is a timeout after the configured seconds."""

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        cli.edit(cli.world.url, f"http://127.0.0.1:{port}")
        cli.edit("timeout = 10", "timeout = 0.3")
        code, told = await _refused(cli, *BUY, "1")
    assert (code, told["class"]) == (4, "RpcTimeoutError"), told


@pytest.fixture(scope="session")
def keystore(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A keystore with the password "right", weak on purpose so that tests are quick."""
    path = tmp_path_factory.mktemp("keys") / "key.json"
    path.write_text(json.dumps(Account.encrypt(b"\x11" * 32, "right", kdf="pbkdf2", iterations=2)))
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(
    ("file", "password", "code", "error", "message"),
    [
        ("gone.json", "right", 5, "SigningError", "no keystore at"),
        (None, "hunter2", 5, "SigningError", "wrong password"),
        (None, "", 3, "ConfigError", "needs a password"),
    ],
)
async def test_key_file(
    cli: Cli, keystore: Path, file: str | None, password: str, code: int, error: str, message: str
) -> None:
    """A key file that is missing, or a wrong or missing password, is told without the password."""
    cli.edit("[chain]", f'[account]\nkeystore = "{file or keystore}"\n\n[chain]')
    env = {"TRIMTAB_PRIVATE_KEY": "", "TRIMTAB_KEYSTORE_PASSWORD": password}
    ended, told = await _refused(cli, *BUY, "1", env=env)
    assert (ended, told["class"]) == (code, error)
    assert message in told["message"]
    assert "hunter2" not in told["message"]


async def test_no_key_at_all(cli: Cli) -> None:
    """Sending without a key is a settings error that names both ways to give one."""
    code, told = await _refused(cli, *BUY, "1", env={"TRIMTAB_PRIVATE_KEY": ""})
    assert (code, told["class"]) == (3, "ConfigError")


async def test_unknown_toml_key(cli: Cli) -> None:
    """A typo in the settings stops every command, with key, file and the nearest key there is."""
    cli.edit("chain_id", "chainid")
    code, told = await _refused(cli, *BUY, "1")
    assert (code, told["class"]) == (3, "ConfigError")
    assert "chain.chainid is not a setting; did you mean 'chain_id'?" in told["message"]
    assert str(cli.config) in told["message"]


def test_float_in_settings_made_by_code() -> None:
    """A float given to a settings class is refused; the file's 0.1 is one tenth by its digits."""
    with pytest.raises(ConfigError, match=r"is the float 0\.05, which is not exact"):
        TxSettings(budget_eth=0.05)  # type: ignore[arg-type]


async def test_float_in_the_api(cli: Cli) -> None:
    """A float for any amount of any intent or plan is refused before anything is read or sent."""
    client, account = cli.world.client, cli.account
    perp, lyra = PerpV2(client, cli.world.perp), Lyra(client, cli.world.lyra)
    series = (await lyra.read_series("sETH", 4)).series
    bad: list[Callable[[], Any]] = [
        lambda: PerpIntent("vETH", Side.BUY, size=1.0),  # type: ignore[arg-type]
        lambda: PerpIntent("vETH", Side.BUY, notional=1.5),  # type: ignore[arg-type]
        lambda: PerpIntent("vETH", Side.BUY, size=Decimal(1), acceptable_price=2000.0),  # type: ignore[arg-type]
        lambda: OptionIntent(series, OptionType.LONG_CALL, OptionAction.OPEN, 0.5),  # type: ignore[arg-type]
        lambda: perp.encode_withdraw(account.address, "USDC", 1.0),  # type: ignore[arg-type]
    ]
    async with nothing_sent(cli):
        for make in bad:
            with pytest.raises(IntentError, match="float"):
                make()
        with pytest.raises(IntentError, match="float"):
            await perp.encode_deposit(account.address, "USDC", 1.0)  # type: ignore[arg-type]
        with Journal.open(cli.folder / "api.db") as journal:
            may = SenderOptions(limits=Limits.of(perp, lyra))
            async with Sender.open(client, LocalSigner.from_key(account.key), journal, may) as sender:
                with pytest.raises(IntentError, match="float"):
                    await Executor(sender, client).execute_perp(
                        perp,
                        account.address,
                        PerpIntent("vETH", Side.BUY, size=float("nan")),  # type: ignore[arg-type]
                        key="k",
                    )


@pytest.mark.parametrize("scheme", ["http", "ws"])
async def test_no_error_shows_a_urls_secret(cli: Cli, scheme: str) -> None:
    """Node URLs hold API keys and passwords: no error, nor its facts, repeats them."""
    url = f"{scheme}://user:hunter2@127.0.0.1:9/v1/SECRETKEY?token=SECRETTOO"
    for words in (("markets",), ("markets", "--json"), (*BUY, "1", "--yes", "--json"), ("doctor", "--json")):
        done = await cli.run(*words, env={"TRIMTAB_RPC_URL": url})
        assert done.code in (4, 7)
        assert "127.0.0.1" in done.words
        for secret in ("hunter2", "SECRETKEY", "SECRETTOO", cli.account.key.hex()):
            assert secret not in done.words


@pytest.mark.parametrize(
    ("settings", "words", "field", "message"),
    [
        ('functions = ["openPosition"]', ("withdraw", "USDC", "10"), "calls", "may not call"),
        ("venues = []", ("approve", "sETH"), "calls", "may not call approve(address,uint256)"),
        ('venues = ["lyra"]', ("perp", "vETH", "buy", "1"), "calls", "this key may not call 0x"),
        ("max_notional = 1_000", ("perp", "vETH", "buy", "1"), "max_notional", "above max_notional 1000"),
        ("max_notional_per_day = 1_000", ("perp", "vETH", "buy", "1"), "max_notional_per_day", "in a day"),
        ("max_notional = 1_000", (*CALL[1:], "1"), "max_notional", "above max_notional 1000"),
        ("max_leverage = 0.01", ("perp", "vETH", "buy", "1"), "max_leverage", "above max_leverage 0.01"),
        ("max_slippage = 0.00001", ("perp", "vETH", "buy", "1"), "max_slippage", "above max_slippage"),
        ("max_slippage = 0.00001", (*CALL[1:], "1"), "max_slippage", "loses"),
        ("reduce_only = true", ("perp", "vETH", "buy", "1"), "reduce_only", "this key may only reduce"),
        (
            "max_fees_per_hour_eth = 0.000000001",
            ("perp", "vETH", "buy", "1"),
            "max_fees_per_hour_wei",
            "fees",
        ),
        ("expires_at = 1_600_000_000", ("perp", "vETH", "buy", "1"), "expires_at", "expired at 1600000000"),
        (
            'pause_file = "pause"',
            ("perp", "vETH", "buy", "1"),
            "paused",
            "nothing new is signed while paused",
        ),
    ],
)
async def test_what_the_key_may_not(
    cli: Cli, settings: str, words: tuple[str, ...], field: str, message: str
) -> None:
    """Whatever the command, a key does no more than `[limits]` lets it: a typed refusal, nothing sent."""
    for first in (("deposit", "USDC", "10000"), ("approve", "sETH"))[: 1 if "approve" in words else 2]:
        assert (await cli.run("trade", *first, "--yes")).code == 0
    cli.config.write_text(f"{cli.config.read_text()}\n[limits]\n{settings}\n")
    (cli.folder / "pause").touch()
    code, told = await _refused(cli, "trade", *words)
    assert (code, told["class"], told["facts"]["field"]) == (5, "LimitError", field), told
    assert message in told["message"]


@pytest.mark.parametrize(
    ("settings", "key", "message"),
    [
        ('functions = ["openPositon"]', "limits.functions", "no allowed call is named 'openPositon'"),
        ('venues = ["gmx"]', "limits.venues", "which is not configured; there are lyra, perp_v2"),
        ("max_fees_eth = 1", "limits.max_fees_eth", "is not a setting"),
        ("max_notional = -1", "limits.max_notional", "above 0"),
        ("max_slippage = 1e-19", "limits.max_slippage", "more than 18 decimal places"),
        ("max_leverage = 0", "limits.max_leverage", "above 0"),
        ('reduce_only = "yes"', "limits.reduce_only", "true or false"),
    ],
)
async def test_limits_that_mean_nothing(cli: Cli, settings: str, key: str, message: str) -> None:
    """A typo in the limits never opens the door: the command stops, with the key of the setting."""
    cli.config.write_text(f"{cli.config.read_text()}\n[limits]\n{settings}\n")
    code, told = await _refused(cli, *BUY, "1")
    assert (code, told["class"], told["facts"]["key"]) == (3, "ConfigError", key), told
    assert message in told["message"]


@pytest.mark.parametrize(
    ("words", "code", "error", "message"),
    [
        (("--private",), 3, "ConfigError", "--private needs a private route: add [[routes.private]]"),
        (("--private-then-public",), 3, "ConfigError", "--private-then-public needs a private route"),
        (("--private", "--window", "0"), 3, "ConfigError", "window must be 1 to 1000 blocks, got 0"),
        (("--private", "--window", "1001"), 3, "ConfigError", "got 1001"),
        (("--private", "--public"), 5, "IntentError", "--private and --public contradict each other"),
        (("--window", "5"), 5, "IntentError", "--window is of private routes: add --private"),
    ],
)
@pytest.mark.parametrize("what", [(*BUY, "1"), (*CALL, "1")])
async def test_a_route_that_cannot_be_meant(
    cli: Cli, what: tuple[str, ...], words: tuple[str, ...], code: int, error: str, message: str
) -> None:
    """A private order never becomes public for want of a route, whatever is traded."""
    ended, told = await _refused(cli, *what, *words)
    assert (ended, told["class"]) == (code, error), told
    assert message in told["message"]


@pytest.mark.parametrize(
    ("settings", "key", "message"),
    [
        ('default = "hidden"', "routes.default", "must be one of public, private, private_then_public"),
        ('default = "private"', "routes.default", "there is no private route"),
        ("window = 0", "routes.window", "got 0"),
        ("exposure = {prefer = ['hide']}", "routes.exposure.prefer", "must be one of private, tig"),
        ("exposure = {max_exposure = -1}", "routes.exposure.max_exposure", "must be 0 or more"),
        ("private = [{kind = 'flashbots', urls = ['http://127.0.0.1:9']}]", "routes.private.kind",
         "is not known: 'flashbots'. Private routes are bundle, mev_blocker"),
        ("private = [{kind = 'bundle', urls = ['http://127.0.0.1:9'], options = {hint = []}}]",
         "routes.private.options.hint", "known here: builders, cancel_by_empty, simulate_first"),
        ("private = [{kind = 'bundle', urls = ['ftp://SECRET']}]", "url", "needs a URL of http or https"),
    ],
)  # fmt: skip
async def test_routes_that_mean_nothing(cli: Cli, settings: str, key: str, message: str) -> None:
    """Wrong names of routes, rules and options stop the command, with what there is and without the URL."""
    assert (await cli.run("trade", "deposit", "USDC", "10000", "--yes")).code == 0
    text = cli.config.read_text().replace('default = "public"\nwindow = 25\n', "")
    cli.config.write_text(text.replace("[routes]\n", f"[routes]\n{settings}\n"))
    code, told = await _refused(cli, *BUY, "1")
    assert (code, told["class"], told["facts"]["key"]) == (3, "ConfigError", key), told
    assert message in told["message"]
    assert "SECRET" not in told["message"]


async def test_a_relay_that_is_not_there(cli: Cli) -> None:
    """A private order that no relay could take ends as dropped, not as public."""
    assert (await cli.run("trade", "deposit", "USDC", "10000", "--yes")).code == 0
    relay = "window = 1\nprivate = [{kind = 'bundle', urls = ['http://127.0.0.1:9']}]"
    cli.edit("window = 25", relay)
    async with nothing_sent(cli), _blocks(cli):
        done = await cli.run(*BUY, "1", "--private", "--yes", "--json")
    assert (done.code, done.json["status"]) == (6, "expired"), done.words
    assert "its private window ended" in done.json["reason"]
    [tx] = done.json["transactions"]
    assert (tx["status"], tx["lane"], len(tx["tx_hash"])) == ("dropped", "private", 66)
    listed = (await cli.run("tx", "ls", "--json")).json["transactions"]
    assert [(row["key"], row["tx_hash"]) for row in listed][-1:] == [(tx["key"], tx["tx_hash"])]
    shown = (await cli.run("tx", "show", tx["key"], "--json")).json
    assert [attempt["tx_hash"] for attempt in shown["attempt_list"]] == [tx["tx_hash"]]


@asynccontextmanager
async def _blocks(cli: Cli) -> AsyncIterator[None]:
    """A block now and then, as on a chain that others use."""

    async def mine() -> None:
        while True:
            await cli.world.mine()
            await asyncio.sleep(0.2)

    mining = asyncio.create_task(mine())
    try:
        yield
    finally:
        mining.cancel()
