"""Tokens in an account's own hands: what it could post, beside what it has posted."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from trimtab.errors import InsufficientMarginError

if TYPE_CHECKING:
    from trimtab.chain.client import Client
    from trimtab.model.ids import Address
    from trimtab.venues.base import PerpVenue

_ERC20 = [
    {
        "type": "function",
        "name": "balanceOf",
        "stateMutability": "view",
        "inputs": [{"name": "account", "type": "address"}],
        "outputs": [{"name": "", "type": "uint256"}],
    },
    {
        "type": "function",
        "name": "decimals",
        "stateMutability": "view",
        "inputs": [],
        "outputs": [{"name": "", "type": "uint8"}],
    },
]


async def read_wallet(client: Client, token: Address, account: Address) -> Decimal:
    """The account's balance of an ERC-20 token, in the token's units."""
    from trimtab.chain.abi import Abi
    from trimtab.model.units import from_base

    abi = Abi.parse(_ERC20)
    balance = await client.call(abi.function("balanceOf").read(token, account))
    return from_base(balance, await client.call(abi.function("decimals").read(token)))


async def check_wallet(
    client: Client, venue: PerpVenue, account: Address, currency: str, amount: Decimal
) -> None:
    """Raise `InsufficientMarginError` unless the account holds `amount`: the approval that goes before a
    deposit would else be sent for nothing. A currency that the venue does not take is left to the venue."""
    posted = (await venue.read_margin(account)).collateral
    token = next((c.token for c in posted if c.currency == currency), None)
    if token is None:
        return
    held = await read_wallet(client, token, account)
    if held < amount:
        raise InsufficientMarginError(
            f"the account holds {held:f} {currency}, which is less than {amount:f}: deposit less",
            venue=venue.name,
            reason="balance",
        )
