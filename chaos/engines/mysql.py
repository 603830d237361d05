"""MariaDB as a private, throw-away server: fresh data at each start, TCP on loopback, never as root.

Its own install script looks for programs at fixed places, so its data folder is made as that script would make it: by
the server itself, which reads the statements from its input.
"""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import aiomysql
import pymysql

from chaos.engines.addresses import LOOPBACK, option
from chaos.engines.components import Provider
from chaos.engines.processes import Command
from chaos.engines.servers import PROBE_S
from chaos.engines.topology import ServiceSpec
from chaos.engines.unprivileged import can, copy_open, private_folder, server_account
from chaos.engines.workspace import Workspace, mount
from chaos.errors import ComponentMissing, TopologyError

PORT = 3306
INIT_FOLDER = PurePosixPath("/docker-entrypoint-initdb.d")
VARIABLES = {"MARIADB_ALLOW_EMPTY_ROOT_PASSWORD", "MARIADB_ROOT_HOST"}
# Whom the init script makes, as whom everybody connects.
USER = "shop"
BOOTSTRAP_S = 60.0
# Newer packages have the first of the two prefixes.
PREFIXES = ("mariadb", "mysql")
TABLES = (
    "{0}_system_tables",
    "{0}_performance_tables",
    "{0}_system_tables_data",
    "maria_add_gis_sp_bootstrap",
    "{0}_sys_schema",
)
PREAMBLE = """\
CREATE DATABASE IF NOT EXISTS mysql;
USE mysql;
SET @auth_root_socket=NULL;
SET @skip_auth_anonymous=1;
"""


class MariaDBServer:
    """One server. `configs` are the texts that its service mounts, its init script among them."""

    def __init__(self, spec: ServiceSpec, provider: Provider, workspace: Workspace, configs: Mapping[str, str]) -> None:
        self._spec, self.provider, self._workspace, self._configs = spec, provider, workspace, configs
        self._port = int(option(spec.command, "port") or PORT)
        if unknown := set(spec.environment) - VARIABLES:
            raise TopologyError(f"{spec.name}: the local engine does not know {', '.join(sorted(unknown))}")
        self._program = Path(provider.program[0])
        self._account = server_account()

    async def command(self) -> Command:
        """Make the data folder and return the compose command with our program, data and loopback."""
        data = self._place()
        share = self._share()
        messages = (f"--lc-messages-dir={share}",)
        # The socket's path counts from the data folder: a longer one may not fit.
        ours = (f"--datadir={data}", f"--tmpdir={data}", "--socket=s.sock", "--pid-file=pid", *messages)
        script = data / "bootstrap.sql"
        script.write_text(
            PREAMBLE + "".join(file.read_text(encoding="utf-8") for file in _tables(share)), encoding="utf-8"
        )
        script.chmod(0o644)
        words = (
            str(self._program),
            "--no-defaults",
            *ours,
            "--bootstrap",
            "--log-warnings=0",
            "--max-allowed-packet=8M",
        )
        # exec: the supervisor sees the server, not a shell in between.
        bootstrap = self._command(
            "/bin/sh", "-c", 'exec "$@" <"$0"', str(script), *words, folder=data, name="bootstrap"
        )
        await self._workspace.supervisor.run(bootstrap, BOOTSTRAP_S)
        listen = (f"--bind-address={LOOPBACK}", *(f"--init-file={path}" for path in self._scripts(data)))
        return self._command(str(self._program), "--no-defaults", *self._spec.command[1:], *ours, *listen, folder=data)

    async def answers(self) -> bool:
        """Return whether the shop's account can connect and gets an answer."""
        connection = None
        try:
            # Its own timeout would end with TCP's handshake.
            async with asyncio.timeout(PROBE_S):
                connection = await aiomysql.connect(host=LOOPBACK, port=self._port, user=USER, password="")
                async with connection.cursor() as cursor:
                    await cursor.execute("SELECT 1")
                    return bool(await cursor.fetchone() == (1,))
        except (OSError, EOFError, pymysql.MySQLError):
            return False
        finally:
            if connection is not None:
                connection.close()

    async def initialise(self) -> None:
        """Do nothing: the init script ran at the start."""

    async def version(self) -> str:
        """Return what the program says of itself."""
        return self.provider.version

    def _command(self, *argv: str, folder: Path, name: str = "") -> Command:
        return Command(
            name=f"{self._spec.name} {name}".strip(),
            argv=argv,
            environment=self._workspace.machine_environment(),
            folder=folder,
            log=self._workspace.log(self._spec.name),
            nice=0,
            account=self._account,
        )

    def _share(self) -> Path:
        """Return the folder with the statements that make the system tables; raises ComponentMissing."""
        resolved = self._program.resolve()
        for prefix in (resolved.parent / "usr", resolved.parent.parent):
            for name in ("mariadb", "mysql", "."):
                if any(_all_there(prefix / "share" / name, kind) for kind in PREFIXES):
                    return prefix / "share" / name
        raise ComponentMissing(f"{self._program}: the statements that make its system tables are not beside it")

    def _scripts(self, data: Path) -> list[str]:
        """Copy the mounted init script to where the server can read it; it takes one."""
        for target in self._spec.mounts:
            path = PurePosixPath(target)
            if path.parent != INIT_FOLDER or path.suffix != ".sql" or len(self._spec.mounts) > 1:
                raise TopologyError(f"{self._spec.name}: {target}: one {INIT_FOLDER}/*.sql can be mounted locally")
        found = []
        for place in mount(self._spec, self._configs, self._workspace).values():
            copy = data / "init.sql"
            copy.write_bytes(Path(place).read_bytes())
            copy.chmod(0o644)
            found.append(str(copy))
        return found

    def _place(self) -> Path:
        """Return an empty data folder, reachable for the server's account; may move data and program elsewhere."""
        data = self._workspace.data(self._spec.name)
        account = self._account
        if account is None:
            return data
        os.chown(data, account.uid, account.gid)
        program_there = can(account, [str(self._program), "--no-defaults", "--version"])
        if program_there and can(account, ["test", "-w", str(data)]):
            return data
        private = private_folder()
        self._workspace.own_folder(private)
        if not program_there:
            self._program = copy_open(self._program.resolve().parent, private / "program") / self._program.name
        data = private / "data"
        data.mkdir()
        os.chown(data, account.uid, account.gid)
        self._workspace.say(f"mysql runs as {account.name}, who cannot reach this folder: its data is in {data}")
        return data


def _all_there(share: Path, kind: str) -> bool:
    return all((share / f"{name.format(kind)}.sql").is_file() for name in TABLES)


def _tables(share: Path) -> list[Path]:
    kind = next(kind for kind in PREFIXES if _all_there(share, kind))
    return [share / f"{name.format(kind)}.sql" for name in TABLES]
