"""Turns a plan of faults into the faults themselves, for drills and for tests of what must survive them."""

from trimtab.world.faults.plan import ChainRule, FaultPlan, Rule
from trimtab.world.faults.proxy import FaultProxy
from trimtab.world.faults.routes import CrashAfterBroadcast, LostAnswers, LostBytes

__all__ = [
    "ChainRule",
    "CrashAfterBroadcast",
    "FaultPlan",
    "FaultProxy",
    "LostAnswers",
    "LostBytes",
    "Rule",
]
