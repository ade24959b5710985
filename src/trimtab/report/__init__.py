"""Turn a run record into a self-contained HTML page."""

from trimtab.report.mev import render_mev_report
from trimtab.report.page import render_report

__all__ = ["render_mev_report", "render_report"]
