"""What must survive a crash: append-only records with one writer, replayed at start."""

from trimtab.journal.journal import Journal, Record
from trimtab.journal.lock import WriterLock

__all__ = ["Journal", "Record", "WriterLock"]
