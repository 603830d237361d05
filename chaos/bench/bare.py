"""The least that FastAPI can do with a charge: what a service of ours is measured beside."""

from fastapi import FastAPI
from pydantic import BaseModel


class Charge(BaseModel):
    """What the bank is asked for."""

    order_id: str
    amount_cents: int


def create_app() -> FastAPI:
    """Build an app that answers a charge and does nothing else."""
    app = FastAPI()

    @app.post("/charges", status_code=201)
    async def charge(body: Charge) -> dict[str, str]:
        return {"order_id": body.order_id, "status": "charged"}

    return app
