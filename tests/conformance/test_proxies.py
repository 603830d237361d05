"""Proxies by the API, request by request, in the words of the original."""

import httpx
import pytest

from tests.conformance.api import GO, P1, error, latency, p1


async def test_create_answers_201_with_the_bound_address_and_the_fields_in_order(http: httpx.AsyncClient) -> None:
    """A created proxy is answered with 201, its real port, and Toxiproxy's keys in Toxiproxy's order."""
    answer = await http.post("/proxies", json=P1)
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    assert "x-toxiproxy-request-id" in answer.headers
    port = answer.json()["listen"].removeprefix("127.0.0.1:")
    assert int(port) > 0
    assert answer.text == (
        f'{{"name":"p1","listen":"127.0.0.1:{port}","upstream":"localhost:1","enabled":true,"Logger":{{}},"toxics":[]}}'
    )


@pytest.mark.parametrize("body", [b"null", b"{}", b'{"upstream":"a:1"}'])
async def test_name_is_required(http: httpx.AsyncClient, body: bytes) -> None:
    """A proxy without a name is refused before its upstream is looked at."""
    assert error(await http.post("/proxies", content=body)) == (400, "missing required field: name")


async def test_upstream_is_required(http: httpx.AsyncClient) -> None:
    """A proxy without an upstream is refused."""
    answer = await http.post("/proxies", json={"name": "a"})
    assert error(answer) == (400, "missing required field: upstream")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "bad request body: EOF"),
        (b"  ", "bad request body: EOF"),
        (b'{"name":', "bad request body: unexpected EOF"),
        (b'{"name":"a', "bad request body: unexpected EOF"),
        (b"x", "bad request body: invalid character 'x' looking for beginning of value"),
        (b"[]", f"{GO} array into Go value of type toxiproxy.Proxy"),
        (b'"a"', f"{GO} string into Go value of type toxiproxy.Proxy"),
        (b'{"name":5}', f"{GO} number into Go struct field Proxy.name of type string"),
        (b'{"enabled":"x"}', f"{GO} string into Go struct field Proxy.enabled of type bool"),
        (b'{"upstream":{}}', f"{GO} object into Go struct field Proxy.upstream of type string"),
    ],
)
async def test_a_body_that_cannot_be_read_is_400(http: httpx.AsyncClient, body: bytes, message: str) -> None:
    """A body is read as Go reads it, and the message is Go's."""
    assert error(await http.post("/proxies", content=body)) == (400, message)
    assert (await http.get("/proxies")).text == "{}"


async def test_bodies_are_read_leniently_where_go_is_lenient(http: httpx.AsyncClient) -> None:
    """Names match in any case, unknown names, the content type and text after the object are ignored."""
    body = b'{"NAME":"p1","Upstream":"a:1","listen":"127.0.0.1:0","other":[1],"enabled":null} and more'
    answer = await http.post("/proxies", content=body, headers={"Content-Type": "text/html"})
    assert answer.status_code == 201
    assert answer.json()["name"] == "p1"
    assert answer.json()["enabled"] is True


async def test_a_name_is_taken_once(http: httpx.AsyncClient) -> None:
    """A second proxy of a name is refused and the first one stays."""
    first = await p1(http)
    assert error(await http.post("/proxies", json=P1)) == (409, "proxy already exists")
    assert (await http.get("/proxies/p1")).json() == first


async def test_a_taken_port_is_500_and_leaves_nothing_behind(http: httpx.AsyncClient) -> None:
    """A proxy that cannot listen is not created."""
    listen = (await p1(http))["listen"]
    answer = await http.post("/proxies", json={"name": "p2", "upstream": "a:1", "listen": listen})
    assert error(answer) == (500, f"listen tcp {listen}: bind: address already in use")
    assert list((await http.get("/proxies")).json()) == ["p1"]


