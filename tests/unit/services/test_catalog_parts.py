"""The parts of catalog that touch nothing: its assortment, its points, and how a copy lies in a cache."""

import json
import math
from pathlib import Path

import pytest

import services
from resilience.clock import SystemClock
from resilience.stale_cache_store import Entry
from resilience.states import Freshness
from services.catalog.assortment import COUNT, assortment
from services.catalog.copies import KEPT_S, SETTINGS, Entries, PlainCopies
from services.catalog.core import Product
from services.catalog.embedding import DIMENSIONS, as_text, embed

CHAIR = Product("sku-0001", "oak chair", "A plain chair of oak.", 1_000)
ROOM = Path(str(services.__file__)).parent


class Shelf:
    """Bytes in memory; notes for how long they are to be kept."""

    def __init__(self, **lying: bytes) -> None:
        self.lying = lying
        self.kept_s: list[int] = []

    async def get(self, key: str) -> bytes | None:
        return self.lying.get(key)

    async def put(self, key: str, value: bytes, *, kept_s: int) -> None:
        self.lying[key] = value
        self.kept_s.append(kept_s)


def likeness(one: str, other: str) -> float:
    return sum(a * b for a, b in zip(embed(one), embed(other), strict=True))


def test_the_assortment_is_the_one_that_inventory_has_stock_of() -> None:
    """Its first migration makes that many, under those names."""
    made = (ROOM / "inventory" / "migrations" / "0001_stock.sql").read_text()
    assert f"generate_series(1, {COUNT})" in made
    assert "'sku-' || lpad(" in made
    assert [one.sku for one in assortment()] == [f"sku-{number:04d}" for number in range(1, COUNT + 1)]


def test_the_assortment_is_the_same_each_time_and_no_two_products_are_called_the_same() -> None:
    assert assortment() == assortment()
    assert len({one.name for one in assortment()}) == COUNT
    assert all(one.name.split()[1] in one.description and one.price_cents > 0 for one in assortment())


def test_the_table_of_points_has_room_for_a_point() -> None:
    made = (ROOM / "catalog" / "migrations" / "0001_embeddings.sql").read_text()
    assert f"vector({DIMENSIONS})" in made


def test_a_point_is_of_length_one_and_of_nothing_it_is_nowhere() -> None:
    assert math.isclose(sum(one * one for one in embed("Oak chair, for the kitchen!")), 1.0)
    assert embed(" .,_ ") == [0.0] * DIMENSIONS
    assert len(json.loads(as_text(embed("oak")))) == DIMENSIONS


def test_a_point_is_the_same_in_every_process_and_every_release() -> None:
    """Points are kept in a database: another hash would make all of those wrong."""
    point = embed("oak")
    assert [(number, round(value, 4)) for number, value in enumerate(point) if value] == [
        (57, 0.3015),
        (70, 0.9045),
        (76, -0.3015),
    ]


def test_a_text_is_nearer_to_what_shares_words_or_parts_of_words_with_it() -> None:
    assert math.isclose(likeness("Oak CHAIR", "chair oak"), 1.0)
    assert likeness("ceramics bowls", "ceramic bowl") > likeness("ceramics bowls", "ceramic vase")
    assert likeness("ceramics bowls", "ceramic vase") > likeness("ceramics bowls", "steel lamp") + 0.1


def test_of_all_products_the_one_that_is_named_is_nearest() -> None:
    for product in assortment():
        best = max(assortment(), key=lambda one: likeness(product.name, f"{one.name} {one.description}"))
        assert best == product


async def test_a_copy_comes_back_as_it_was_kept_and_as_old_as_it_is() -> None:
    clock, shelf = SystemClock(), Shelf()
    for value in (CHAIR, None):
        kept = Entry(value, clock.now() - 7, 0.25)
        await Entries(shelf, clock).put("a", kept)
        # Another process, whose clock began elsewhere, reads it by the wall's.
        found = await Entries(shelf, clock).get("a")
        assert found is not None
        assert (found.value, found.cost_s) == (value, 0.25)
        assert found.stored_at == pytest.approx(kept.stored_at, abs=1)
    assert shelf.kept_s == [KEPT_S, KEPT_S]
    assert SETTINGS.fresh_s + SETTINGS.stale_s + SETTINGS.error_s <= KEPT_S


@pytest.mark.parametrize(
    "lying",
    [
        b"", b"\xff", b"[]", b"null", b"3", b'{"product": null}', b'{"product": 3, "stored_at": 1, "cost_s": 1}',
        b'{"product": {"colour": 1}, "stored_at": 1, "cost_s": 1}', b'{"product": null, "stored_at": "x", "cost_s": 1}',
        b'{"product": null, "stored_at": 1, "cost_s": "x"}',
    ],
)  # fmt: skip
async def test_what_nobody_of_ours_wrote_is_no_copy(lying: bytes) -> None:
    """Of another version, or half of one: the product is loaded, and no customer sees a 500."""
    assert await Entries(Shelf(**{"product:a": lying}), SystemClock()).get("a") is None


async def test_a_plain_copy_is_loaded_once_kept_and_returned() -> None:
    shelf, loads = Shelf(), 0

    async def load() -> Product | None:
        nonlocal loads
        loads += 1
        return CHAIR

    copies = PlainCopies(shelf)
    assert [(await copies.get("a", load)).freshness for _ in range(3)] == [
        Freshness.MISS,
        Freshness.FRESH,
        Freshness.FRESH,
    ]
    assert (await copies.get("a", load)).value == CHAIR
    assert (loads, shelf.kept_s) == (1, [int(SETTINGS.fresh_s)])


async def test_what_could_not_be_loaded_is_not_kept() -> None:
    shelf = Shelf()

    async def load() -> Product | None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await PlainCopies(shelf).get("a", load)
    assert shelf.lying == {}
