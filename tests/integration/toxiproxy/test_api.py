"""The HTTP API, request by request, in the words of the original."""

import json
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.integration

P1 = {"name": "p1", "upstream": "localhost:1", "listen": "127.0.0.1:0"}
TEXT = "text/plain; charset=utf-8"


async def p1(http: httpx.AsyncClient) -> dict[str, Any]:
    answer = await http.post("/proxies", json=P1)
    assert answer.status_code == 201
    body: dict[str, Any] = answer.json()
    return body


async def latency(http: httpx.AsyncClient, **more: Any) -> httpx.Response:
    return await http.post("/proxies/p1/toxics", json={"type": "latency", **more})


def error(answer: httpx.Response) -> tuple[int, str]:
    """Return the status and message of an error, after checking its form."""
    assert answer.headers["content-type"] == TEXT
    assert answer.headers["x-content-type-options"] == "nosniff"
    body = answer.json()
    assert answer.text == json.dumps(body, separators=(",", ":")) + "\n"
    assert body["status"] == answer.status_code
    return answer.status_code, body["error"]


async def test_version(http: httpx.AsyncClient, toxiproxy_server: Any) -> None:
    """The version is an object with one key, a space after the colon, a newline at the end."""
    answer = await http.get("/version")
    assert answer.headers["content-type"] == "application/json;charset=utf-8"
    assert answer.text == f'{{"version": "{answer.json()["version"]}"}}\n'
    if toxiproxy_server.embedded:
        number, _, word = answer.json()["version"].partition("-")
        assert tuple(map(int, number.split("."))) >= (2, 6, 0)
        assert word == "embedded"


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


GO = "bad request body: json: cannot unmarshal"


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


async def test_a_toxic_is_created_with_200_and_defaults(http: httpx.AsyncClient) -> None:
    """A toxic without attributes has zeros, works downstream on everything, and is named after its type and stream."""
    await p1(http)
    answer = await latency(http)
    assert answer.status_code == 200
    assert answer.text == (
        '{"attributes":{"latency":0,"jitter":0},"name":"latency_downstream","type":"latency",'
        '"stream":"downstream","toxicity":1}'
    )


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        ("latency", {"latency": 0, "jitter": 0}),
        ("bandwidth", {"rate": 0}),
        ("timeout", {"timeout": 0}),
        ("reset_peer", {"timeout": 0}),
        ("noop", {}),
    ],
)
async def test_each_type_has_its_attributes(http: httpx.AsyncClient, kind: str, attributes: dict[str, int]) -> None:
    """Every type shows its own attributes, and null stands for the defaults."""
    await p1(http)
    answer = await http.post("/proxies/p1/toxics", json={"type": kind, "attributes": None, "toxicity": 0.2})
    assert answer.json()["attributes"] == attributes
    assert answer.json()["toxicity"] == 0.2


async def test_a_stream_is_echoed_as_written(http: httpx.AsyncClient) -> None:
    """The stream's case does not matter, and is kept."""
    await p1(http)
    answer = await latency(http, stream="UpStream")
    assert (answer.json()["stream"], answer.json()["name"]) == ("UpStream", "latency_UpStream")


INT64 = f"{GO} number {{}} into Go struct field LatencyToxic.attributes.latency of type int64"


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"type": "nope", "stream": "sideways"}, 400, "stream was invalid, can be either upstream or downstream"),
        ({"type": "latency", "stream": ""}, 400, "stream was invalid, can be either upstream or downstream"),
        ({"type": "Latency"}, 400, "invalid toxic type"),
        ({}, 400, "invalid toxic type"),
        ({"type": "latency", "attributes": {"latency": "x"}, "name": "taken"}, 409, "toxic already exists"),
        ({"type": "latency", "attributes": {"latency": 1.5}}, 400, INT64.format("1.5")),
        ({"type": "latency", "attributes": {"latency": 10**20}}, 400, INT64.format(10**20)),
        ({"type": "latency", "attributes": {"latency": "5"}}, 400, INT64.format("").replace("number ", "string")),
        ({"type": "latency", "attributes": {"latency": True}}, 400, INT64.format("").replace("number ", "bool")),
        (
            {"type": "latency", "toxicity": "x"},
            400,
            f"{GO} string into Go struct field ToxicWrapper.toxicity of type float32",
        ),
        (
            {"type": "latency", "attributes": 5},
            400,
            f"{GO} number into Go struct field ToxicWrapper.attributes of type toxics.NoopToxic",
        ),
    ],
)
async def test_a_toxic_that_is_refused(
    http: httpx.AsyncClient, body: dict[str, Any], status: int, message: str
) -> None:
    """Body, stream, type, name, attributes are checked in this order, and nothing is added."""
    await p1(http)
    await latency(http, name="taken", stream="upstream")
    assert error(await http.post("/proxies/p1/toxics", json=body)) == (status, message)
    assert len((await http.get("/proxies/p1/toxics")).json()) == 1


