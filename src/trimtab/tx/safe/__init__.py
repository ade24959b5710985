"""Propose calls to the owners of a Safe, who sign and execute them.

It stands beside `tx/routes`, not in them: a route takes the signed bytes of one account's transaction and
says whether it took them. A proposal has no such bytes, no fee and no nonce of the account; others complete
it, hours later, in a transaction of their own.
"""

from trimtab.tx.safe.intent import SafeIntent
from trimtab.tx.safe.options import SafeOptions
from trimtab.tx.safe.outcome import Executed, Failed, Proposed, Replaced, SafeOutcome
from trimtab.tx.safe.proposer import Proposal, SafeProposer
from trimtab.tx.safe.service import SafeService

__all__ = [
    "Executed",
    "Failed",
    "Proposal",
    "Proposed",
    "Replaced",
    "SafeIntent",
    "SafeOptions",
    "SafeOutcome",
    "SafeProposer",
    "SafeService",
]
