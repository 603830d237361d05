"""What payments accepts."""

from pydantic import BaseModel, ConfigDict, Field


class ChargeIn(BaseModel):
    """One charge of one order."""

    model_config = ConfigDict(extra="forbid")

    order_id: str = Field(min_length=1, max_length=64)
    amount_cents: int = Field(ge=1, le=1_000_000_000)
