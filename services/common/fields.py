"""Fields that several services' schemas share: one spelling of what a SKU and a quantity may be."""

from typing import Annotated

from pydantic import Field

SKU_PATTERN = r"^[a-z0-9][a-z0-9-]{0,63}$"

Sku = Annotated[str, Field(pattern=SKU_PATTERN)]
Quantity = Annotated[int, Field(ge=1, le=1_000)]
