"""/populate and /reset: what is kept, what is replaced, where they stop."""

import httpx
import pytest

from tests.conformance.api import P1, latency, p1


async def test_populate_creates_keeps_and_replaces(http: httpx.AsyncClient) -> None:
    """Equal addresses leave a proxy and its toxics untouched; other ones replace it by a proxy without toxics."""
    before = await p1(http)
    await latency(http)
    same = {"name": "p1", "listen": before["listen"], "upstream": "localhost:1", "enabled": False}
    answer = await http.post("/populate", json=[same, {"name": "p2", "listen": "127.0.0.1:0", "upstream": "a:1"}])
    assert (answer.status_code, answer.headers["content-type"]) == (201, "application/json")
    kept, created = answer.json()["proxies"]
    assert (kept["enabled"], len(kept["toxics"]), created["enabled"]) == (True, 1, True)
    answer = await http.post("/populate", json=[{**same, "upstream": "b:1"}])
    assert answer.json()["proxies"] == [{**before, "upstream": "b:1", "enabled": False}]


async def test_populate_checks_all_before_it_touches_one(http: httpx.AsyncClient) -> None:
    """A missing field is named with its place, and nothing is created."""
    answer = await http.post("/populate", json=[{"name": "a", "upstream": "x:1"}, {"upstream": "x:1"}])
    assert answer.headers["content-type"] == "application/json"
    assert answer.text == '{"error":"missing required field: name at proxy 2","status":400,"proxies":null}'
    assert (await http.get("/proxies")).text == "{}"


async def test_populate_stops_at_the_first_that_fails(http: httpx.AsyncClient) -> None:
    """What was created before the failure stays and is answered with the error."""
    wanted = [P1, {**P1, "name": "p2", "listen": "bad"}, {**P1, "name": "p3"}]
    answer = await http.post("/populate", json=wanted)
    body = answer.json()
    assert (answer.status_code, body["status"]) == (500, 500)
    assert body["error"] == "listen tcp: address bad: missing port in address"
    assert [proxy["name"] for proxy in body["proxies"]] == ["p1"]
    assert list((await http.get("/proxies")).json()) == ["p1"]


@pytest.mark.parametrize("body", [b"[]", b"null"])
async def test_populate_with_nothing(http: httpx.AsyncClient, body: bytes) -> None:
    """No proxies are null, not an empty list."""
    answer = await http.post("/populate", content=body)
    assert (answer.status_code, answer.text) == (201, '{"proxies":null}')


async def test_reset_enables_and_takes_toxics_out(http: httpx.AsyncClient) -> None:
    """After a reset every proxy listens and none has a toxic."""
    before = await p1(http)
    await latency(http)
    await http.post("/proxies/p1", json={"enabled": False})
    answer = await http.post("/reset", content=b"ignored")
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await http.get("/proxies/p1")).json() == before
