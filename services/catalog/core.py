"""Products: read through a cache, listed by page, found by meaning, and by words where meaning is not to be had."""

import base64
import binascii
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from resilience.stale_cache import Cached
from resilience.states import Freshness
from services.common.fields import SKU_PATTERN

By = Literal["vector", "keywords"]
# Tells a cursor of ours from one of anybody else's; it hides nothing, for there is nothing to hide.
_CURSOR = "p1:"


@dataclass(frozen=True, slots=True)
class Product:
    """One product; its price is in cents."""

    sku: str
    name: str
    description: str
    price_cents: int


@dataclass(frozen=True, slots=True)
class Page:
    """Some products in the order of their SKUs; `cursor` leads to the next, None behind the last."""

    products: Sequence[Product]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found, best first, and how it searched."""

    products: Sequence[Product]
    by: By


class BadCursorError(ValueError):
    """A cursor that no page of ours gave."""


Otherwise = Callable[[Exception], Awaitable[Sequence[str] | None]]


class Products(Protocol):
    """The port to the products; all raise DependencyError or Rejected."""

    async def read(self, sku: str) -> Product | None:
        """Return a product, None for an unknown one."""
        ...

    async def named(self, skus: Sequence[str]) -> Mapping[str, Product]:
        """Return those of these that there are."""
        ...

    async def after(self, sku: str, *, most: int) -> Sequence[Product]:
        """Return the products behind a SKU, in their order."""
        ...

    async def with_words(self, text: str, *, most: int) -> Sequence[Product]:
        """Return the products in which words of a text stand, best first."""
        ...


class Vectors(Protocol):
    """The port to the points. What fails is answered by `otherwise`, where the profile says so."""

    async def near_text(self, text: str, *, most: int, otherwise: Otherwise) -> Sequence[str] | None:
        """Return the SKUs nearest to a text, nearest first."""
        ...

    async def near(self, sku: str, *, most: int, otherwise: Otherwise) -> Sequence[str] | None:
        """Return the SKUs nearest to a product, itself left out."""
        ...


class Copies(Protocol):
    """The port to the cache."""

    async def get(self, key: str, load: Callable[[], Awaitable[Product | None]]) -> Cached[Product | None]:
        """Return a copy, or what `load` returns; raises what it raises where no copy helps."""
        ...


class Catalog:
    """The service, without web framework and drivers."""

    def __init__(self, products: Products, vectors: Vectors, copies: Copies) -> None:
        self._products, self._vectors, self._copies = products, vectors, copies

    async def product(self, sku: str) -> tuple[Product | None, bool]:
        """Return a product, None for an unknown one, and whether it is from a copy that may be minutes old."""
        cached = await self._copies.get(sku, lambda: self._products.read(sku))
        return cached.value, cached.freshness is Freshness.STALE_ON_ERROR

    async def page(self, cursor: str | None, *, most: int) -> Page:
        """Return a page; raises BadCursorError."""
        after = "" if cursor is None else read_cursor(cursor)
        # One more than is shown tells whether there is a next page.
        found = await self._products.after(after, most=most + 1)
        shown = found[:most]
        return Page(shown, make_cursor(shown[-1].sku) if len(found) > most else None)

    async def search(self, text: str, *, most: int) -> Found:
        """Return what is near to a text, or has its words where nearness cannot be asked for."""
        skus = await self._vectors.near_text(text, most=most, otherwise=_nothing)
        if skus is None:
            return Found(await self._products.with_words(text, most=most), "keywords")
        return Found(await self._in_order(skus), "vector")

    async def similar(self, sku: str, *, most: int) -> Found | None:
        """Return what is near to a product, or shares words with it; None for an unknown product."""
        skus = await self._vectors.near(sku, most=most, otherwise=_nothing)
        if skus is not None:
            found = await self._in_order(skus)
            return Found(found, "vector") if found else None
        product, _ = await self.product(sku)
        if product is None:
            return None
        # The product itself has all of its words.
        found = await self._products.with_words(product.name, most=most + 1)
        return Found([one for one in found if one.sku != sku][:most], "keywords")

    async def _in_order(self, skus: Sequence[str]) -> Sequence[Product]:
        products = await self._products.named(skus)
        return [products[sku] for sku in skus if sku in products]


async def _nothing(_error: Exception) -> None:
    return None


def make_cursor(sku: str) -> str:
    """Return the cursor of the page behind a SKU."""
    return base64.urlsafe_b64encode(f"{_CURSOR}{sku}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> str:
    """Return the SKU in a cursor; raises BadCursorError."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise BadCursorError from error
    sku = text.removeprefix(_CURSOR)
    if sku == text or not re.fullmatch(SKU_PATTERN, sku):
        raise BadCursorError
    return sku
