"""What runs the loops: clock, tasks; logging is in `trimtab.runtime.logging`, for programs that want it."""

from trimtab.runtime.clock import Clock, ManualClock, SystemClock, wait_for_event
from trimtab.runtime.tasks import open_tasks

__all__ = [
    "Clock",
    "ManualClock",
    "SystemClock",
    "open_tasks",
    "wait_for_event",
]
