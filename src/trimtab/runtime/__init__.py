"""What runs the loops: clock, logging."""

from trimtab.runtime.clock import Clock, ManualClock, SystemClock, wait_for_event

__all__ = ["Clock", "ManualClock", "SystemClock", "wait_for_event"]
