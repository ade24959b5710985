"""Hold a key and sign; nothing else."""
