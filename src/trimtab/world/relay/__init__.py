"""Turns what is sent to a relay, and what everybody sees in the mempool, into blocks on a local anvil.

    node = NodeOptions(order="fifo")                  # or World.open(WorldOptions(order="fifo"))
    async with AnvilNode.open(node) as anvil, Relay.open(anvil, RelayOptions(name="one")) as relay:
        relay.url            # JSON-RPC of the relay: signed methods at "/", raw transactions at every door:
                             # "/" as Protect, "/fast" "/noreverts" "/fullprivacy" as MEV Blocker,
                             # "/sequencer" for conditional ones. GET /tx/<hash> is the status API
        relay.public_url     # the node as everybody sees it: for clients, searchers, watchers
        relay.public_ws_url; relay.stream_url         # its WebSocket; the MEV-Share event stream
        built = await relay.build()                   # Built: number, hash, tx_hashes, included, dropped
        relay.faults = FaultPlan((Rule(Leaked(), probability=0.1), Rule(ServerError(forwarded=True))))
        relay.injected                                # what really happened, by kind
        await relay.uncle()                           # lose the last block: its private bytes become public
        relay.log; relay.public_log                   # Received(at, to, path, method, params, signer, fault)
        async with Relay.open(relay.builder, RelayOptions(name="two")) as second: ...      # the same chain
        async with relay.paused(): await world.set_prices(...)    # work on the bare node, between blocks

The bare node is the builder's alone: private bytes are in its pool while a block is made. Others use
`relay.public_url`, which waits meanwhile and never shows them (why: `builder.py`). `block_seconds` makes
blocks by the clock; 0, the default, only when asked. `passes_on` has Protect's door hand to the public
mempool what its real server takes to need no protection. Refunds are read and not paid. Faults: those of
`kinds.py` here, and of `world.faults.kinds` RateLimited, ServerError, HtmlBody, LostAnswer, Disconnect,
GarbageJson, SlowAnswer.
"""

from trimtab.world.relay.builder import Builder, Built
from trimtab.world.relay.kinds import RELAY_FAULTS, BadStatus, Ignored, Leaked, Refused, Unanswered, Uncle
from trimtab.world.relay.offers import Kind, Offer
from trimtab.world.relay.pool import State
from trimtab.world.relay.record import Received
from trimtab.world.relay.relay import Relay, RelayOptions

__all__ = [
    "RELAY_FAULTS",
    "BadStatus",
    "Builder",
    "Built",
    "Ignored",
    "Kind",
    "Leaked",
    "Offer",
    "Received",
    "Refused",
    "Relay",
    "RelayOptions",
    "State",
    "Unanswered",
    "Uncle",
]
