"""No bytes, however senseless, cost a server its life."""

import asyncio
import contextlib
import os

import httpx
import pytest

from tests.conformance.servers import TLS, Server
from tests.conformance.wire import BOUND_S, Line

REQUESTS = [
    b"\r\n\r\n",
    b"garbage\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(200),
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    b"POST /proxies HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
    b"POST /proxies HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n{}",
    b"POST /proxies HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /%ff%fe/%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http://[::1/ HTTP/1.1\r\nHost: x\r\n\r\n",
]
BODIES = [
    b"\xff\xfe{}",
    b"[" * 20_000,
    b'{"name":"\\ud800","upstream":"x:1","listen":"127.0.0.1:0"}',
    b'{"name":"n","upstream":"x:1","listen":"127.0.0.1:0","enabled":' + b"9" * 6_000 + b"}",
    b'{"name":"n","upstream":"\\u0000:-1","listen":"[::"}',
    b"NaN",
    b'{"name":"' + b"n" * 100_000 + b'","upstream":"x:1","listen":"\xc3\xa4:1"}',
]


@pytest.mark.parametrize("request_", REQUESTS, ids=range(len(REQUESTS)))
async def test_bytes_that_are_no_request(server: Server, request_: bytes) -> None:
    """Whatever is sent to the API's port, the API answers the next one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    with contextlib.suppress(OSError):
        writer.write(request_)
        writer.write_eof()
        async with asyncio.timeout(BOUND_S):
            await reader.read(-1)
    writer.transport.abort()
    assert server.alive


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
async def test_bodies_that_are_no_use(server: Server, http: httpx.AsyncClient, body: bytes) -> None:
    """Each route answers with an error of its form, or does what could be understood."""
    for method, path in (("POST", "/proxies"), ("POST", "/populate"), ("PATCH", "/proxies/x")):
        answer = await http.request(method, path, content=body)
        assert answer.json().keys() >= {"error", "status"} or answer.status_code == 201
    assert server.alive


async def test_ten_thousand_proxies(own_server: Server) -> None:
    """Many proxies are made in one request, listed, and looked up; they end with their server: one by one is slow."""
    wanted = [{"name": f"p{n}", "upstream": "a:1", "enabled": False} for n in range(10_000)]
    async with httpx.AsyncClient(base_url=own_server.url, trust_env=False, verify=TLS, timeout=30) as http:
        answer = await http.post("/populate", json=wanted)
        assert (answer.status_code, len(answer.json()["proxies"])) == (201, 10_000)
        assert len((await http.get("/proxies")).json()) == 10_000
        assert (await http.get("/proxies/p9999")).json()["name"] == "p9999"


async def test_a_name_with_a_slash(own_line: Line) -> None:
    """It is created and listed, and can never be addressed again; the original has it so."""
    body = {"name": "a/b", "upstream": "a:1", "enabled": False}
    assert (await own_line.http.post("/proxies", json=body)).status_code == 201
    assert "a/b" in (await own_line.http.get("/proxies")).json()
    for path in ("/proxies/a/b", "/proxies/a%2Fb"):
        assert (await own_line.http.delete(path)).status_code == 404
