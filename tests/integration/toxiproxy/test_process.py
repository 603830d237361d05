"""The embedded server as a process: how it starts and how it ends."""

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conformance.servers import ROOT, Server, running
from tests.ports import free_port

pytestmark = pytest.mark.integration

BOUND_S = 20


def run(*flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "chaos.toxiproxy.server", *flags]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=BOUND_S, check=False)


async def wait_for_the_end(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read(-1)


@pytest.fixture
def own_server() -> Iterator[Server]:
    with running("embedded") as server:
        yield server


@pytest.fixture
def taken() -> Iterator[int]:
    """Yield a port on which somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield int(other.getsockname()[1])


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_and_everything_it_holds(own_server: Server, upstream: Any, how: signal.Signals) -> None:
    """SIGTERM and SIGINT end it with 0 while a connection is open and held; all ports are free afterwards."""
    assert own_server.process is not None
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


def test_a_taken_api_port_is_one_line_and_exit_1(taken: int) -> None:
    """Somebody listens at the API's port: one line says where, and the exit code is not 0."""
    done = run("-host=127.0.0.1", f"-port={taken}")
    assert done.returncode == 1
    assert done.stderr == (
        f"toxiproxy: the API cannot listen: listen tcp 127.0.0.1:{taken}: bind: address already in use\n"
    )


def test_a_taken_link_port_is_one_line_and_exit_1(taken: int, tmp_path: Path) -> None:
    """Somebody listens at a proxy's port: one line names the file and the address."""
    config = tmp_path / "links.json"
    listen = f"127.0.0.1:{taken}"
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
