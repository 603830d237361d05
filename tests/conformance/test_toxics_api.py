"""Toxics by the API, request by request, in the words of the original."""

from typing import Any

import httpx
import pytest

from tests.conformance.api import GO, error, latency, p1

INT64 = f"{GO} number {{}} into Go struct field LatencyToxic.attributes.latency of type int64"


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
