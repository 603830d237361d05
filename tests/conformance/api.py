"""What the tests of the API share: a proxy, a toxic, and the form that an error must have."""

import json
from typing import Any

import httpx

P1 = {"name": "p1", "upstream": "localhost:1", "listen": "127.0.0.1:0"}
TEXT = "text/plain; charset=utf-8"
GO = "bad request body: json: cannot unmarshal"


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
