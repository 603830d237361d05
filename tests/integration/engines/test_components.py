"""The real servers of compose.yaml, started by the local engine: as root, as nobody, and where nobody may not go."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest
import redis.asyncio

from chaos.engines.adoption import Account
from chaos.engines.components import Provider, find_provider
from chaos.engines.leftovers import clean_leftovers
from chaos.engines.liveness import identify
from chaos.engines.postgres import PostgresServer
from chaos.engines.processes import Supervisor
from chaos.engines.unprivileged import can, server_account
from chaos.engines.waiting import until
from chaos.engines.workspace import Workspace
from chaos.errors import StartFailed
from tests.integration.engines.tiny import REPOSITORY, LabProcess, Tiny, alive

pytestmark = pytest.mark.integration
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


async def databases(port: int) -> set[str]:
    """Return the databases of a server, asked as the compose file's user."""
    connection = await asyncpg.connect(f"postgresql://shop@127.0.0.1:{port}/postgres", timeout=10)
    try:
        return {row["datname"] for row in await connection.fetch("SELECT datname FROM pg_database")}
    finally:
        await connection.close()


def owners(pids: Iterable[int]) -> set[int]:
    """Return the user ids of those that still run; Postgres also has helpers that end by themselves."""
    found = set()
    for pid in pids:
        with suppress(FileNotFoundError):
            found.add(Path(f"/proc/{pid}").stat().st_uid)
    return found


def exists(path: str) -> bool:
    return Path(path).exists()


async def test_postgres_and_valkey_of_the_compose_file_serve(tiny: Tiny) -> None:
    """Both start in a path with spaces, say who they are, hold what the init script made, and leave nothing."""
    tiny.components("postgres", "redis")

    async with tiny.engine() as lab:
        family = {identify(pid) for pid in lab.pids()}
        assert await databases(tiny.ports["postgres"]) >= {"shop", "shop_a", "shop_b", "shop_c"}
        client = redis.asyncio.Redis(port=tiny.ports["redis"])
        assert await client.set("key", "value")
        await client.aclose()
        assert [component.name for component in lab.components] == ["postgres", "redis"]
        assert lab.components[0].version.startswith("18.")
        assert all(component.provider and component.version[0].isdigit() for component in lab.components)

    assert len(family) > 5
    assert alive(family) == set()
    assert tiny.nothing_left()


async def test_postgres_runs_with_the_flags_of_the_compose_file(tiny: Tiny) -> None:
    """The compose command's flags hold; the server listens on loopback only and has no socket file."""
    tiny.components("postgres")

    async with tiny.engine():
        url = f"postgresql://shop@127.0.0.1:{tiny.ports['postgres']}/shop_a"
        connection = await asyncpg.connect(url, timeout=10)
        names = ("max_connections", "shared_buffers", "fsync", "listen_addresses", "unix_socket_directories")
        said = {name: await connection.fetchval(f"SHOW {name}") for name in names}
        await connection.execute("CREATE EXTENSION vector")
        await connection.close()

    assert said == {
        "max_connections": "200",
        "shared_buffers": "32MB",
        "fsync": "off",
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
    }


async def test_an_init_script_that_fails_fails_the_start(tiny: Tiny) -> None:
    """A broken init script is a failed start that shows what Postgres said of it."""
    tiny.components("postgres")
    tiny.configs["databases"] = {"content": "CREATE DATABASE fine;\nCREATE NONSENSE;\n"}

    with pytest.raises(StartFailed, match=r'postgres psql failed(.|\n)*databases.sql:2: .*"NONSENSE"'):
        async with tiny.engine():
            pytest.fail("it must not become ready")

    assert tiny.nothing_left()


async def test_a_killed_lab_takes_postgres_along(tiny: Tiny, start_lab: Callable[..., LabProcess]) -> None:
    """SIGKILL of the lab: Postgres with its backends and Valkey end at once, without a next start."""
    tiny.components("postgres", "redis")
    lab = start_lab(tiny)
    family = lab.family()
    state = tiny.state()
    assert state is not None

    lab.process.kill()
    lab.process.wait(20)
    assert await until(lambda: not alive(family), poll_s=0.05, timeout_s=20)

    assert len(family) > 5
    log = (tiny.root / "logs" / "postgres.log").read_text()
    assert "received immediate shutdown request" in log
    assert not any("left: postgres" in line for line in await clean_leftovers(tiny.root))
    assert tiny.nothing_left()
    assert not any(exists(folder) for folder in state.folders)


