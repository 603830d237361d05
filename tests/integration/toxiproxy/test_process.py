"""The embedded server as a process: how it starts, what it withstands, how it ends."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
BOUND_S = 20


def run(*flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "chaos.toxiproxy.server", *flags]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=BOUND_S, check=False)


def embedded_only(server: Any) -> None:
    if not server.embedded:
        pytest.skip("a promise of the embedded server")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def wait_for_the_end(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read(-1)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_and_everything_it_holds(own_server: Any, upstream: Any, how: signal.Signals) -> None:
    """SIGTERM and SIGINT end it with 0 while a connection is open and held; all ports are free afterwards."""
    async with httpx.AsyncClient(base_url=own_server.url, trust_env=False) as http:
        body = {"name": "p", "listen": "127.0.0.1:0", "upstream": await upstream(wait_for_the_end)}
        port = int((await http.post("/proxies", json=body)).json()["listen"].rpartition(":")[2])
        await http.post("/proxies/p/toxics", json={"type": "latency", "attributes": {"latency": 60_000}})
        await http.post("/proxies/p/toxics", json={"type": "timeout", "stream": "upstream"})
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"held")
        await asyncio.sleep(0.1)
        own_server.process.send_signal(how)
        async with asyncio.timeout(BOUND_S):
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read(-1) == b""
            assert await asyncio.to_thread(own_server.process.wait, BOUND_S) == 0
        writer.transport.abort()
    for each in (port, own_server.port):
        with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", each), timeout=5):
            pass


GARBAGE = [
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


async def test_it_lives_after_garbage(toxiproxy_server: Any, http: httpx.AsyncClient) -> None:
    """Bytes that are no HTTP and bodies that are no JSON never cost the server its life or an API error of 500 text."""
    for request in GARBAGE:
        reader, writer = await asyncio.open_connection("127.0.0.1", toxiproxy_server.port)
        with contextlib.suppress(OSError):
            writer.write(request)
            writer.write_eof()
            async with asyncio.timeout(BOUND_S):
                await reader.read(-1)
        writer.transport.abort()
    for body in BODIES:
        for method, path in (("POST", "/proxies"), ("POST", "/populate"), ("PATCH", "/proxies/x")):
            answer = await http.request(method, path, content=body)
            assert answer.json().keys() >= {"error", "status"} or answer.status_code == 201
    assert toxiproxy_server.process.poll() is None
    assert (await http.get("/version")).status_code == 200


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [("bandwidth", {"rate": -1}), ("latency", {"jitter": 2**62}), ("latency", {"jitter": 2**63})],
)
async def test_attributes_that_would_crash_the_original_are_400(
    http: httpx.AsyncClient, echo_line: Any, toxiproxy_server: Any, kind: str, attributes: dict[str, int]
) -> None:
    """They are refused at creation and at update, with the attribute named, and change nothing."""
    embedded_only(toxiproxy_server)
    answer = await http.post("/proxies/echo/toxics", json={"type": kind, "attributes": attributes})
    assert answer.status_code == 400
    assert next(iter(attributes)) in answer.json()["error"]
    before = (await http.post("/proxies/echo/toxics", json={"type": kind})).json()
    answer = await http.patch(f"/proxies/echo/toxics/{kind}_downstream", json={"attributes": attributes})
    assert answer.status_code == 400
    assert (await http.get("/proxies/echo/toxics")).json() == [before]


async def test_an_upstream_that_hangs_delays_nobody_else(
    http: httpx.AsyncClient, line: Any, toxiproxy_server: Any
) -> None:
    """While dials to a full backlog hang, the API answers and the proxy can be disabled."""
    embedded_only(toxiproxy_server)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        proxy = await line("hangs", f"127.0.0.1:{full.getsockname()[1]}")
        for _ in range(6):
            _, writer = await proxy.connect()
            writer.write(b"x")
        async with asyncio.timeout(BOUND_S / 2):
            assert (await http.get("/proxies")).status_code == 200
            assert (await http.post("/proxies/hangs", json={"enabled": False})).json()["enabled"] is False


async def test_a_seed_repeats_the_rolls(upstream: Any) -> None:
    """Two servers with one seed spare the same connections."""

    async def rolls() -> list[bool]:
        port = free_port()
        command = [sys.executable, "-m", "chaos.toxiproxy.server", f"-port={port}", "-host=127.0.0.1", "-seed", "42"]
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.DEVNULL)
        try:
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}", trust_env=False, transport=httpx.AsyncHTTPTransport(retries=8)
            ) as http:
                return await spared(http, address)
        finally:
            process.terminate()
            await process.wait()

    address = await upstream(hello)
    first = await rolls()
    assert set(first) == {True, False}
    assert await rolls() == first


async def hello(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"hello")


async def spared(http: httpx.AsyncClient, address: str) -> list[bool]:
    """Say of 20 connections, one after the other, whether a timeout toxic of toxicity 0.5 let the greeting pass."""
    body = {"name": "p", "listen": "127.0.0.1:0", "upstream": address}
    port = int((await http.post("/proxies", json=body)).json()["listen"].rpartition(":")[2])
    await http.post("/proxies/p/toxics", json={"type": "timeout", "toxicity": 0.5, "attributes": {"timeout": 1}})
    passed = []
    for _ in range(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        passed.append(await reader.read(-1) == b"hello")
        writer.transport.abort()
    return passed


def test_a_taken_api_port_is_one_line_and_exit_1(shared_server: Any) -> None:
    """Somebody listens at the API's port: one line says where, and the exit code is not 0."""
    done = run("-host=127.0.0.1", f"-port={shared_server.port}")
    assert done.returncode == 1
    assert done.stderr == (
        f"toxiproxy: the API cannot listen: listen tcp 127.0.0.1:{shared_server.port}: bind: address already in use\n"
    )


