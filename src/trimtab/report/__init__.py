"""Turn a run record into a self-contained HTML page."""

from trimtab.report.page import render_report

__all__ = ["render_report"]
