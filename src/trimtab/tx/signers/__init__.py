"""Hold a key and sign; nothing else."""

from trimtab.tx.signers.base import MessageSigner, Signer, check_signed
from trimtab.tx.signers.local import LocalSigner

__all__ = ["LocalSigner", "MessageSigner", "Signer", "check_signed"]
