"""What a hedge within the fill costs, beside one that follows it."""

from __future__ import annotations

EXECUTED = 1
WHY = "the hedge is in the block of the fill: no price moves in between, and no bot has to be awake"


def test_the_gas_of_a_hedge_within_the_fill(desk, gas, order_of, nothing, finish, call_of, trader, chain):
    """Storing the plan on chain is what it costs more."""
    hedge, order = desk.hedge(), order_of(desk.executor.address)
    create = call_of(desk.gmx, "createOrder", desk.callback.address)
    with chain.isolate():  # both are the account's first trade
        created = desk.execute(create)
        (log,) = created.decode_logs(desk.gmx.OrderCreated)
        filled = finish(bytes(log.key), EXECUTED, order, nothing)
        followed = desk.executor.execute(hedge, sender=trader)
        plain = created.gas_used + filled.gas_used + followed.gas_used
    armed = desk.execute(
        create,
        call_of(desk.callback, "armLast", EXECUTED, desk.executor.address, hedge),
        call_of(desk.executor, "approve", desk.executor.hashPlan(hedge), desk.callback.address),
    )
    (log,) = armed.decode_logs(desk.gmx.OrderCreated)
    hedged = finish(bytes(log.key), EXECUTED, order, nothing)
    gas.record(
        "OrderCallback: order, fill and hedge",
        armed.gas_used + hedged.gas_used,
        plain=("the hedge in a transaction of its own", plain),
        why=WHY,
    )
