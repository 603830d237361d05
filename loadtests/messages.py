"""What a customer says and how an answer reads: bytes out, a row of requests.csv in.

Pure, so that it is tested without a socket.
"""

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from loadtests.rows import Row
from loadtests.schedule import SKUS, Arrival, Kind, key_for

REFUSALS = (429, 503)
CUSTOMERS = 1_000
# The product that everybody looks at, and what they search for.
HOT = SKUS[0]
QUESTIONS = (
    "oak+chair",
    "steel+lamp",
    "linen",
    "glass+bowl",
    "leather+stool",
    "bamboo+shelf",
    "ceramic+vase",
    "kettle",
)
_LOOKS: Mapping[Kind, Callable[[Arrival], str]] = {
    "browse": lambda arrival: f"/products/{arrival.sku}/stock",
    "list": lambda _arrival: "/products",
    "product": lambda _arrival: f"/catalog/products/{HOT}",
    "search": lambda arrival: f"/catalog/search?q={QUESTIONS[SKUS.index(arrival.sku) % len(QUESTIONS)]}",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response. `retry_after` is the header's text, or empty."""

    status: int
    body: bytes
    retry_after: str


def health_request(host: str) -> bytes:
    """Return the request that a gateway answers without asking anybody else."""
    return _head("GET", "/healthz", host, "warm-up") + b"\r\n"


def arrival_request(arrival: Arrival, arm: str, host: str) -> bytes:
    """Return the request of an arrival at an arm. Its X-Request-Id ties a line of a service's log to its row."""
    request_id = f"{arm}-{arrival.seq}"
    if arrival.kind in _LOOKS:
        return _head("GET", _LOOKS[arrival.kind](arrival), host, request_id) + b"\r\n"
    body = f'{{"sku":"{arrival.sku}","quantity":1,"customer":"{customer_of(arrival.key)}"}}'
    fields = (
        f"Idempotency-Key: {key_for(arrival, arm)}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    )
    return _head("POST", "/checkout", host, request_id) + f"{fields}\r\n{body}".encode("ascii")


def customer_of(key: str) -> str:
    """Return who buys under a key: one of CUSTOMERS, the same in every arm, and again when they repeat it."""
    return f"customer-{zlib.crc32(key.encode()) % CUSTOMERS:03d}"


def outcome_of(status: int) -> str:
    """Return the outcome of an answer: answered, refused (the service said no), or failed."""
    if 200 <= status < 300:  # noqa: PLR2004  HTTP's own numbers
        return "answered"
    return "refused" if status in REFUSALS else "failed"


def row_of(arrival: Arrival, arm: str, answer: Answer | None, *, outcome: str, lag_s: float, latency_s: float) -> Row:
    """Return the row of an arrival at an arm; `answer` is None where none came."""
    content = _content(answer.body) if answer and outcome == "answered" else {}
    return Row(
        arm=arm,
        kind=arrival.kind,
        seq=arrival.seq,
        intended_s=f"{arrival.intended_s:.6f}",
        lag_ms=f"{lag_s * 1000:.3f}",
        latency_ms=f"{latency_s * 1000:.3f}",
        status=answer.status if answer else 0,
        outcome=outcome,
        key=key_for(arrival, arm),
        order_id=str(content.get("order_id", "")),
        retry_after_s=_whole_seconds(answer.retry_after) if answer else "",
        stale="1" if content.get("stale") is True else "0",
    )


def _head(method: str, target: str, host: str, request_id: str) -> bytes:
    line = f"{method} {target} HTTP/1.1\r\n"
    return f"{line}Host: {host}\r\nAccept: application/json\r\nX-Request-Id: {request_id}\r\n".encode("ascii")


def _content(body: bytes) -> dict[str, object]:
    try:
        content = json.loads(body)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _whole_seconds(retry_after: str) -> str:
    """Return the header's seconds, or an empty string: its other form, a date, is not what our services send."""
    return retry_after if retry_after.isascii() and retry_after.isdigit() else ""
