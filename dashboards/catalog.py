"""What customers look at: where answers to reads and searches come from, and what a slow or lost store does to them."""

from dashboards.expressions import ARM, LAG, quantile, rate, total
from dashboards.model import Board, Choice, Dash, Graph, Query, Row
from dashboards.shapes import SHARE_DASHES, breakers, quantiles, red
from resilience.metrics import CACHE_REFRESHES_TOTAL, CALL_DURATION, CALLS_TOTAL, SHARED_CALLS_TOTAL
from services.common.metrics import (
    DB_POOL_SIZE,
    DB_POOL_USED,
    DB_POOL_WAITING,
    READ_COPY_AGE,
    READS_TOTAL,
    SEARCHES_TOTAL,
)

_STORES = 'link=~"catalog_to_.*|inventory_to_.*"'
_PRODUCTS = 'link="catalog_to_mysql"'
_ASKED = 'outcome!="rejected"'
_NO_CATALOG = "no catalog in this run: `needs: [catalog]`"
_SOURCE_DASHES: tuple[tuple[str, Dash], ...] = (("database", "dash"), ("stale", "dot"), ("failed", "mixed"))
_LINK_DASHES: tuple[tuple[str, Dash], ...] = (
    ("catalog_to_postgres", "dash"),
    ("catalog_to_redis", "dot"),
    ("inventory_to_postgres", "mixed"),
    ("inventory_to_redis", "sparse"),
)


def _read(title: str, service: str, nothing: str) -> Graph:
    return Graph(
        title=title,
        text=(
            "Solid from a fresh copy in Redis, dashed from the database, dotted from an older copy because the "
            "database did not answer, dash-dotted not answered."
        ),
        unit="reqps",
        queries=(Query(rate(READS_TOTAL, "arm, source", ARM, f'service="{service}"'), "{{arm}} {{source}}"),),
        dashes=_SOURCE_DASHES,
        nothing=nothing,
    )


def _pool(title: str, store: str) -> Graph:
    where = (ARM, 'service="catalog"', f'store="{store}"')
    return Graph(
        title=title,
        text="Solid in use, dotted open, dashed callers that wait for one: what stands there is time customers wait.",
        unit="short",
        queries=(
            Query(total(DB_POOL_USED, "arm", *where), "{{arm}} used"),
            Query(total(DB_POOL_SIZE, "arm", *where), "{{arm}} open"),
            Query(total(DB_POOL_WAITING, "arm", *where), "{{arm}} waiting"),
        ),
        dashes=(("open", "dot"), ("waiting", "dash")),
        nothing=_NO_CATALOG,
    )


_ANSWERS = (
    Row("Where answers come from"),
    _read("Products read, per second, by source", "catalog", _NO_CATALOG),
    _read("Stock read, per second, by source", "inventory", "no handler here reads through the cache"),
    Graph(
        title="Searches, per second, by how they were answered",
        text="Solid by nearness, dashed by words because nearness could not be asked for, dash-dotted not answered.",
        unit="reqps",
        queries=(Query(rate(SEARCHES_TOTAL, "arm, by", ARM), "{{arm}} {{by}}"),),
        dashes=(("keywords", "dash"), ("failed", "mixed")),
        nothing=_NO_CATALOG,
    ),
    Graph(
        title="Age of the copies that answered: p50, p95, p99",
        text=(
            "Of products; up to 10 s a copy is fresh, above it answers for a database that does not. Dotted p50, solid "
            f"p95, dashed p99. {LAG}"
        ),
        unit="s",
        queries=quantiles(READ_COPY_AGE, "arm", "{{arm}}", ARM),
        dashes=SHARE_DASHES,
        nothing="no arm here knows how old its copies are",
    ),
    Graph(
        title="Loads of products that were spared or came early, per second",
        text="Solid reads that joined a load under way, dashed copies renewed before they ran out (XFetch).",
        unit="ops",
        queries=(
            Query(rate(SHARED_CALLS_TOTAL, "arm", ARM, _PRODUCTS), "{{arm}} joined"),
            Query(rate(CACHE_REFRESHES_TOTAL, "arm", ARM, _PRODUCTS, 'why="early"'), "{{arm}} early"),
        ),
        dashes=(("early", "dash"),),
        width=24,
        nothing="no arm here shares loads or renews copies early",
    ),
)
_STORES_ASKED = (
    Row("The stores: solid MySQL, dashed Postgres, dotted Redis; inventory's: dash-dotted Postgres, sparse Redis"),
    Graph(
        title="Calls to the stores, per second",
        text="What the reads and searches cost: a peak is a stampede, many loads of what ran out at one moment.",
        unit="ops",
        queries=(Query(rate(CALLS_TOTAL, "arm, link", ARM, _STORES, _ASKED), "{{arm}} {{link}}"),),
        dashes=_LINK_DASHES,
        nothing="no calls",
    ),
    Graph(
        title="Latency p95 of the stores",
        text=f"What their callers wait, all attempts of a call together, refusals left out. {LAG}",
        unit="s",
        queries=(Query(quantile(0.95, CALL_DURATION, "arm, link", ARM, _STORES, _ASKED), "{{arm}} {{link}}"),),
        dashes=_LINK_DASHES,
        log=True,
        nothing="no calls",
    ),
    _pool("Catalog's connections to MySQL", "mysql"),
    _pool("Catalog's connections to Postgres", "postgres"),
    breakers(_STORES, width=24),
)


def board() -> Board:
    """Return the board."""
    return Board(
        uid="catalog",
        title="Catalog",
        question="Where do answers to reads and searches come from, and what if a store is slow or away?",
        choices=(Choice("arm", "Arm", READS_TOTAL),),
        parts=(*_ANSWERS, *red("catalog", _NO_CATALOG), *_STORES_ASKED),
    )
