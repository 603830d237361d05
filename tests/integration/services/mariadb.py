"""MariaDB as a process of the tests, where the machine has it."""

import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from chaos.engines.mysql import PREAMBLE, PREFIXES, TABLES

ROOT = Path(__file__).resolve().parents[3]
HOW_TO_GET_MARIADB = "no MariaDB here: `make components` brings it where there is apt-get"
NOBODY = 65534


def mariadbd() -> Path | None:
    """Return the program, None where there is none."""
    found = shutil.which("mariadbd")
    own = ROOT / ".lab" / "mariadb" / "mariadbd"
    return Path(found) if found else own if own.is_file() else None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


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
        with (self.folder.parent / f"mariadb-{self.port}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*words, *small, f"--init-file={self.folder / 'init.sql'}"], stdout=log, stderr=log
            )
        deadline = time.perf_counter() + 60
        while True:
            assert self._process.poll() is None, "MariaDB has ended"
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                assert time.perf_counter() < deadline, "MariaDB does not listen"
                time.sleep(0.05)
            else:
                return

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
