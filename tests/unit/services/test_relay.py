"""The relay: pages come in, one page goes out, and the silent are forgotten."""

from typing import Any

import httpx
import pytest

from services.common.base import build_app
from services.common.no_upstreams import NoUpstreams
from services.relay.app import create_app
from services.relay.core import Family, KindConflict, Sources, TooManySources
from services.relay.routes import MAX_BYTES, build_router


class FakeClock:
    at_s = 100.0

    def now(self) -> float:
        return self.at_s

    async def sleep(self, delay_s: float) -> None:
        raise AssertionError("the relay never waits")


def family(name: str = "a", kind: str = "gauge", text: str = "a 1\n", says: str = "help") -> Family:
    return Family(name, kind, says, text)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def sources(clock: FakeClock) -> Sources:
    return Sources(clock, expiry_s=5, limit=3)


@pytest.fixture
async def speak(kit: Any, client: Any, sources: Sources) -> httpx.AsyncClient:
    http: httpx.AsyncClient = client(build_app(kit, NoUpstreams(), build_router(sources)))
    return http


def test_one_name_is_one_block(sources: Sources) -> None:
    """Prometheus takes a metric's samples only together, so those of all sources stand under one HELP and TYPE."""
    sources.put("one", [family("a", text="a{} 1\n", says="first"), family("b", text="b 1\n")])
    sources.put("two", [family("b", text="b 2\n"), family("a", text="a{} 2\n", says="second")])

    assert sources.page() == ("# HELP a first\n# TYPE a gauge\na{} 1\na{} 2\n# HELP b help\n# TYPE b gauge\nb 1\nb 2\n")


def test_a_page_takes_the_place_of_the_last(sources: Sources) -> None:
    """What a source no longer pushes is gone."""
    sources.put("one", [family("a"), family("b", text="b 1\n")])
    sources.put("one", [family("a", "counter", "a 7\n")])

    assert sources.page() == "# HELP a help\n# TYPE a counter\na 7\n"


def test_a_source_expires_by_itself(sources: Sources, clock: FakeClock) -> None:
    """A source that is silent for the bound is gone, and another one stays."""
    sources.put("silent", [family("a")])
    clock.at_s += 4.9
    sources.put("lively", [family("b", text="b 1\n")])
    assert "a 1" in sources.page()
    clock.at_s += 0.1

    assert sources.page() == "# HELP b help\n# TYPE b gauge\nb 1\n"


def test_a_source_that_is_dropped_is_gone_at_once(sources: Sources) -> None:
    """Dropping what is not there is no error."""
    sources.put("one", [family()])
    for _ in range(2):
        sources.drop("one")
        assert not sources.page()


def test_two_kinds_under_one_name_are_refused(sources: Sources, clock: FakeClock) -> None:
    """The second source is refused, and keeps its last page; when the first is gone it is welcome."""
    sources.put("one", [family("a", "gauge")])
    sources.put("two", [family("b", text="b 1\n")])

    with pytest.raises(KindConflict, match="a is a counter here and a gauge of the source one"):
        sources.put("two", [family("a", "counter")])
    assert "b 1" in sources.page()
    clock.at_s += 5
    sources.put("two", [family("a", "counter")])


def test_sources_are_few(sources: Sources, clock: FakeClock) -> None:
    """A new one over the limit is refused; a known one is not, and an expired one makes room."""
    for name in ("a", "b", "c"):
        sources.put(name, [])

    sources.put("c", [])
    with pytest.raises(TooManySources, match="3 sources are there already: a, b, c"):
        sources.put("d", [])
    clock.at_s += 5
    sources.put("d", [])


async def test_put_read_delete(speak: httpx.AsyncClient) -> None:
    """The API as its users see it."""
    put = await speak.put("/sources/run", content='# TYPE a gauge\na{x="1"} 2\n')
    assert (put.status_code, put.content) == (204, b"")
    page = await speak.get("/metrics")
    assert page.text == '# HELP a \n# TYPE a gauge\na{x="1",source="run"} 2\n'
    assert page.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert (await speak.delete("/sources/run")).status_code == 204
    assert not (await speak.get("/metrics")).text


@pytest.mark.parametrize(
    ("name", "content", "status", "detail"),
    [
        ("run", b"a b c", 400, "line 1: 'c' is no value"),
        ("run", b"a \xff\n", 400, "byte 2 is no UTF-8"),
        ("run", b"a 1\n" + b"#" * MAX_BYTES, 413, "a page has at most 1000000 bytes"),
        ("run", b"# TYPE taken counter\ntaken 1\n", 409, "taken_total"),
        ("x" * 32, b"", 422, "path.name"),
        ("Run", b"", 422, "path.name"),
        ("9", b"", 422, "path.name"),
    ],
)
async def test_what_cannot_be_taken_is_a_problem(
    speak: httpx.AsyncClient, name: str, content: bytes, status: int, detail: str
) -> None:
    """Each refusal is a problem that says why, and leaves the others' figures alone."""
    await speak.put("/sources/first", content="# TYPE taken_total gauge\ntaken_total 5\n")

    answer = await speak.put(f"/sources/{name}", content=content)

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert detail in answer.json()["detail"]
    assert "taken_total{source=" in (await speak.get("/metrics")).text


async def test_one_source_too_many_is_told_when_to_come_back(speak: httpx.AsyncClient) -> None:
    for name in ("a", "b", "c"):
        await speak.put(f"/sources/{name}", content="")

    answer = await speak.put("/sources/d", content="")

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")


async def test_it_is_ready_without_anybody(kit: Any, client: Any) -> None:
    """It has health and readiness as every service has."""
    http = client(create_app(kit))

    assert (await http.get("/healthz")).json() == {"status": "ok"}
    assert (await http.get("/readyz")).json() == {"status": "ready", "checks": {}}
