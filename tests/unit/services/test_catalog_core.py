"""Catalog: which store is asked for what, what a cursor may be, and what is answered where one of them is away."""

import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import pytest

from resilience.stale_cache import Cached
from resilience.states import Freshness
from services.catalog.app import create_app
from services.catalog.core import BadCursorError, Catalog, Otherwise, Product, make_cursor, read_cursor
from services.common.errors import DependencyDownError

ALL = {
    sku: Product(sku, name, f"A {name}.", 1_000)
    for sku, name in {"a-1": "oak chair", "a-2": "oak table", "a-3": "steel lamp"}.items()
}
DOWN = DependencyDownError("database", "away")


class Table:
    """Products; what it was asked for is noted."""

    def __init__(self, products: Mapping[str, Product] = ALL) -> None:
        self.products = products
        self.asked: list[str] = []

    async def read(self, sku: str) -> Product | None:
        self.asked.append("read")
        return self.products.get(sku)

    async def named(self, skus: Sequence[str]) -> Mapping[str, Product]:
        self.asked.append("named")
        # In no order that anybody asked for, as a database may.
        return {sku: self.products[sku] for sku in sorted(skus) if sku in self.products}

    async def after(self, sku: str, *, most: int) -> Sequence[Product]:
        self.asked.append("after")
        return [self.products[one] for one in sorted(self.products) if one > sku][:most]

    async def with_words(self, text: str, *, most: int) -> Sequence[Product]:
        self.asked.append("words")
        words = set(text.split())
        return [one for one in self.products.values() if words & set(one.name.split())][:most]


class Points:
    """Points that answer as told, or fail as the profile has it."""

    def __init__(self, skus: Sequence[str] = (), *, fails: bool = False, fallback: bool = True) -> None:
        self.skus, self.fails, self.fallback = skus, fails, fallback

    async def near_text(self, text: str, *, most: int, otherwise: Otherwise) -> Sequence[str] | None:
        del text
        return await self._told(most, otherwise)

    async def near(self, sku: str, *, most: int, otherwise: Otherwise) -> Sequence[str] | None:
        found = await self._told(most, otherwise)
        return found and [one for one in found if one != sku]

    async def _told(self, most: int, otherwise: Otherwise) -> Sequence[str] | None:
        if not self.fails:
            return self.skus[:most]
        if self.fallback:
            return await otherwise(DOWN)
        raise DOWN


class Copies:
    """A cache that keeps nothing, or says that what it has is old."""

    def __init__(self, old: Product | None = None) -> None:
        self.old = old

    async def get(self, key: str, load: Callable[[], Awaitable[Product | None]]) -> Cached[Product | None]:
        del key
        if self.old is not None:
            return Cached(self.old, Freshness.STALE_ON_ERROR)
        return Cached(await load(), Freshness.MISS)


def skus(products: Sequence[Product]) -> list[str]:
    return [one.sku for one in products]


async def test_pages_lead_through_all_products_and_the_last_one_says_so() -> None:
    catalog = Catalog(Table(), Points(), Copies())
    first = await catalog.page(None, most=2)
    assert skus(first.products) == ["a-1", "a-2"]
    assert first.cursor is not None
    last = await catalog.page(first.cursor, most=2)
    assert (skus(last.products), last.cursor) == (["a-3"], None)


async def test_a_page_that_is_just_full_is_the_last_one() -> None:
    assert (await Catalog(Table(), Points(), Copies()).page(None, most=3)).cursor is None


async def test_a_cursor_behind_everything_leads_to_an_empty_page() -> None:
    page = await Catalog(Table(), Points(), Copies()).page(make_cursor("z"), most=2)
    assert (page.products, page.cursor) == ([], None)


def _coded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize("sku", ["a", "sku-0001", "x" * 64])
def test_a_cursor_of_ours_is_read_again(sku: str) -> None:
    assert read_cursor(make_cursor(sku)) == sku


@pytest.mark.parametrize(
    "cursor",
    [
        "", "a", "a-1", "!", "é", "\x00", _coded(""), _coded("p1:"), _coded("a-1"), _coded("p2:a-1"), _coded("p1:A 1"),
        _coded("p1:a-1\n"), _coded("p1:' OR 1"), _coded("p1:é"), _coded(f"p1:{'x' * 65}"), make_cursor("a-1") + "\n",
    ],
)  # fmt: skip
async def test_a_cursor_from_elsewhere_is_refused_before_anybody_is_asked(cursor: str) -> None:
    table = Table()
    with pytest.raises(BadCursorError):
        await Catalog(table, Points(), Copies()).page(cursor, most=2)
    assert table.asked == []