@pytest.mark.parametrize(
    ("listen", "message"),
    [
        ("local373", "listen tcp: address local373: missing port in address"),
        ("localhost:99999", "listen tcp: address 99999: invalid port"),
        ("a:b:1", "listen tcp: address a:b:1: too many colons in address"),
        ("127.0.0.1:nosuchport", "listen tcp: lookup tcp/nosuchport: unknown port"),
        ("1.2.3.4:5", "listen tcp 1.2.3.4:5: bind: cannot assign requested address"),
    ],
)
async def test_a_bad_listen_address_is_500(http: httpx.AsyncClient, listen: str, message: str) -> None:
    """An address that cannot be listened on is named with its reason."""
    answer = await http.post("/proxies", json={**P1, "listen": listen})
    assert error(answer) == (500, message)


@pytest.mark.parametrize(
    ("listen", "host"), [("localhost:0", "127.0.0.1"), ("", "[::]"), (":0", "[::]"), ("0.0.0.0:0", "[::]")]
)
async def test_listen_is_answered_as_an_address(http: httpx.AsyncClient, listen: str, host: str) -> None:
    """Names are resolved, IPv4 first; a wildcard listens on both families."""
    answer = await http.post("/proxies", json={**P1, "listen": listen})
    assert answer.json()["listen"].rpartition(":")[0] == host


async def test_a_disabled_proxy_keeps_its_address_as_written(http: httpx.AsyncClient) -> None:
    """Created disabled, a proxy shows what it was given, and toxics in its body are ignored."""
    body = {**P1, "listen": "localhost:33103", "enabled": False, "toxics": [{"type": "latency"}]}
    answer = await http.post("/proxies", json=body)
    assert (answer.status_code, answer.json()["listen"], answer.json()["enabled"]) == (201, "localhost:33103", False)
    assert answer.json()["toxics"] == []


async def test_proxies_are_listed_by_name(http: httpx.AsyncClient) -> None:
    """The list is an object from name to proxy, sorted by name."""
    for name in ("b", "a", "ä & <c>"):
        await http.post("/proxies", json={**P1, "name": name})
    answer = await http.get("/proxies")
    assert list(answer.json()) == ["a", "b", "ä & <c>"]
    assert r"\u0026 \u003cc\u003e" in answer.text


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_update_changes_what_it_names(http: httpx.AsyncClient, method: str) -> None:
    """Fields that are absent stay; the name cannot be changed; toxics stay."""
    before = await p1(http)
    await latency(http)
    answer = await http.request(method, "/proxies/p1", json={"upstream": "b:2", "name": "renamed"})
    assert answer.status_code == 200
    assert answer.json()["toxics"][0]["name"] == "latency_downstream"
    assert {**answer.json(), "toxics": []} == {**before, "upstream": "b:2"}


async def test_update_of_an_unknown_proxy_is_404_whatever_the_body(http: httpx.AsyncClient) -> None:
    """The proxy is looked for before the body is read."""
    assert error(await http.patch("/proxies/nobody", content=b"junk")) == (404, "proxy not found")


async def test_update_to_a_bad_address(http: httpx.AsyncClient) -> None:
    """A malformed address changes nothing; one that cannot be bound leaves the proxy there, disabled."""
    before = await p1(http)
    answer = await http.patch("/proxies/p1", json={"listen": "local373"})
    assert error(answer) == (500, "address local373: missing port in address")
    assert (await http.get("/proxies/p1")).json() == before
    answer = await http.patch("/proxies/p1", json={"listen": "1.2.3.4:5"})
    assert answer.status_code == 500
    assert (await http.get("/proxies/p1")).json() == {**before, "listen": "1.2.3.4:5", "enabled": False}


async def test_disable_and_enable_keep_the_port(http: httpx.AsyncClient) -> None:
    """A proxy comes back on the port it had."""
    before = await p1(http)
    assert (await http.post("/proxies/p1", json={"enabled": False})).json() == {**before, "enabled": False}
    assert (await http.post("/proxies/p1", json={"enabled": True})).json() == before


async def test_delete(http: httpx.AsyncClient) -> None:
    """A deleted proxy is gone; deleting it again is 404."""
    await p1(http)
    answer = await http.delete("/proxies/p1")
    assert (answer.status_code, answer.content) == (204, b"")
    for method in ("DELETE", "GET"):
        assert error(await http.request(method, "/proxies/p1")) == (404, "proxy not found")
