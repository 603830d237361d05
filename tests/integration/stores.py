"""The real Postgres and the real Valkey as processes of the tests."""

import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from chaos.engines.adoption import as_account
from chaos.engines.components import find_provider
from chaos.engines.unprivileged import private_folder, server_account
from tests.ports import free_port, wait_until_listening

ROOT = Path(__file__).parents[2]
ENDS_WITHIN_S = 20
_SMALL = ["-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "max_connections=120"]


@contextmanager
def run_server(port: int, argv: Sequence[str], folder: Path, *, end: signal.Signals = signal.SIGTERM) -> Iterator[int]:
    """Run a server for as long as the block; yields its port once it listens."""
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(argv, cwd=folder, stdin=quiet, stdout=quiet, stderr=quiet)
    try:
        wait_until_listening(port, server)
        yield port
    finally:
        server.send_signal(end)
        server.wait(ENDS_WITHIN_S)


@contextmanager
def run_valkey(folder: Path) -> Iterator[int]:
    """Run a Valkey that keeps nothing; yields its port."""
    port = free_port()
    program = find_provider("redis", ROOT, {}).program
    with run_server(port, [*program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""], folder):
        yield port


@contextmanager
def run_postgres() -> Iterator[int]:
    """Run a Postgres that trusts the user shop; yields its port.

    Never as root, which it refuses, so its data lies where another account can reach it.
    """
    port, folder, account = free_port(), private_folder(), server_account()
    if account is not None:
        shutil.chown(folder, account.uid, account.gid)
    program = Path(find_provider("postgres", ROOT, {}).program[0])
    initdb = [str(program.parent / "initdb"), "-D", f"{folder}/pg", "-U", "shop", "-A", "trust", "--no-sync"]
    options = ["-p", str(port), "-k", str(folder), "-c", "listen_addresses=127.0.0.1", *_SMALL]
    try:
        subprocess.run(
            [*as_account(account), *initdb, "-E", "UTF8", "--no-locale"], check=True, capture_output=True, cwd=folder
        )
        argv = [*as_account(account), str(program), "-D", f"{folder}/pg", *options]
        # To Postgres SIGINT is "fast"; SIGTERM would wait for clients on a dead line.
        with run_server(port, argv, folder, end=signal.SIGINT):
            yield port
    finally:
        shutil.rmtree(folder, ignore_errors=True)
