"""The real Postgres and the real Valkey, each started once for the tests of this folder."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.engines.adoption import as_account
from chaos.engines.components import find_provider
from chaos.engines.unprivileged import private_folder, server_account

ROOT = Path(__file__).parents[3]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def wait_until_listening(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.perf_counter() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert server.poll() is None, f"the server on {port} ended"
            assert time.perf_counter() < deadline, f"nobody listens on {port}"
            time.sleep(0.05)
        else:
            return


def run_server(port: int, argv: list[str], folder: Path) -> Iterator[int]:
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(argv, cwd=folder, stdin=quiet, stdout=quiet, stderr=quiet)
    try:
        wait_until_listening(port, server)
        yield port
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Return the port of a Valkey."""
    port = free_port()
    program = find_provider("redis", ROOT, {}).program
    argv = [*program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    yield from run_server(port, argv, tmp_path_factory.mktemp("valkey"))


@pytest.fixture(scope="module")
def postgres() -> Iterator[int]:
    """Return the port of a Postgres that trusts the user shop."""
    port, folder, account = free_port(), private_folder(), server_account()
    if account is not None:
        shutil.chown(folder, account.uid, account.gid)
    program = Path(find_provider("postgres", ROOT, {}).program[0])
    initdb = [str(program.parent / "initdb"), "-D", f"{folder}/pg", "-U", "shop", "-A", "trust", "--no-sync"]
    options = ["-p", str(port), "-k", str(folder), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
    try:
        subprocess.run([*as_account(account), *initdb], check=True, capture_output=True, cwd=folder)
        argv = [*as_account(account), str(program), "-D", f"{folder}/pg", *options]
        yield from run_server(port, argv, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
