"""What the gateway accepts."""

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, ConfigDict

from services.common.fields import SKU_PATTERN, Quantity, Sku

SkuInPath = Annotated[str, Path(pattern=SKU_PATTERN)]


class CheckoutIn(BaseModel):
    """One purchase."""

    model_config = ConfigDict(extra="forbid")

    sku: Sku
    quantity: Quantity