@as_root
async def test_root_starts_postgres_as_nobody(tiny: Tiny) -> None:
    """Started by root, every process of Postgres belongs to nobody; the closed folder stays closed."""
    tiny.components("postgres")
    tiny.root.chmod(0o700)

    async with tiny.engine() as lab:
        users = owners(lab.pids())
        state = tiny.state()

    account = server_account()
    assert account is not None
    assert users == {account.uid}
    assert tiny.root.stat().st_mode & 0o777 == 0o700
    assert any("cannot reach this folder" in line for line in tiny.lines)
    assert state is not None
    assert len(state.folders) == 1
    assert not exists(state.folders[0])


@as_root
async def test_a_program_that_nobody_cannot_reach_is_copied(tmp_path: Path) -> None:
    """Where the Python environment is closed to nobody, Postgres runs from a private copy with its own libraries."""
    wheel = Path(find_provider("postgres", REPOSITORY, os.environ).program[0]).parents[2]
    closed = tmp_path / "closed" / "site-packages"
    shutil.copytree(
        wheel / "pginstall18", closed / wheel.name / "pginstall18", ignore=shutil.ignore_patterns("include")
    )
    shutil.copytree(wheel.parent / f"{wheel.name}.libs", closed / f"{wheel.name}.libs")
    closed.parent.chmod(0o700)
    tiny = Tiny(tmp_path / "lab")
    tiny.components("postgres")
    topology = tiny.load()
    (tiny.root / "logs").mkdir()
    program = closed / wheel.name / "pginstall18" / "bin" / "postgres"
    provider = Provider("postgres", "a closed wheel", (str(program),), "18")
    folders: list[Path] = []
    supervisor = Supervisor("test", lambda: None)
    workspace = Workspace(tiny.root, tiny.root / "logs", os.environ, supervisor, tiny.lines.append, folders.append)
    server = PostgresServer(topology.services["postgres"], provider, workspace, topology.configs)
    account = server_account()
    assert account is not None
    assert not can(account, [str(program), "--version"])

    try:
        supervisor.spawn(await server.command())
        async with asyncio.timeout(30):
            while not await server.answers():  # noqa: ASYNC110 - each question is itself a wait
                await asyncio.sleep(0.05)
        await server.initialise()
        found = await databases(tiny.ports["postgres"])
    finally:
        await supervisor.stop([["postgres"]])
        for folder in folders:
            shutil.rmtree(folder)

    assert "shop_a" in found
    assert len(folders) == 1
    assert any("cannot reach its program: copied" in line for line in tiny.lines)


@as_root
def test_an_ordinary_user_starts_both(start_lab: Callable[..., LabProcess]) -> None:
    """Nobody, started without any right of root, runs Postgres and Valkey as himself and ends them by SIGINT."""
    account = server_account()
    assert account is not None
    python, path = readable_python(account)
    # Not under pytest's own folder, which is closed to others.
    root = Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    try:
        tiny = Tiny(root / "a lab of nobody")
        tiny.components("postgres", "redis")
        tiny.load()
        for item in (root, *root.rglob("*")):
            os.chown(item, account.uid, account.gid)
        prefix = ["setpriv", f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups", python]
        lab = start_lab(tiny, prefix=prefix, env={"PATH": os.environ["PATH"], "PYTHONPATH": path, "HOME": str(root)})
        family = lab.family()
        users = owners(process.pid for process in family)
        lab.process.send_signal(signal.SIGINT)
        lab.process.wait(20)

        assert users == {account.uid}
        assert len(family) > 5
        assert alive(family) == set()
        assert tiny.nothing_left()
    finally:
        shutil.rmtree(root)


def readable_python(account: Account) -> tuple[str, str]:
    """Return a Python that the account can run, and the PYTHONPATH on which it finds what this one finds."""
    site = next(path for path in sys.path if path.endswith("site-packages"))
    path = os.pathsep.join([str(REPOSITORY), site])
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, shutil.which(version, path="/usr/bin:/usr/local/bin")):
        words = ["env", f"PYTHONPATH={path}", str(python), "-c", "import asyncpg, pydantic_core, chaos.engines.local"]
        if python and can(account, words):
            return python, path
    pytest.skip("no Python of this version, with our packages, that another account can run")
