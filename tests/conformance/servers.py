"""The servers that the suite is run against, each reached by HTTP and TCP alone.

`embedded` and `strict` (the embedded one with --strict) are always there; `real` is toxiproxy-server where the machine
has it; `url` is whatever TOXIPROXY_URL names. Where the embedded one is meant to differ from the original is written in
one place, chaos/toxiproxy/server/differences.py; a check asks for an entry by its name.
"""

import contextlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx

from chaos.toxiproxy.server.differences import DIFFERENCES
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
START_TIMEOUT_S = 20.0
NAMED = {difference.name: difference for difference in DIFFERENCES}
# Made once: reading the certificates anew for each client would be half of the suite's time.
TLS = ssl.create_default_context()
URL = os.environ.get("TOXIPROXY_URL", "").rstrip("/")


class EndedError(Exception):
    """A server ended, or was ended, before it listened."""


@dataclass(frozen=True)
class Server:
    """A running server. `process` is None where somebody else started it."""

    kind: str
    url: str
    process: subprocess.Popen[bytes] | None

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def embedded(self) -> bool:
        return self.kind == "embedded"

    @property
    def original(self) -> bool:
        """Say whether it is the original; of a server that somebody else started, by what it says of itself."""
        return self.kind == "real" or (self.kind == "url" and "embedded" not in version(self.url))

    def differs(self, name: str) -> bool:
        """Say whether this server must show the difference of this name; any other has to do as the original does."""
        return differs(self.kind, name, original=self.original)

    @property
    def alive(self) -> bool:
        if self.process is not None and self.process.poll() is not None:
            return False
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/version", trust_env=False, timeout=5, verify=TLS).status_code == 200
        return False

    def wait_for_end(self) -> None:
        """Wait for the end of a process that is meant to crash: the moment of it is the machine's to choose.

        Raises:
            subprocess.TimeoutExpired: it lives.
        """
        assert self.process is not None, "only a server that the test started may be crashed"
        self.process.wait(START_TIMEOUT_S)


def differs(kind: str, name: str, *, original: bool) -> bool:
    """Say whether a server of this kind shows a difference. An unlisted name is a KeyError."""
    listed = NAMED[name]
    return not original and not (kind == "strict" and listed.strict)


def version(url: str) -> str:
    return str(httpx.get(f"{url}/version", trust_env=False, timeout=5, verify=TLS).json()["version"])


def real_binary() -> str | None:
    """Return where the original is, or None."""
    return shutil.which("toxiproxy-server", path=f"{ROOT / '.lab' / 'bin'}{os.pathsep}{os.environ['PATH']}")


def startable() -> list[str]:
    """Return the kinds that can be started here, so that a test may kill one."""
    return ["embedded", "strict", *(["real"] if real_binary() else [])]


def kinds() -> list[str]:
    """Return every kind to test here."""
    return [*startable(), *(["url"] if URL else [])]


def start(kind: str, *flags: str) -> Server:
    """Start a server on a free port of the loopback and return it once it listens; `url` is only looked at.

    Raises:
        EndedError: it ended instead.
    """
    if kind == "url":
        return Server(kind, URL, None)
    command = [sys.executable, "-m", "chaos.toxiproxy.server"]
    if kind == "real":
        binary = real_binary()
        assert binary is not None
        command = [binary]
    port = free_port()
    strict = ["-strict"] if kind == "strict" else []
    process = subprocess.Popen(
        [*command, "-host=127.0.0.1", f"-port={port}", *strict, *flags],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline_s = time.monotonic() + START_TIMEOUT_S  # noqa: TID251 - a real process starts in real time
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return Server(kind, f"http://127.0.0.1:{port}", process)
        if process.poll() is not None:
            raise EndedError(f"{kind} toxiproxy ended with {process.returncode}")
        if time.monotonic() > deadline_s:  # noqa: TID251
            process.kill()
            process.wait(10)
            raise EndedError(f"{kind} toxiproxy does not listen")
        time.sleep(0.02)


def stop(server: Server) -> None:
    """End a server that `start` started, and wait for it."""
    if server.process is None:
        return
    server.process.send_signal(signal.SIGTERM)
    try:
        server.process.wait(10)
    except subprocess.TimeoutExpired:
        server.process.kill()
        server.process.wait(10)


@contextlib.contextmanager
def running(kind: str, *flags: str) -> Iterator[Server]:
    """Run a server of a kind for as long as the block."""
    server = start(kind, *flags)
    try:
        yield server
    finally:
        stop(server)


@contextlib.contextmanager
def kept() -> Iterator[Callable[[str], Server]]:
    """Yield a function that returns the server of a kind, started when first asked for and ended with the block."""
    with contextlib.ExitStack() as stack:
        started: dict[str, Server] = {}

        def get(kind: str) -> Server:
            if kind not in started:
                started[kind] = stack.enter_context(running(kind))
            return started[kind]

        yield get


def empty(server: Server) -> None:
    """Delete every proxy. One with a slash in its name can never be deleted from the original; no test leaves one."""
    with httpx.Client(base_url=server.url, trust_env=False, verify=TLS, timeout=10) as http:
        for name in http.get("/proxies").json():
            http.delete(f"/proxies/{quote(name, safe='')}")
