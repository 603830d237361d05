"""What every part of a scenario is made of: a value that does not change and takes no key that it does not know."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Frozen; a key that is not known is an error, and so is a number that is not finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
