"""What must survive a crash: append-only records with one writer, replayed at start."""

from trimtab.journal.journal import Journal
from trimtab.journal.lock import WriterLock
from trimtab.journal.reading import Record
from trimtab.journal.rewrite import Rewrite

__all__ = ["Journal", "Record", "Rewrite", "WriterLock"]