async def test_what_was_found_keeps_its_order_and_a_point_without_a_product_is_left_out() -> None:
    found = await Catalog(Table(), Points(["a-3", "gone", "a-1"]), Copies()).search("lamp", most=5)
    assert (skus(found.products), found.by) == (["a-3", "a-1"], "vector")


async def test_without_points_words_are_searched_where_the_profile_allows_it() -> None:
    found = await Catalog(Table(), Points(fails=True), Copies()).search("oak", most=5)
    assert (skus(found.products), found.by) == (["a-1", "a-2"], "keywords")
    with pytest.raises(DependencyDownError):
        await Catalog(Table(), Points(fails=True, fallback=False), Copies()).search("oak", most=5)


async def test_what_is_like_a_product_is_not_the_product() -> None:
    for points, by in ((Points(["a-1", "a-2"]), "vector"), (Points(fails=True), "keywords")):
        found = await Catalog(Table(), points, Copies()).similar("a-1", most=5)
        assert found is not None
        assert (skus(found.products), found.by) == (["a-2"], by)


async def test_nothing_is_like_a_product_that_is_not_there() -> None:
    for points in (Points(), Points(fails=True)):
        assert await Catalog(Table(), points, Copies()).similar("gone", most=5) is None


async def test_a_product_from_an_old_copy_is_told_as_one() -> None:
    assert await Catalog(Table({}), Points(), Copies(old=ALL["a-1"])).product("a-1") == (ALL["a-1"], True)
    assert await Catalog(Table(), Points(), Copies()).product("a-1") == (ALL["a-1"], False)
    assert await Catalog(Table(), Points(), Copies()).product("gone") == (None, False)


@pytest.fixture
def points() -> Points:
    return Points()


@pytest.fixture
def ask(kit: Any, client: Any, upstreams: Any, points: Points) -> Any:
    """Return a function that asks a catalog of these products."""
    http = client(create_app(upstreams(products=Table(), vectors=points, copies=Copies()), kit))

    async def ask_(path: str, **params: str) -> Any:
        return await http.get(path, params=params)

    return ask_


async def test_a_page_a_product_and_a_search_are_told(ask: Any, points: Points) -> None:
    chair = {"sku": "a-1", "name": "oak chair", "description": "A oak chair.", "price_cents": 1_000}
    page = (await ask("/products", limit="1")).json()
    assert page == {"products": [chair], "cursor": make_cursor("a-1")}
    assert (await ask("/products/a-1")).json() == {**chair, "stale": False}
    points.skus = ["a-1", "a-2"]
    assert (await ask("/search", q="é", limit="1")).json() == {"products": [chair], "by": "vector"}
    assert (await ask("/products/a-2/similar")).json() == {"products": [chair], "by": "vector"}
    points.fails = True
    assert (await ask("/search", q="chair")).json() == {"products": [chair], "by": "keywords"}


@pytest.mark.parametrize(
    ("path", "params", "status", "named"),
    [
        ("/products", {"cursor": "elsewhere"}, 400, "cursor"), ("/products", {"cursor": ""}, 400, "cursor"),
        ("/products", {"cursor": "x" * 201}, 422, "cursor"), ("/products", {"limit": "0"}, 422, "limit"),
        ("/products", {"limit": "51"}, 422, "limit"), ("/products/A", {}, 422, "sku"), ("/products/b", {}, 404, "b"),
        ("/products/b/similar", {}, 404, "b"), ("/products/a-1/similar", {"limit": "31"}, 422, "limit"),
        ("/search", {}, 422, "q"), ("/search", {"q": ""}, 422, "q"), ("/search", {"q": " .,_ "}, 422, "q"),
        ("/search", {"q": "x" * 10_000}, 422, "q"), ("/search", {"q": "oak", "limit": "many"}, 422, "limit"),
    ],
)  # fmt: skip
async def test_what_cannot_be_answered_is_a_problem_that_names_it(
    ask: Any, path: str, params: dict[str, str], status: int, named: str
) -> None:
    response = await ask(path, **params)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert named in response.json()["detail"]
    # A refusal is no echo of 10 kB.
    assert len(response.content) < 1_000
