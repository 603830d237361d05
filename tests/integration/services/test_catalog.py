"""Products on a real MariaDB, a real Postgres with pgvector and a real Valkey, over ways that break."""

import asyncio
import io
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import asyncpg
import pytest

from resilience import LinkSettings, SystemClock, link_settings
from services.catalog.app import create_app
from services.catalog.assortment import COUNT, assortment
from services.catalog.copies import SETTINGS
from services.catalog.core import Catalog
from services.catalog.embedding import as_text, embed
from services.catalog.filling import fill
from services.catalog.schemas import MOST_FOUND
from services.catalog.settings import CatalogSettings
from services.catalog.upstreams import NEAR, NEAR_TEXT, CatalogUpstreams
from services.common.kit import make_kit
from services.gateway.app import create_app as gateway_app
from services.gateway.settings import GatewaySettings
from services.gateway.upstreams import GatewayUpstreams
from tests.integration.services.databases import Servers
from tests.integration.services.serving import NOBODY_THERE, Serve
from tests.integration.services.wires import Wire

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("clean_cache")]

SKU = "sku-0042"
PRODUCT = next(one for one in assortment() if one.sku == SKU)


@dataclass
class Shop:
    """A catalog, a gateway before it, and the three ways behind it."""

    url: str
    gateway: str
    mysql: Wire
    postgres: Wire
    redis: Wire
    upstreams: CatalogUpstreams
    http: aiohttp.ClientSession

    async def get(self, path: str, *, at: str | None = None, **params: str) -> tuple[int, dict[str, Any]]:
        async with self.http.get(f"{at or self.url}{path}", params=params) as answer:
            return answer.status, await answer.json()


Open = Callable[[str], Awaitable[Shop]]


@pytest.fixture
async def shop(
    database: str, mysql_url: str, servers: Servers, serve: Serve, wire: Callable[[int], Awaitable[Wire]]
) -> AsyncIterator[Open]:
    """Return a function that opens a catalog under a profile."""
    async with aiohttp.ClientSession() as http:

        async def start(profile: str) -> Shop:
            arm = f"arm-{uuid.uuid4().hex[:8]}"
            ways = [await wire(port) for port in (_port(mysql_url), servers.postgres, servers.valkey)]
            mysql, postgres, redis = ways
            settings = CatalogSettings(
                arm,
                profile,
                mysql_url.replace(str(_port(mysql_url)), str(mysql.port)),
                database.replace(str(servers.postgres), str(postgres.port)),
                f"redis://127.0.0.1:{redis.port}/7",
            )
            kit = make_kit("catalog", arm, profile=profile, stream=io.StringIO())
            upstreams = CatalogUpstreams(settings, kit)
            url = await serve(create_app(upstreams, kit))
            kit = make_kit("gateway", arm, profile=profile, stream=io.StringIO())
            at_gateway = GatewaySettings(arm, profile, NOBODY_THERE, NOBODY_THERE, NOBODY_THERE, url)
            gateway = await serve(gateway_app(GatewayUpstreams(at_gateway, kit), kit))
            return Shop(url, gateway, mysql, postgres, redis, upstreams, http)

        yield start


def _port(url: str) -> int:
    return int(url.partition("127.0.0.1:")[2].partition("/")[0])


def counted(shop: Shop, monkeypatch: pytest.MonkeyPatch, *, slow_s: float = 0.0) -> list[str]:
    """Note the statements that reach MySQL, each of them slowed."""
    asked: list[str] = []
    rows = shop.upstreams._mysql.rows

    async def noting(statement: str, *arguments: object) -> Any:
        asked.append(statement)
        await asyncio.sleep(slow_s)
        return await rows(statement, *arguments)

    monkeypatch.setattr(shop.upstreams._mysql, "rows", noting)
    return asked


