"""Ways for a signed transaction to leave this machine."""

from trimtab.tx.routes.base import Parcel, Route, SendResult
from trimtab.tx.routes.public import PublicRoute

__all__ = ["Parcel", "PublicRoute", "Route", "SendResult"]
