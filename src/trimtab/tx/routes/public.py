"""Into the public mempool through every endpoint of a client at once."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.chain.client import Client
from trimtab.chain.rpc_errors import ErrorRow, SendClass, classify_send_error
from trimtab.chain.transports.endpoint import Endpoint
from trimtab.errors import ChainError, RpcError
from trimtab.tx.lanes import Lane
from trimtab.tx.routes.base import Parcel, Sending, SendResult
from trimtab.tx.states import Outcome

ACCEPTED = frozenset({SendClass.ALREADY_KNOWN, SendClass.SYNC_TIMEOUT})
AMBIGUOUS = frozenset(
    {SendClass.AMBIGUOUS, SendClass.NODE_STATE, SendClass.NONCE_LOW, SendClass.MINED_REVERT}
)
"""Answers that say nothing sure about these bytes: "nonce too low" may mean that they are mined already."""


class PublicRoute:
    """Each endpoint gets the bytes once; what it answers is its outcome, whatever the others say."""

    name = "public"
    lanes = frozenset({Lane.PUBLIC})

    def __init__(self, client: Client) -> None:
        self._endpoints = dict(_named(client.endpoints))
        self._rows = client.options.error_rows

    @property
    def endpoints(self) -> tuple[str, ...]:
        return tuple(self._endpoints)

    def send(self, parcel: Parcel) -> Sequence[Sending]:
        """Raises `ValueError` for a private parcel: here everybody would see it."""
        if parcel.lane not in self.lanes:
            raise ValueError(f"the route {self.name} takes no {parcel.lane} parcels")
        requests = [("eth_sendRawTransaction", ["0x" + raw.hex()]) for raw in parcel.raws]
        return [_send_to(name, node, requests, self._rows) for name, node in self._endpoints.items()]


async def _send_to(
    name: str,
    endpoint: Endpoint,
    requests: Sequence[tuple[str, list[str]]],
    rows: Sequence[ErrorRow],
) -> Sequence[SendResult]:
    """Several transactions are one JSON-RPC batch, which nodes work off in order."""
    try:
        answers = await endpoint.request_batch(requests)
    except (ChainError, OSError) as error:
        return [SendResult(name, Outcome.AMBIGUOUS, SendClass.AMBIGUOUS, str(error))] * len(requests)
    return [_result(name, answer, rows) for answer in answers]


def _result(name: str, answer: object, rows: Sequence[ErrorRow]) -> SendResult:
    if isinstance(answer, RpcError):
        said = classify_send_error(answer.text, answer.code, answer.data, rows)
        return result_of(name, said, answer.text)
    if isinstance(answer, ChainError):
        return SendResult(name, Outcome.AMBIGUOUS, SendClass.AMBIGUOUS, str(answer))
    if not isinstance(answer, str):  # a yes is the transaction's hash
        words = f"the node answered {answer!r} instead of a hash"[:200]
        return SendResult(name, Outcome.AMBIGUOUS, SendClass.AMBIGUOUS, words)
    return SendResult(name, Outcome.ACCEPTED, "")


def result_of(endpoint: str, send_class: SendClass, message: str) -> SendResult:
    """What a class of the error table means for the bytes that were refused with it."""
    if send_class in ACCEPTED:
        outcome = Outcome.ACCEPTED
    elif send_class in AMBIGUOUS:
        outcome = Outcome.AMBIGUOUS
    else:
        outcome = Outcome.REJECTED
    return SendResult(endpoint, outcome, send_class, message)


def _named(endpoints: Sequence[Endpoint]) -> list[tuple[str, Endpoint]]:
    """Two connections to one host are two endpoints: the second is told apart by its position."""
    names = [endpoint.name for endpoint in endpoints]
    return [
        (endpoint.name if names.index(endpoint.name) == i else f"{endpoint.name}#{i}", endpoint)
        for i, endpoint in enumerate(endpoints)
    ]