@pytest.mark.parametrize("profile", ["naive", "protected"])
async def test_a_product_is_read_once_and_then_from_its_copy(
    shop: Open, profile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = await shop(profile)
    asked = counted(at, monkeypatch)
    for url in (at.url, at.gateway, at.url):
        path = f"/catalog/products/{SKU}" if url == at.gateway else f"/products/{SKU}"
        status, body = await at.get(path, at=url)
        assert (status, body["name"], body["price_cents"], body["stale"]) == (200, PRODUCT.name, 1000, False)
    assert len(asked) == 1
    assert (await at.get("/products/sku-9999"))[0] == 404


@pytest.mark.parametrize("profile", ["naive", "protected"])
async def test_metrics_tell_the_two_pools_apart_and_where_answers_came_from(shop: Open, profile: str) -> None:
    at = await shop(profile)
    for path in (f"/products/{SKU}", f"/products/{SKU}", f"/products/{SKU}/similar"):
        assert (await at.get(path))[0] == 200
    await at.mysql.down()
    assert (await at.get("/products/sku-0001"))[0] >= 500

    async with at.http.get(f"{at.url}/metrics") as answer:
        lines = [line for line in (await answer.text()).splitlines() if not line.startswith("#")]
    told = {
        (line.partition("{")[0], label): float(line.split()[-1])
        for line in lines
        for label in re.findall(r'(?:store|source|by)="(\w+)"', line)
    }
    assert (told["db_pool_size", "postgres"], told["reads_total", "copy"]) == (10.0, 1.0)
    assert ("db_pool_size", "mysql") in told
    assert (told["reads_total", "database"], told["reads_total", "failed"]) == (1.0, 1.0)
    assert (told["searches_total", "vector"], told["searches_total", "failed"]) == (1.0, 0.0)


async def test_a_crowd_at_an_expired_copy_asks_once_and_in_the_naive_arm_each_for_itself(
    shop: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = {}
    for profile in ("naive", "protected"):
        at = await shop(profile)
        asked = counted(at, monkeypatch, slow_s=0.3)
        answers = await asyncio.gather(*(at.get(f"/products/{SKU}") for _ in range(30)))
        assert {status for status, _ in answers} == {200}
        numbers[profile] = len(asked)
        # The next profile's catalog finds no copy of this one's.
        await at.upstreams._redis._client.flushdb()
    assert numbers["protected"] == 1
    assert numbers["naive"] > 10


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return a function that lets the seconds pass by which copies grow old."""
    now, wall = SystemClock.now, SystemClock.wall

    def pass_(seconds: float) -> None:
        monkeypatch.setattr(SystemClock, "now", lambda clock: now(clock) + seconds)
        monkeypatch.setattr(SystemClock, "wall", lambda clock: wall(clock) + seconds)

    return pass_


async def test_a_crowd_at_a_copy_that_ran_out_makes_one_question_a_key(
    shop: Open, later: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = await shop("protected")
    skus = [f"sku-{number:04d}" for number in range(1, 6)]
    await asyncio.gather(*(at.get(f"/products/{sku}") for sku in skus))
    asked = counted(at, monkeypatch, slow_s=0.2)
    later(30)
    answers = await asyncio.gather(*(at.get(f"/products/{sku}") for sku in skus * 10))
    assert {(status, body["stale"]) for status, body in answers} == {(200, False)}
    assert len(asked) == len(skus)


async def test_a_copy_is_renewed_by_lot_before_it_runs_out_and_nobody_waits(
    shop: Open, later: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loading that took long makes the lot likely early; the readers of that moment are answered from the copy."""
    at = await shop("protected")
    asked = counted(at, monkeypatch, slow_s=0.4)
    assert (await at.get(f"/products/{SKU}"))[0] == 200
    later(SETTINGS.fresh_s - 0.5)
    for _ in range(100):
        assert (await at.get(f"/products/{SKU}"))[1]["stale"] is False
        if len(asked) > 1:
            break
    assert len(asked) == 2


async def test_a_copy_that_nobody_of_ours_wrote_is_loaded_anew(shop: Open) -> None:
    at = await shop("protected")
    await at.upstreams._redis.set(f"product:{SKU}", b'{"of": "another version"}', kept_s=60)
    assert (await at.get(f"/products/{SKU}"))[0] == 200
    kept = await at.upstreams._redis.get(f"product:{SKU}")
    assert kept is not None
    assert PRODUCT.name.encode() in kept


async def test_with_the_products_away_a_copy_answers_and_says_that_it_is_old(
    shop: Open, later: Callable[[float], None]
) -> None:
    at = await shop("protected")
    assert (await at.get(f"/products/{SKU}"))[0] == 200
    await at.mysql.down()
    later(SETTINGS.fresh_s + 1)
    status, body = await at.get(f"/products/{SKU}")
    assert (status, body["stale"]) == (200, True)
    assert (await at.get("/products/sku-0043"))[0] == 503
    later(SETTINGS.fresh_s + SETTINGS.error_s + 1)
    assert (await at.get(f"/products/{SKU}"))[0] == 503
    later(SETTINGS.fresh_s + 1)
    await at.mysql.up()
    await until_found(at, f"/products/{SKU}")


async def until_found(at: Shop, path: str) -> None:
    """Ask until the breaker has let a question through and the answer is new."""
    async with asyncio.timeout(20):
        while True:
            status, body = await at.get(path)
            if status == 200 and not body["stale"]:
                return
            await asyncio.sleep(0.1)


async def test_a_call_that_is_cancelled_during_a_statement_spoils_nothing(shop: Open) -> None:
    """Products, searches and pages are asked for and given up; whoever comes then gets their own answer."""
    at = await shop("protected")
    catalog = Catalog(at.upstreams.products, at.upstreams.vectors, at.upstreams.copies)
    cancelled = 0
    for steps in range(40):
        products = [catalog.product(f"sku-{number:04d}") for number in range(1, 5)]
        asking = [asyncio.ensure_future(one) for one in (*products, catalog.search("oak", most=5))]
        # The loop turns so often before they are given up: each of its turns is a moment to be cancelled at.
        for _ in range(steps):
            await asyncio.sleep(0)
        for one in asking:
            one.cancel()
        ends = await asyncio.gather(*asking, return_exceptions=True)
        assert all(not isinstance(end, Exception) for end in ends)
        cancelled += sum(isinstance(end, asyncio.CancelledError) for end in ends)
        await at.upstreams._redis._client.flushdb()
    assert cancelled > 20
    for number in range(30, 60):
        product, _ = await catalog.product(f"sku-{number:04d}")
        assert product is not None
        assert product.sku == f"sku-{number:04d}"
    assert at.upstreams._mysql.use().used == 0


async def test_a_database_that_says_nothing_is_told_as_one_that_is_away(shop: Open) -> None:
    at = await shop("protected")
    at.mysql.silent = True
    async with asyncio.timeout(10), at.http.get(f"{at.gateway}/catalog/products/{SKU}") as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")


async def test_points_that_are_gone_are_made_again_at_the_next_start(shop: Open) -> None:
    """A Postgres made anew, beside a MySQL that has all products."""
    at = await shop("protected")
    await at.upstreams._postgres.rows("TRUNCATE catalog.embeddings")
    assert (await at.get("/search", q="bowl"))[1]["products"] == []
    await fill(at.upstreams._settings)
    assert (await at.get("/search", q="ceramic bowl"))[1]["products"][0]["name"] == "ceramic bowl"


async def test_the_index_of_points_finds_as_many_as_may_be_asked_for(shop: Open, database: str) -> None:
    """It looks at 40 points by itself, whatever the limit."""
    at = await shop("protected")
    direct = await asyncpg.connect(database)
    # So few rows are read one by one, unless the planner may not.
    await direct.execute("SET enable_seqscan = off")
    near_oak = as_text(embed("oak"))
    plan = "\n".join(row[0] for row in await direct.fetch(f"EXPLAIN {NEAR_TEXT}", near_oak, MOST_FOUND))
    assert "embeddings_nearest" in plan
    assert len(await direct.fetch(NEAR_TEXT, near_oak, MOST_FOUND)) == MOST_FOUND
    assert len(await direct.fetch(NEAR, SKU, MOST_FOUND)) == MOST_FOUND
    await direct.close()
    for path, params in (("/search", {"q": "oak"}), (f"/products/{SKU}/similar", {})):
        status, body = await at.get(path, limit=str(MOST_FOUND), **params)
        assert (status, len(body["products"])) == (200, MOST_FOUND)


async def test_with_the_cache_away_the_products_answer(shop: Open) -> None:
    at = await shop("protected")
    await at.redis.down()
    status, body = await at.get(f"/products/{SKU}")
    assert (status, body["stale"]) == (200, False)


async def test_pages_lead_through_the_whole_assortment_once(shop: Open) -> None:
    at = await shop("protected")
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(COUNT):
        params = {"limit": "33"} | ({} if cursor is None else {"cursor": cursor})
        status, body = await at.get("/catalog/products", at=at.gateway, **params)
        assert status == 200
        seen += [one["sku"] for one in body["products"]]
        cursor = body["cursor"]
        if cursor is None:
            break
    assert seen == [one.sku for one in assortment()]


async def test_a_search_finds_by_meaning_and_without_it_by_words(shop: Open) -> None:
    at = await shop("protected")
    status, body = await at.get("/catalog/search", at=at.gateway, q="ceramics bowls")
    assert (status, body["by"]) == (200, "vector")
    assert body["products"][0]["name"] == "ceramic bowl"
    status, body = await at.get(f"/products/{SKU}/similar", limit="3")
    assert (status, body["by"], len(body["products"])) == (200, "vector", 3)
    assert SKU not in {one["sku"] for one in body["products"]}
    assert any(set(PRODUCT.name.split()) & set(one["name"].split()) for one in body["products"])
    assert (await at.get("/products/sku-9999/similar"))[0] == 404

    await at.postgres.down()
    status, body = await at.get("/catalog/search", at=at.gateway, q="ceramic bowl")
    assert (status, body["by"]) == (200, "keywords")
    assert body["products"][0]["name"] == "ceramic bowl"
    status, body = await at.get(f"/products/{SKU}/similar")
    assert (status, body["by"]) == (200, "keywords")
    assert SKU not in {one["sku"] for one in body["products"]}
    assert (await at.get("/products/sku-9999/similar"))[0] == 404


async def test_the_naive_arm_has_no_other_way_to_search(shop: Open) -> None:
    at = await shop("naive")
    await at.postgres.down()
    assert (await at.get("/search", q="bowl"))[0] == 503


@pytest.mark.parametrize(
    ("path", "params", "status"),
    [
        ("/search", {"q": ""}, 422), ("/search", {"q": "x" * 10_000}, 422), ("/search", {"q": "  .. "}, 422),
        ("/search", {"q": "_"}, 422), ("/search", {"q": "bowl", "limit": "31"}, 422),
        ("/products", {"cursor": "from-elsewhere"}, 400),
        ("/products", {"cursor": "cDE6"[:2]}, 400), ("/products", {"cursor": "x" * 500}, 422),
        ("/products/Not%20A%20Sku", {}, 422),
    ],
)  # fmt: skip
async def test_bad_questions_are_refused_here_and_at_the_gateway(
    shop: Open, path: str, params: dict[str, str], status: int
) -> None:
    at = await shop("protected")
    for url, prefix in ((at.url, ""), (at.gateway, "/catalog")):
        told, body = await at.get(f"{prefix}{path}", at=url, **params)
        assert told == status
        assert body["instance"].startswith(prefix)
        if "cursor" in params:
            assert "cursor" in body["detail"]


async def test_the_gateway_says_come_back_while_catalog_is_away(shop: Open, serve: Serve) -> None:
    kit = make_kit("gateway", "arm", profile="protected", stream=io.StringIO())
    settings = GatewaySettings("arm", "protected", *[NOBODY_THERE] * 4)
    url = await serve(gateway_app(GatewayUpstreams(settings, kit), kit))
    async with aiohttp.ClientSession() as http, http.get(f"{url}/catalog/search?q=bowl") as answer:
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "1"


def test_the_links_say_where_copies_answer() -> None:
    assert link_settings("protected", "catalog_to_mysql").fallback
    assert link_settings("naive", "catalog_to_mysql") == LinkSettings()
