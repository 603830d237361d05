"""Fields that several services' schemas share: one spelling of what a SKU, a quantity and a customer may be."""

from typing import Annotated

from pydantic import Field

SKU_PATTERN = r"^[a-z0-9][a-z0-9-]{0,63}$"
CUSTOMER_PATTERN = r"^[a-z0-9-]{1,40}$"
# Whoever does not say who they are.
GUEST = "guest"

Customer = Annotated[str, Field(pattern=CUSTOMER_PATTERN)]
Sku = Annotated[str, Field(pattern=SKU_PATTERN)]
Quantity = Annotated[int, Field(ge=1, le=1_000)]
