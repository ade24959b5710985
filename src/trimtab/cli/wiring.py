"""Wires the rooms together for one command: settings, client, venues; and for sending, signer to executor."""

from __future__ import annotations

import difflib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from trimtab.chain.address import parse_address
from trimtab.chain.client import Client
from trimtab.chain.options import ClientOptions
from trimtab.cli.routes import open_routes
from trimtab.config import (
    AccountSettings,
    Config,
    Pkcs11Settings,
    find_config,
    load_config,
    read_password,
    read_pin,
)
from trimtab.errors import ConfigError, UnknownMarketError
from trimtab.execution.doors import Door, Guarded, OwnCode
from trimtab.execution.executor import Executor, ExecutorOptions
from trimtab.journal import Journal
from trimtab.model.ids import Address
from trimtab.model.market import OptionMarket, PerpMarket
from trimtab.model.units import to_base_exact, to_decimal
from trimtab.tx import Sender, SenderOptions
from trimtab.tx.routes import PublicRoute, Route
from trimtab.tx.signers import LocalSigner, Signer
from trimtab.venues.base import OptionVenue, PerpVenue, Venue
from trimtab.venues.registry import VENUES

V = TypeVar("V")
M = TypeVar("M", PerpMarket, OptionMarket)


@dataclass(frozen=True)
class Session:
    """What a command works with: open until the command ends."""

    config: Config
    client: Client
    venues: Mapping[str, Venue]

    def perp_venues(self, name: str | None = None) -> Sequence[PerpVenue]:
        """The configured venues with perpetuals, or the one named."""
        return [venue for venue in self._named(name) if isinstance(venue, PerpVenue)]

    def option_venues(self, name: str | None = None) -> Sequence[OptionVenue]:
        """The configured venues with options, or the one named."""
        return [venue for venue in self._named(name) if isinstance(venue, OptionVenue)]

    async def find_perp(self, market: str, venue: str | None = None) -> tuple[PerpVenue, PerpMarket]:
        """The venue that has `market`, among all or in the one named. Raises `UnknownMarketError`."""
        found = [(v, m) for v in self.perp_venues(venue) for m in await v.read_markets()]
        return _pick(found, market)

    async def find_option(self, market: str, venue: str | None = None) -> tuple[OptionVenue, OptionMarket]:
        """Like `find_perp`, for options."""
        found = [(v, m) for v in self.option_venues(venue) for m in await v.read_option_markets()]
        return _pick(found, market)

    def account(self, given: str | None = None) -> Address:
        """The account to look at: the one given, else the configured one. Raises `ConfigError`."""
        if given is not None:
            return parse_address(given)
        if self.config.account.address is not None:
            return self.config.account.address
        if self.config.account.has_key:
            return self.signer.address
        raise ConfigError(
            "no account: give --account, or set account.address or a key in the settings file",
            key="account.address",
        )

    def trader(self, given: str | None = None) -> Address:
        """The account that holds the positions: the one given, else the configured guard, else the key's."""
        return self.account(given) if given is not None else self.config.hooks.guard or self.account()

    @cached_property
    def signer(self) -> Signer:
        """The configured key, opened once: a keystore is slow on purpose. Raises as `load_signer`."""
        return load_signer(self.config.account)

    def _named(self, name: str | None) -> Sequence[Venue]:
        if not self.venues:
            raise ConfigError(
                f"no venue is configured: add a [venues.{next(iter(VENUES))}] table", key="venues"
            )
        if name is None:
            return list(self.venues.values())
        if name not in self.venues:
            raise ConfigError(
                f"no venue {name!r} is configured; there are {', '.join(sorted(self.venues))}", key="venues"
            )
        return [self.venues[name]]


@asynccontextmanager
async def open_session(config: Path | Config | None) -> AsyncIterator[Session]:
    """Settings read, node connected and its chain id checked, configured venues made. Sends nothing."""
    settings = config if isinstance(config, Config) else load_config(find_config(config))
    timeout = float(settings.chain.timeout)
    options = ClientOptions(
        chain_id=settings.chain.chain_id, timeout=timeout, attempt_timeout=min(5.0, timeout)
    )
    async with Client.open(list(settings.chain.urls), options=options) as client:
        lens = settings.hooks.lens
        venues = {name: VENUES[name].open(client, found, lens) for name, found in settings.venues.items()}
        yield Session(settings, client, venues)


@asynccontextmanager
async def open_sender(
    session: Session, options: SenderOptions | None = None
) -> AsyncIterator[tuple[Sender, Journal]]:
    """The one door for writes, with the journal behind it: recovery has run when this is entered. `options`
    take the place of the settings'."""
    config, signer = session.config, session.signer
    options = options or traders_options(session)
    with Journal.open(config.journal.path) as journal:
        async with open_routes(config) as private:
            routes: list[Route] = [PublicRoute(session.client), *private]
            async with Sender.open(session.client, signer, journal, options, routes) as sender:
                yield sender, journal


@asynccontextmanager
async def open_executor(session: Session, *, can_send: bool = True) -> AsyncIterator[Executor]:
    """An executor; without `can_send` it needs no key and makes dry runs only."""
    options = executor_options(session.config)
    if not can_send:
        yield Executor(None, session.client, options)
        return
    async with open_sender(session) as (sender, _):
        yield Executor(sender, session.client, options)


