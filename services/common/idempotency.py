"""The Idempotency-Key header: without one, a repeat after a timeout would be a second order."""

from typing import Annotated

from fastapi import Depends, Request

from services.common.problems import ProblemError

HEADER = "idempotency-key"
MAX_LENGTH = 200


async def _key(request: Request) -> str:
    """Return the key; raises ProblemError where it is missing or unusable."""
    key = request.headers.get(HEADER, "")
    if not key:
        raise ProblemError(400, "idempotency-key-missing", "send an Idempotency-Key header, one per purchase")
    if len(key) > MAX_LENGTH or not key.isascii() or not key.isprintable():
        raise ProblemError(400, "idempotency-key-invalid", f"a key is at most {MAX_LENGTH} printable ASCII characters")
    return key


IdempotencyKey = Annotated[str, Depends(_key)]
