"""MariaDB as a process of the tests, where the machine has it."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import aiomysql
import pymysql
import pytest

from chaos.engines.mysql import PREAMBLE, PREFIXES, TABLES
from tests.ports import free_port, wait_until_listening

ROOT = Path(__file__).resolve().parents[3]
HOW_TO_GET_MARIADB = "no MariaDB here: `make components` brings it where there is apt-get"
NOBODY = 65534


def mariadbd() -> Path | None:
    """Return the program, None where there is none."""
    found = shutil.which("mariadbd")
    own = ROOT / ".lab" / "mariadb" / "mariadbd"
    return Path(found) if found else own if own.is_file() else None


@dataclass
class MariaDB:
    """One server on a folder and a port of its own; `folder` must be reachable for everybody."""

    folder: Path
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def root(self) -> str:
        return f"mysql://shop@127.0.0.1:{self.port}"

    def make(self) -> None:
        """Make its data."""
        program = self._program()
        prefix = program.parent / "usr" if (program.parent / "usr").is_dir() else program.resolve().parent.parent
        share = next(
            path
            for path in (prefix / "share" / name for name in ("mariadb", "mysql"))
            if list(path.glob("*_tables.sql"))
        )
        kind = next(kind for kind in PREFIXES if (share / f"{kind}_system_tables.sql").is_file())
        statements = PREAMBLE + "".join((share / f"{name.format(kind)}.sql").read_text() for name in TABLES)
        self._share = share
        (self.folder / "init.sql").write_text("CREATE USER shop@'%';\nGRANT ALL ON *.* TO shop@'%';\n")
        if os.getuid() == 0:
            os.chown(self.folder, NOBODY, NOBODY)
        words = [*self._words(), "--bootstrap", "--log-warnings=0", "--max-allowed-packet=8M"]
        subprocess.run(words, input=statements.encode(), check=True, capture_output=True, timeout=60)

    def start(self) -> None:
        """Start, on the same port and the same data as before."""
        words = [*self._words(), f"--port={self.port}", "--bind-address=127.0.0.1", "--skip-name-resolve"]
        small = ["--innodb-buffer-pool-size=16M", "--innodb-log-file-size=4M", "--innodb-flush-log-at-trx-commit=2"]
        log = self.folder.parent / f"mariadb-{self.port}.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*words, *small, f"--init-file={self.folder / 'init.sql'}"], stdout=output, stderr=output
            )
        wait_until_listening(self.port, self._process, within_s=60, log=log)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(20)
            self._process = None

    def _program(self) -> Path:
        program = mariadbd()
        assert program is not None
        return program

    def _words(self) -> list[str]:
        as_nobody: list[str] = []
        if os.getuid() == 0:
            as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        folder = str(self.folder)
        places = [f"--datadir={folder}", f"--tmpdir={folder}", "--socket=s.sock", "--pid-file=pid"]
        return [*as_nobody, str(self._program()), "--no-defaults", f"--lc-messages-dir={self._share}", *places]


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """Start one; a test leaves it running."""
    if mariadbd() is None:
        pytest.skip(HOW_TO_GET_MARIADB)
    # Not below pytest's own folder, which is closed to the account that the server runs as.
    folder = Path(tempfile.mkdtemp(prefix="chaoslab-"))
    folder.chmod(0o755)
    (folder / "data").mkdir()
    server = MariaDB(folder / "data")
    try:
        server.make()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def mysql_url(mariadb: MariaDB) -> str:
    """Return the URL of a fresh database."""
    name = f"shop_{uuid.uuid4().hex[:12]}"
    for attempt in range(100):
        try:
            connection = await aiomysql.connect(host="127.0.0.1", port=mariadb.port, user="shop", password="")
            break
        except pymysql.MySQLError:
            assert attempt < 99
            await asyncio.sleep(0.1)
    async with connection.cursor() as cursor:
        await cursor.execute(f"CREATE DATABASE {name}")
    connection.close()
    return f"{mariadb.root}/{name}"
