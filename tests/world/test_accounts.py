"""The development accounts: the right keys, unique, and not printed."""

from __future__ import annotations

from trimtab.tx.signers import LocalSigner
from trimtab.world.accounts import ACCOUNTS, FUNDED


def test_each_key_is_its_addresses() -> None:
    """The address of every account is that of its key, and no two are the same."""
    for name, account in ACCOUNTS.items():
        assert account.name == name
        assert LocalSigner.from_key(account.key).address == account.address
    assert len({account.address for account in ACCOUNTS.values()}) == len(ACCOUNTS) == 13


def test_the_key_is_not_in_the_repr() -> None:
    """Printing an account shows who it is, not its key."""
    text = repr(ACCOUNTS["trader"])
    assert "trader" in text
    assert ACCOUNTS["trader"].key.hex() not in text
    assert repr(ACCOUNTS["trader"].key) not in text


def test_the_funded_are_known() -> None:
    """Whoever is to be funded exists; those with other roles are not among them."""
    assert set(FUNDED) <= set(ACCOUNTS)
    assert not {"deployer", "maker", "lp", "arbitrageur", "keeper", "searcher"} & set(FUNDED)
