"""What orders accepts."""

from pydantic import BaseModel, ConfigDict

from services.common.fields import GUEST, Customer, Quantity, Sku


class OrderIn(BaseModel):
    """One purchase."""

    model_config = ConfigDict(extra="forbid")

    sku: Sku
    quantity: Quantity
    customer: Customer = GUEST
