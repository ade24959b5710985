"""What runs the loops: clock, logging."""

from trimtab.runtime.clock import Clock, ManualClock, SystemClock, wait_for_event
from trimtab.runtime.logging import configure_logging, mask_text

__all__ = ["Clock", "ManualClock", "SystemClock", "configure_logging", "mask_text", "wait_for_event"]
