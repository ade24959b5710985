"""Ways for a signed transaction to leave this machine."""

from trimtab.tx.routes.auth import RelayIdentity
from trimtab.tx.routes.base import Parcel, RelayStatus, Route, SendResult, TellingRoute, WithdrawingRoute
from trimtab.tx.routes.public import PublicRoute
from trimtab.tx.routes.registry import ROUTES

__all__ = [
    "ROUTES",
    "Parcel",
    "PublicRoute",
    "RelayIdentity",
    "RelayStatus",
    "Route",
    "SendResult",
    "TellingRoute",
    "WithdrawingRoute",
]
