"""What orders tells of an order, as it lies in the topic: one spelling for who writes it and who reads it."""

import json
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from services.common.fields import CUSTOMER_PATTERN, SKU_PATTERN

ORDER_CONFIRMED = "order.confirmed"
VERSION = 1
MAX_BYTES = 64 * 1024
# As long as its column in Postgres can hold; an amount of one order is far below.
_LARGEST = 2**63 - 1

# `$` would let a line's end pass.
_CUSTOMER = re.compile(CUSTOMER_PATTERN.strip("^$"))
_SKU = re.compile(SKU_PATTERN.strip("^$"))


class BadEvent(ValueError):
    """A message cannot be read as an event, and this is why; `field` is the field's name, or "message"."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field


@dataclass(frozen=True, slots=True)
class OrderConfirmed:
    """An order was settled as confirmed, and charged. `event_id` is the same however often it is published."""

    event_id: uuid.UUID
    order_id: uuid.UUID
    customer: str
    sku: str
    quantity: int
    amount_cents: int
    occurred_at: datetime


def orders_topic(arm: str) -> str:
    """Return where an arm's orders are told."""
    return f"{arm}.orders"


def dead_letters_topic(arm: str) -> str:
    """Return where an arm's messages go that nobody can read."""
    return f"{arm}.orders.dead"


def dump(event: OrderConfirmed) -> str:
    """Return the JSON of an event."""
    fields = {
        "type": ORDER_CONFIRMED,
        "version": VERSION,
        "event_id": str(event.event_id),
        "order_id": str(event.order_id),
        "customer": event.customer,
        "sku": event.sku,
        "quantity": event.quantity,
        "amount_cents": event.amount_cents,
        "occurred_at": event.occurred_at.astimezone(UTC).isoformat(),
    }
    return json.dumps(fields, separators=(",", ":"))


def parse(message: bytes | None) -> OrderConfirmed:
    """Return the event in a message; raises BadEvent naming the field. Fields that are not known are let be."""
    fields = _object(message)
    if (kind := fields.get("type")) != ORDER_CONFIRMED:
        raise BadEvent("type", f"{_shown(kind)} is not {ORDER_CONFIRMED!r}")
    if (version := fields.get("version")) != VERSION or isinstance(version, bool):
        raise BadEvent("version", f"{_shown(version)} is not {VERSION}")
    return OrderConfirmed(
        event_id=_uuid(fields, "event_id"),
        order_id=_uuid(fields, "order_id"),
        customer=_text(fields, "customer", _CUSTOMER),
        sku=_text(fields, "sku", _SKU),
        quantity=_positive(fields, "quantity"),
        amount_cents=_positive(fields, "amount_cents"),
        occurred_at=_instant(fields, "occurred_at"),
    )


def _object(message: bytes | None) -> dict[str, Any]:
    if message is None:
        raise BadEvent("message", "it is empty")
    if len(message) > MAX_BYTES:
        raise BadEvent("message", f"{len(message)} bytes are more than {MAX_BYTES}")
    try:
        fields = json.loads(message)
    except (ValueError, RecursionError) as exc:
        raise BadEvent("message", "it is not JSON") from exc
    if not isinstance(fields, dict):
        raise BadEvent("message", "it is not a JSON object")
    return fields


def _shown(value: object) -> str:
    """Return a value for a message, cut short: it may be long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 -- what fits a line of a log


def _text(fields: dict[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise BadEvent(name, f"{_shown(value)} does not match {pattern.pattern}")
    return value


def _uuid(fields: dict[str, Any], name: str) -> uuid.UUID:
    value = fields.get(name)
    try:
        return uuid.UUID(value)
    except (ValueError, TypeError, AttributeError) as exc:
        raise BadEvent(name, f"{_shown(value)} is not a UUID") from exc


def _positive(fields: dict[str, Any], name: str) -> int:
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= _LARGEST:
        raise BadEvent(name, f"{_shown(value)} is not a positive whole number")
    return value


def _instant(fields: dict[str, Any], name: str) -> datetime:
    value: Any = fields.get(name)
    try:
        instant = datetime.fromisoformat(value)
    except (ValueError, TypeError) as exc:
        raise BadEvent(name, f"{_shown(value)} is not a time in ISO 8601") from exc
    if instant.tzinfo is None:
        raise BadEvent(name, f"{_shown(value)} has no time zone")
    return instant