async def test_toxics_of_an_unknown_proxy(http: httpx.AsyncClient) -> None:
    """The proxy is looked for before the body is read."""
    assert error(await http.get("/proxies/p1/toxics")) == (404, "proxy not found")
    assert error(await http.post("/proxies/p1/toxics", content=b"junk")) == (404, "proxy not found")


async def test_toxics_are_listed_upstream_first(http: httpx.AsyncClient) -> None:
    """The list holds upstream toxics, then downstream ones, each in the order of their making."""
    await p1(http)
    for name, stream in (("a", "downstream"), ("b", "upstream"), ("c", "downstream"), ("d", "upstream")):
        await latency(http, name=name, stream=stream)
    answer = await http.get("/proxies/p1/toxics")
    assert [toxic["name"] for toxic in answer.json()] == ["b", "d", "a", "c"]
    assert (await http.get("/proxies/p1")).json()["toxics"] == answer.json()
    assert (await http.get("/proxies/p1/toxics/d")).json() == answer.json()[1]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_update_of_a_toxic_merges(http: httpx.AsyncClient, method: str) -> None:
    """Named attributes and toxicity change; name, type and stream cannot."""
    await p1(http)
    await latency(http, attributes={"latency": 60, "jitter": 5})
    body = {"toxicity": 0.25, "name": "renamed", "stream": "upstream", "type": "noop", "attributes": {"jitter": 7}}
    answer = await http.request(method, "/proxies/p1/toxics/latency_downstream", json=body)
    assert answer.status_code == 200
    assert answer.json() == {
        "attributes": {"latency": 60, "jitter": 7},
        "name": "latency_downstream",
        "type": "latency",
        "stream": "downstream",
        "toxicity": 0.25,
    }


async def test_bodies_of_the_wrong_shape_are_named_in_go_s_words(http: httpx.AsyncClient) -> None:
    """An update and a list say into what they are read."""
    await p1(http)
    await latency(http)
    update = r'struct { Attributes interface {} "json:\"attributes\""; Toxicity float32 "json:\"toxicity\"" }'
    answer = await http.patch("/proxies/p1/toxics/latency_downstream", content=b"[]")
    assert error(answer) == (400, f"{GO} array into Go value of type {update}")
    listed = r'struct { toxiproxy.Proxy; Enabled *bool "json:\"enabled\"" }'
    for body, target in (
        (b"{}", f"object into Go value of type []{listed}"),
        (b"[5]", f"number into Go value of type {listed}"),
    ):
        answer = await http.post("/populate", content=body)
        assert (answer.status_code, answer.json()["error"]) == (400, f"{GO} {target}")


async def test_unknown_toxics(http: httpx.AsyncClient) -> None:
    """A toxic that is not there is 404 for every method, before the body is read."""
    await p1(http)
    for method in ("GET", "POST", "PATCH", "DELETE"):
        answer = await http.request(method, "/proxies/p1/toxics/nope", content=b"junk")
        assert error(answer) == (404, "toxic not found")


async def test_a_toxic_is_removed(http: httpx.AsyncClient) -> None:
    """A removed toxic is gone."""
    await p1(http)
    await latency(http)
    assert (await http.delete("/proxies/p1/toxics/latency_downstream")).status_code == 204
    assert (await http.get("/proxies/p1/toxics")).text == "[]"


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


@pytest.mark.parametrize("path", ["/", "/proxies/", "/proxies/a/b", "/nothing", "/metrics", "/proxies/a%2Fb"])
async def test_unknown_paths(http: httpx.AsyncClient, path: str) -> None:
    """A path without a route is 404 in Go's words; a final slash makes another path."""
    answer = await http.get(path)
    assert (answer.status_code, answer.text, answer.headers["content-type"]) == (404, "404 page not found\n", TEXT)


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/proxies"), ("HEAD", "/proxies"), ("OPTIONS", "/version"), ("GET", "/reset"), ("DELETE", "/populate")],
)
async def test_a_wrong_method_is_405_without_a_word(http: httpx.AsyncClient, method: str, path: str) -> None:
    """A known path with a wrong method is 405, with neither body nor Allow."""
    answer = await http.request(method, path)
    assert (answer.status_code, answer.content) == (405, b"")
    assert "allow" not in answer.headers


async def test_a_doubled_slash_is_redirected(http: httpx.AsyncClient) -> None:
    """A path is cleaned by a redirect."""
    answer = await http.get(str(http.base_url).rstrip("/") + "//proxies")
    assert (answer.status_code, answer.headers["location"]) == (301, "/proxies")


async def test_browsers_are_refused(http: httpx.AsyncClient) -> None:
    """A page in a browser cannot drive the API."""
    answer = await http.get("/proxies", headers={"User-Agent": "Mozilla/5.0"})
    assert (answer.status_code, answer.text) == (403, "User agent not allowed\n")
