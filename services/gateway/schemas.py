"""What the gateway accepts."""

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, ConfigDict

from services.common.fields import CUSTOMER_PATTERN, GUEST, SKU_PATTERN, Customer, Quantity, Sku

# As large as an id can be in a database.
LARGEST_ID = 2**63 - 1

CustomerInPath = Annotated[str, Path(pattern=CUSTOMER_PATTERN)]
SkuInPath = Annotated[str, Path(pattern=SKU_PATTERN)]


class CheckoutIn(BaseModel):
    """One purchase."""

    model_config = ConfigDict(extra="forbid")

    sku: Sku
    quantity: Quantity
    customer: Customer = GUEST
