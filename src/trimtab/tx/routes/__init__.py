"""Ways for a signed transaction to leave this machine."""

from trimtab.tx.routes.base import Route, SendResult
from trimtab.tx.routes.public import PublicRoute

__all__ = ["PublicRoute", "Route", "SendResult"]