def executor_options(config: Config) -> ExecutorOptions:
    """The settings' caps, patience and rule for exposed orders as the executor takes them."""
    budget = config.tx.budget_eth
    return ExecutorOptions(
        chain_id=config.chain.chain_id,
        timeout=float(config.tx.timeout),
        budget_wei=None if budget is None else to_base_exact(budget, 18, "tx.budget_eth"),
        exposure=config.routes.exposure,
        private=config.routes.private_policy,
        door=door_of(config),
    )


def door_of(config: Config) -> Door | None:
    """What `[hooks]` makes orders go through: the guard, else the executor's code; None with neither."""
    hooks = config.hooks
    if hooks.guard is not None:
        return Guarded(hooks.guard, hooks.probes)
    return None if hooks.executor is None else OwnCode(hooks.executor, hooks.probes)


def sender_options(config: Config, venues: Mapping[str, Venue]) -> SenderOptions:
    """The settings' chain, fee cap, limits and usual route as the sender takes them: the key may do what the
    venues need, within `[limits]`."""
    chain_id, budget = config.chain.chain_id, executor_options(config).budget_wei
    return SenderOptions(
        chain_id=chain_id,
        fee_cap=to_base_exact(config.tx.fee_cap_gwei, 9, "tx.fee_cap_gwei"),
        limits=config.limits.make(chain_id, venues, max_cost_wei=budget),
        pause_file=config.limits.pause_file,
        route=config.routes.policy,
    )


def traders_options(session: Session) -> SenderOptions:
    """The same, with the plans that go through `[hooks]`: of calls that the key may make anyway."""
    options, door = sender_options(session.config, session.venues), door_of(session.config)
    if door is None:
        return options
    return replace(options, limits=door.allow(options.limits, session.signer.address))


def account_of(account: AccountSettings) -> Address:
    """The configured address, else the one of the configured key. Raises `ConfigError` when there is neither,
    and as `load_signer`."""
    if account.address is not None:
        return account.address
    if account.has_key:
        return load_signer(account).address
    raise ConfigError("no account: set account.address or a key in the settings file", key="account.address")


def load_signer(account: AccountSettings) -> Signer:
    """The signer of the settings; blocks while its keystore, token or service answers. Raises `ConfigError`
    when there is none or it is not the configured address's, `SigningError` when it is bad."""
    signer = _open_signer(account)
    if account.address is not None and account.address != signer.address:
        raise ConfigError(
            f"the key is of {signer.address}, but account.address is {account.address}: one of them is wrong",
            key="account.address",
        )
    return signer


def _open_signer(account: AccountSettings) -> Signer:
    if account.pkcs11 is not None:
        return _open_token(account.pkcs11)
    if account.kms is not None:
        from trimtab.tx.signers.kms import KmsOptions, KmsSigner

        kms = account.kms
        return KmsSigner.connect(KmsOptions(kms.key, kms.region, kms.profile, kms.endpoint))
    if account.private_key is not None:
        return LocalSigner.from_hex(account.private_key.reveal())
    if account.keystore is not None:
        return _open_keystore(account, account.keystore)
    raise ConfigError(
        "sending needs a key: set TRIMTAB_PRIVATE_KEY in the environment, or account.keystore in the "
        "settings file, or account.kind for a key in a token or in AWS KMS",
        key="account.keystore",
    )


def _open_keystore(account: AccountSettings, keystore: Path) -> LocalSigner:
    password = read_password(account)
    if password is None:
        raise ConfigError(
            f"the keystore {keystore} needs a password: set TRIMTAB_KEYSTORE_PASSWORD or "
            "account.password_file",
            key="account.password_file",
        )
    return LocalSigner.from_keystore(keystore, password.reveal())


def _open_token(token: Pkcs11Settings) -> Signer:
    from trimtab.tx.signers.pkcs11 import Pkcs11Options, Pkcs11Signer

    pin = read_pin(token)
    if pin is None:
        raise ConfigError(
            f"the token {token.token!r} needs its PIN: set TRIMTAB_PKCS11_PIN or account.pkcs11.pin_file",
            key="account.pkcs11.pin_file",
        )
    return Pkcs11Signer.connect(Pkcs11Options(token.library, token.token, token.key), pin.reveal)


def parse_amount(text: str | None, name: str) -> Decimal | None:
    """A number from the command line, digit by digit. Raises `IntentError` when it is none."""
    return None if text is None else to_decimal(text, name)


def _pick(found: Sequence[tuple[V, M]], name: str) -> tuple[V, M]:
    matches = [pair for pair in found if pair[1].name == name]
    if len(matches) == 1:
        return matches[0]
    if matches:
        venues = ", ".join(sorted(market.venue for _, market in matches))
        raise UnknownMarketError(f"several venues have a market {name!r}: choose one with --venue ({venues})")
    names = sorted({market.name for _, market in found})
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names) or 'none'}"
    raise UnknownMarketError(f"no market {name!r} at the configured venues; {hint}", market=name)
