"""trimtab: the on-chain derivatives toolkit for Python.

Names are loaded when first used, so that `import trimtab` is instant; errors are in `trimtab.errors`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trimtab.chain.abi import Abi
    from trimtab.chain.address import checksum, parse_address
    from trimtab.chain.call import Call, Read
    from trimtab.chain.client import Client
    from trimtab.chain.options import ClientOptions
    from trimtab.chain.receipt import Block, Log, Receipt
    from trimtab.errors import TrimtabError
    from trimtab.execution.checks import QuoteRules
    from trimtab.execution.executor import Executor, ExecutorOptions
    from trimtab.hedging.book import Book, OptionLeg, PerpLeg
    from trimtab.hedging.exposure import Exposure, read_exposure
    from trimtab.hedging.hedger import Hedger
    from trimtab.hedging.limits import HedgeLimits
    from trimtab.hedging.policy import FixedBand, HedgeDecision, WhalleyWilmott
    from trimtab.journal.journal import Journal
    from trimtab.model.greeks import Greeks
    from trimtab.model.ids import Address
    from trimtab.model.limits import Limits
    from trimtab.model.market import (
        OptionChain,
        OptionKind,
        OptionMarket,
        OptionSeries,
        OptionType,
        PerpMarket,
        PerpState,
    )
    from trimtab.model.order import (
        ExecutionReport,
        Fill,
        OptionAction,
        OptionIntent,
        OptionQuote,
        OrderStatus,
        PerpIntent,
        PerpQuote,
        Side,
    )
    from trimtab.model.position import MarginAccount, OptionPosition, PerpPosition
    from trimtab.tx.intent import TxIntent
    from trimtab.tx.options import SenderOptions
    from trimtab.tx.sender import Sender
    from trimtab.tx.signers.local import LocalSigner
    from trimtab.venues.base import ChainPlan, OptionVenue, PerpVenue
    from trimtab.venues.lyra.addresses import LyraDeployment
    from trimtab.venues.lyra.venue import Lyra
    from trimtab.venues.perp_v2.addresses import PerpV2Deployment
    from trimtab.venues.perp_v2.venue import PerpV2
    from trimtab.world.world import World, WorldOptions

__version__ = "0.1.0"

# Where each public name lives; a test holds this table and the imports above together.
_HOMES = {
    "Abi": "chain.abi",
    "Address": "model.ids",
    "Block": "chain.receipt",
    "Book": "hedging.book",
    "Call": "chain.call",
    "ChainPlan": "venues.base",
    "Client": "chain.client",
    "ClientOptions": "chain.options",
    "ExecutionReport": "model.order",
    "Executor": "execution.executor",
    "ExecutorOptions": "execution.executor",
    "Exposure": "hedging.exposure",
    "Fill": "model.order",
    "FixedBand": "hedging.policy",
    "Greeks": "model.greeks",
    "HedgeDecision": "hedging.policy",
    "HedgeLimits": "hedging.limits",
    "Hedger": "hedging.hedger",
    "Journal": "journal.journal",
    "Limits": "model.limits",
    "LocalSigner": "tx.signers.local",
    "Log": "chain.receipt",
    "Lyra": "venues.lyra.venue",
    "LyraDeployment": "venues.lyra.addresses",
    "MarginAccount": "model.position",
    "OptionAction": "model.order",
    "OptionChain": "model.market",
    "OptionIntent": "model.order",
    "OptionKind": "model.market",
    "OptionLeg": "hedging.book",
    "OptionMarket": "model.market",
    "OptionPosition": "model.position",
    "OptionQuote": "model.order",
    "OptionSeries": "model.market",
    "OptionType": "model.market",
    "OptionVenue": "venues.base",
    "OrderStatus": "model.order",
    "PerpIntent": "model.order",
    "PerpLeg": "hedging.book",
    "PerpMarket": "model.market",
    "PerpPosition": "model.position",
    "PerpQuote": "model.order",
    "PerpState": "model.market",
    "PerpV2": "venues.perp_v2.venue",
    "PerpV2Deployment": "venues.perp_v2.addresses",
    "PerpVenue": "venues.base",
    "QuoteRules": "execution.checks",
    "Read": "chain.call",
    "Receipt": "chain.receipt",
    "Sender": "tx.sender",
    "SenderOptions": "tx.options",
    "Side": "model.order",
    "TrimtabError": "errors",
    "TxIntent": "tx.intent",
    "WhalleyWilmott": "hedging.policy",
    "World": "world.world",
    "WorldOptions": "world.world",
    "checksum": "chain.address",
    "parse_address": "chain.address",
    "read_exposure": "hedging.exposure",
}

__all__ = [
    "Abi",
    "Address",
    "Block",
    "Book",
    "Call",
    "ChainPlan",
    "Client",
    "ClientOptions",
    "ExecutionReport",
    "Executor",
    "ExecutorOptions",
    "Exposure",
    "Fill",
    "FixedBand",
    "Greeks",
    "HedgeDecision",
    "HedgeLimits",
    "Hedger",
    "Journal",
    "Limits",
    "LocalSigner",
    "Log",
    "Lyra",
    "LyraDeployment",
    "MarginAccount",
    "OptionAction",
    "OptionChain",
    "OptionIntent",
    "OptionKind",
    "OptionLeg",
    "OptionMarket",
    "OptionPosition",
    "OptionQuote",
    "OptionSeries",
    "OptionType",
    "OptionVenue",
    "OrderStatus",
    "PerpIntent",
    "PerpLeg",
    "PerpMarket",
    "PerpPosition",
    "PerpQuote",
    "PerpState",
    "PerpV2",
    "PerpV2Deployment",
    "PerpVenue",
    "QuoteRules",
    "Read",
    "Receipt",
    "Sender",
    "SenderOptions",
    "Side",
    "TrimtabError",
    "TxIntent",
    "WhalleyWilmott",
    "World",
    "WorldOptions",
    "checksum",
    "parse_address",
    "read_exposure",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'trimtab' has no attribute {name!r}")
    value = getattr(import_module(f"trimtab.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
