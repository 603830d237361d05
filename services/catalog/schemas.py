"""What catalog accepts, and how a product is told."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Path, Query

from services.catalog.core import Found, Product
from services.common.fields import SKU_PATTERN

MOST = 50
# Less than the 40 (hnsw.ef_search) that pgvector's index looks at in one search.
MOST_FOUND = 30
# Longer texts are no questions.
LONGEST_QUESTION = 200
LONGEST_CURSOR = 200

SkuInPath = Annotated[str, Path(pattern=SKU_PATTERN)]
Limit = Annotated[int, Query(ge=1, le=MOST)]
LimitOfFound = Annotated[int, Query(ge=1, le=MOST_FOUND)]
# At least a letter or a digit: of anything else there is nothing to search.
Question = Annotated[str, Query(min_length=1, max_length=LONGEST_QUESTION, pattern=r"[^\W_]")]
Cursor = Annotated[str | None, Query(max_length=LONGEST_CURSOR)]


def told(product: Product) -> dict[str, Any]:
    """Return a product as the API tells it."""
    return asdict(product)


def told_found(found: Found) -> dict[str, Any]:
    """Return the answer to a search."""
    return {"products": [told(one) for one in found.products], "by": found.by}
