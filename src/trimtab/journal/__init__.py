"""What must survive a crash: append-only records with one writer, replayed at start."""
