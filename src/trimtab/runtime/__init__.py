"""What runs the loops: clock, tasks, logging."""

from trimtab.runtime.clock import Clock, ManualClock, SystemClock, wait_for_event
from trimtab.runtime.logging import configure_logging, mask_text
from trimtab.runtime.tasks import open_tasks

__all__ = [
    "Clock",
    "ManualClock",
    "SystemClock",
    "configure_logging",
    "mask_text",
    "open_tasks",
    "wait_for_event",
]
