"""The Idempotency-Key header: without one, a repeat after a timeout would be a second order."""

import contextlib
from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request

from resilience.errors import InProgress, KeyReused
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


@contextlib.contextmanager
def duplicates_told() -> Iterator[None]:
    """Tell what is wrong with a repeated key: 422 where it has another request, 409 where the first is in progress."""
    try:
        yield
    except KeyReused as exc:
        raise ProblemError(422, "key-reused", "this key belongs to another request") from exc
    except InProgress as exc:
        detail = "the first request under this key is in progress"
        raise ProblemError(409, "in-progress", detail, retry_after_s=exc.retry_after_s) from exc
