"""What notifications accepts, and how a notification is told."""

from typing import Annotated, Any

from fastapi import Path, Query

from services.common.fields import CUSTOMER_PATTERN
from services.notifications.core import Notification

# As large as an id can be in the database.
LARGEST_ID = 2**63 - 1
MOST_LISTED = 200

CustomerInPath = Annotated[str, Path(pattern=CUSTOMER_PATTERN)]
After = Annotated[int, Query(ge=0, le=LARGEST_ID)]
Limit = Annotated[int, Query(ge=1, le=MOST_LISTED)]


def as_json(notification: Notification) -> dict[str, Any]:
    """Return a notification as the API tells it."""
    return {
        "id": notification.id,
        "event_id": str(notification.event_id),
        "order_id": str(notification.order_id),
        "customer": notification.customer,
        "text": notification.text,
        "created_at": notification.created_at.isoformat(),
    }
