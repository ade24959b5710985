"""What the machine of `test_shell_properties.py` found in its long runs, step by step."""

from __future__ import annotations

from tests.tx.test_shell_properties import Shell

from trimtab.chain.call import Call
from trimtab.chain.rpc_errors import SendClass
from trimtab.model.ids import Address
from trimtab.tx import TxIntent

SHOP = Address("0x" + "12" * 20)


def test_drafts_of_one_turn_count_each_other() -> None:
    """8: four in flight are refused for their price in one answer, and the balance covers some of the dearer
    ones: those are signed, and no more. Found by the machine in its 7,000th life or so."""
    machine = Shell()
    machine.start(past=0, depth=None, simulate=False, slow=False)
    machine.move_base_fee(base_fee=222)
    machine.mine(blocks=1, last=False, most=0)
    machine.submit_several(count=4)
    machine.move_balance(factor=0)
    machine._do(machine._refuse_other(TxIntent("k0", Call(SHOP, b"another", 9), gas_limit=21_000)))
    machine.move_balance(factor=1)
    machine.refuse_sends(refusal=SendClass.UNDERPRICED, where=(0, 1))
    machine.wait(seconds=3.0)
    machine.nothing_was_violated()
    machine.teardown()
