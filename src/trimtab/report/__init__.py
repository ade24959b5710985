"""Turn a run record into a self-contained HTML page."""
