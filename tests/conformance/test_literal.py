"""Exchanges as they were seen on the wire of the original, byte for byte; N stands for a port."""

import re

import httpx
import pytest

from tests.conformance.servers import Server

P1 = '{"name":"p1","upstream":"localhost:1","listen":"localhost:0"}'
TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
GO = "bad request body: json: cannot unmarshal"
INT64 = "into Go struct field LatencyToxic.attributes.latency of type int64"


def failure(message: str, status: int) -> str:
    return f'{{"error":"{message}","status":{status}}}\n'


def created(name: str, listen: str, upstream: str = "localhost:1", *, enabled: str = "true") -> str:
    return (
        f'{{"name":"{name}","listen":"{listen}","upstream":"{upstream}","enabled":{enabled},"Logger":{{}},"toxics":[]}}'
    )


def toxic(kind: str, attributes: str, *, stream: str = "downstream", toxicity: str = "1") -> str:
    return (
        f'{{"attributes":{attributes},"name":"{kind}_{stream}","type":"{kind}",'
        f'"stream":"{stream}","toxicity":{toxicity}}}'
    )


ZEROS = {
    "latency": '{"latency":0,"jitter":0}',
    "bandwidth": '{"rate":0}',
    "slow_close": '{"delay":0}',
    "timeout": '{"timeout":0}',
    "reset_peer": '{"timeout":0}',
    "limit_data": '{"bytes":0}',
    "noop": "{}",
}
PROXIES = [
    (P1, 201, JSON, created("p1", "127.0.0.1:N")),
    ('{"name":"p0","upstream":"localhost:1"}', 201, JSON, created("p0", "[::]:N")),
    ('{"name":"v6","upstream":"[::1]:1","listen":"[::1]:0"}', 201, JSON, created("v6", "[::1]:N", "[::1]:1")),
    (
        '{"name":"p3","upstream":"localhost:1","listen":"localhost:33103","enabled":false}',
        201,
        JSON,
        created("p3", "localhost:33103", enabled="false"),
    ),
    ('{"name":"a"}', 400, TEXT, failure("missing required field: upstream", 400)),
    ("null", 400, TEXT, failure("missing required field: name", 400)),
    ("[]", 400, TEXT, failure(f"{GO} array into Go value of type toxiproxy.Proxy", 400)),
    (
        '{"name":"a","upstream":"a:1","listen":"localhost:99999"}',
        500,
        TEXT,
        failure("listen tcp: address 99999: invalid port", 500),
    ),
]
TOXICS = [
    *((f'{{"type":"{kind}"}}', 200, JSON, toxic(kind, zeros)) for kind, zeros in ZEROS.items()),
    (
        '{"type":"slicer","stream":"upstream","toxicity":0.2,"attributes":{"average_size":9}}',
        200,
        JSON,
        toxic("slicer", '{"average_size":9,"size_variation":0,"delay":0}', stream="upstream", toxicity="0.2"),
    ),
    (
        '{"type":"latency","attributes":{"latency":"5"}}',
        400,
        TEXT,
        failure(f"{GO} string {INT64}", 400),
    ),
    (
        '{"type":"latency","attributes":{"latency":5.0}}',
        400,
        TEXT,
        failure(f"{GO} number 5.0 {INT64}", 400),
    ),
    (
        '{"type":"nope","stream":"sideways"}',
        400,
        TEXT,
        failure("stream was invalid, can be either upstream or downstream", 400),
    ),
    ('{"type":"nope"}', 400, TEXT, failure("invalid toxic type", 400)),
    (
        '{"type":"latency","toxicity":0.0000001}',
        200,
        JSON,
        toxic("latency", ZEROS["latency"], toxicity="1e-7"),
    ),
]


def check(answer: httpx.Response, status: int, kind: str, text: str) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (status, kind)
    assert re.sub(r"(127\.0\.0\.1|\[::1?\]):\d+(?=\")", r"\1:N", answer.text).replace("[::1]:N", "[::1]:1") == (
        text.replace("[::1]:N", "[::1]:1")
    )
    assert answer.headers["content-length"] == str(len(answer.content))
    assert re.fullmatch(r"[0-9a-v]{20}", answer.headers["x-toxiproxy-request-id"])
    assert ("x-content-type-options" in answer.headers) == (kind == TEXT)


@pytest.mark.parametrize(("body", "status", "kind", "text"), PROXIES)
async def test_post_proxies(http: httpx.AsyncClient, body: str, status: int, kind: str, text: str) -> None:
    """A proxy is created, or refused, in these bytes."""
    check(await http.post("/proxies", content=body), status, kind, text)


@pytest.mark.parametrize(("body", "status", "kind", "text"), TOXICS)
async def test_post_toxics(http: httpx.AsyncClient, body: str, status: int, kind: str, text: str) -> None:
    """A toxic is created, or refused, in these bytes."""
    await http.post("/proxies", content=P1)
    check(await http.post("/proxies/p1/toxics", content=body), status, kind, text)


async def test_patch_toxic(http: httpx.AsyncClient) -> None:
    """An update answers the merged toxic."""
    await http.post("/proxies", content=P1)
    await http.post("/proxies/p1/toxics", content='{"type":"latency","attributes":{"latency":60}}')
    answer = await http.patch(
        "/proxies/p1/toxics/latency_downstream",
        content='{"toxicity":0.25,"name":"renamed","stream":"upstream","type":"noop"}',
    )
    check(answer, 200, JSON, toxic("latency", '{"latency":60,"jitter":0}', toxicity="0.25"))


async def test_a_rejected_update(server: Server, http: httpx.AsyncClient) -> None:
    """Of a body that is rejected half-way, the original keeps what it could read; ours changes nothing."""
    await http.post("/proxies", content=P1)
    await http.post("/proxies/p1/toxics", content='{"type":"latency"}')
    path = "/proxies/p1/toxics/latency_downstream"
    answer = await http.patch(path, content='{"attributes":{"jitter":"x","latency":60}}')
    message = f"{GO} string into Go struct field LatencyToxic.attributes.jitter of type int64"
    check(answer, 400, TEXT, failure(message, 400))
    latency_ms = 0 if server.differs("rejected-update") else 60
    assert (await http.get(path)).json()["attributes"] == {"latency": latency_ms, "jitter": 0}