def test_a_taken_link_port_is_one_line_and_exit_1(shared_server: Any, tmp_path: Path) -> None:
    """Somebody listens at a proxy's port: one line names the file and the address."""
    config = tmp_path / "links.json"
    listen = f"127.0.0.1:{shared_server.port}"
    config.write_text(json.dumps([{"name": "a", "listen": listen, "upstream": "127.0.0.1:1"}]))
    done = run(f"-port={free_port()}", "-config", str(config))
    assert done.returncode == 1
    assert done.stderr == f"toxiproxy: {config}: listen tcp {listen}: bind: address already in use\n"


@pytest.mark.parametrize("text", [None, "{", '[{"name":"a"}]'])
def test_a_config_that_cannot_be_used_is_one_line_and_exit_1(tmp_path: Path, text: str | None) -> None:
    """A file that is missing or wrong is named."""
    config = tmp_path / "links.json"
    if text is not None:
        config.write_text(text)
    done = run(f"-port={free_port()}", f"--config={config}")
    assert done.returncode == 1
    assert str(config) in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("flag", ["-nonsense", "-port=x", "-port=70000", "-seed=x"])
def test_a_flag_that_cannot_be_used_is_exit_2(flag: str) -> None:
    """An unknown flag or a value out of bounds ends it before it listens."""
    done = run(flag)
    assert done.returncode == 2
    assert flag.lstrip("-").partition("=")[0] in done.stderr


def test_the_version_is_printed() -> None:
    """-version prints the version and ends."""
    done = run("-version")
    assert (done.returncode, done.stdout) == (0, "toxiproxy-server version 2.12.0-embedded\n")


async def test_the_config_is_in_force_when_the_api_answers(tmp_path: Path) -> None:
    """Proxies of the config file are there with the first answer of the API."""
    config = tmp_path / "links.json"
    config.write_text('[{"name":"a.b_to_c","listen":"127.0.0.1:0","upstream":"127.0.0.1:1"}]')
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "chaos.toxiproxy.server",
        "-host",
        "127.0.0.1",
        "-port",
        str(port),
        f"-config={config}",
    ]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.DEVNULL)
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", trust_env=False, transport=httpx.AsyncHTTPTransport(retries=8)
    ) as http:
        assert list((await http.get("/proxies")).json()) == ["a.b_to_c"]
    process.terminate()
    assert await process.wait() == 0
