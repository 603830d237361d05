"""What inventory accepts."""

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from services.common.fields import SKU_PATTERN, Quantity, Sku

SkuInPath = Annotated[str, Path(pattern=SKU_PATTERN)]


class ReservationIn(BaseModel):
    """Stock for one order."""

    model_config = ConfigDict(extra="forbid")

    order_id: str = Field(min_length=1, max_length=64)
    sku: Sku
    quantity: Quantity
