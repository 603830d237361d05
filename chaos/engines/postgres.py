"""PostgreSQL as a private, throw-away server: fresh data at each start, TCP on loopback only, never as root.

The wheel's own Python API is not used: as root it adds an account to the machine and opens every folder above its
data to others. Its programs are called directly.
"""

import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

import asyncpg

from chaos.engines.addresses import LOOPBACK, option
from chaos.engines.adoption import Account
from chaos.engines.components import Provider
from chaos.engines.processes import Command
from chaos.engines.servers import PROBE_S
from chaos.engines.topology import ServiceSpec
from chaos.engines.unprivileged import can, copy_program, private_folder, server_account
from chaos.engines.workspace import Workspace, mount
from chaos.errors import TopologyError

PORT = 5432
INIT_FOLDER = PurePosixPath("/docker-entrypoint-initdb.d")
VARIABLES = {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_HOST_AUTH_METHOD"}
INITDB_S = 30.0
SCRIPT_S = 30.0


class PostgresServer:
    """One server. `configs` are the texts that its service mounts, its init scripts among them."""

    def __init__(self, spec: ServiceSpec, provider: Provider, workspace: Workspace, configs: Mapping[str, str]) -> None:
        self._spec, self.provider, self._workspace, self._configs = spec, provider, workspace, configs
        self._port = int(option(spec.command, "p", "port") or PORT)
        # Names and defaults of the official image.
        self._user = spec.environment.get("POSTGRES_USER", "postgres")
        self._database = spec.environment.get("POSTGRES_DB", self._user)
        if spec.environment.get("POSTGRES_HOST_AUTH_METHOD") != "trust":
            raise TopologyError(f"{spec.name}: the local engine knows POSTGRES_HOST_AUTH_METHOD: trust only")
        if unknown := set(spec.environment) - VARIABLES:
            raise TopologyError(f"{spec.name}: the local engine does not know {', '.join(sorted(unknown))}")
        self._account = server_account()
        self._program = Path(provider.program[0])

    async def command(self) -> Command:
        """Make the data folder and return the compose command with our program, data and loopback."""
        data = self._place()
        # --no-sync: the data lives as long as the lab.
        words = ("-D", str(data), "-U", self._user, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync",
                 "--no-instructions")  # fmt: skip
        initdb = self._tool(self._program.parent / "initdb", *words, folder=data, account=self._account)
        await self._workspace.supervisor.run(initdb, INITDB_S)
        # No socket file: its path may be too long, and nobody needs it. Ours come last, so they win.
        ours = ("-D", str(data), "-c", f"listen_addresses={LOOPBACK}", "-c", "unix_socket_directories=")
        return Command(
            name=self._spec.name,
            argv=(str(self._program), *self._spec.command[1:], *ours),
            environment=self._environment(),
            folder=data,
            log=self._workspace.log(self._spec.name),
            nice=0,
            # SIGTERM would wait for every client to leave. SIGINT is a fast stop; SIGQUIT, for when the lab has
            # been killed, takes the backends along without a checkpoint for which nobody waits any more.
            stop_signal=signal.SIGINT,
            orphan_signal=signal.SIGQUIT,
            account=self._account,
        )

    async def answers(self) -> bool:
        """Return whether a client can connect and gets an answer."""
        try:
            connection = await asyncpg.connect(
                host=LOOPBACK, port=self._port, user=self._user, database="postgres", timeout=PROBE_S, ssl=False
            )
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        try:
            return bool(await connection.fetchval("SELECT 1", timeout=PROBE_S) == 1)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        finally:
            with suppress(OSError, TimeoutError):
                await connection.close(timeout=PROBE_S)

    async def initialise(self) -> None:
        """Create the database of the image's variables and run the init scripts by name, as the image does."""
        run = self._workspace.supervisor.run
        if self._database != "postgres":
            quoted = self._database.replace('"', '""')
            await run(self._psql("postgres", "-c", f'CREATE DATABASE "{quoted}"'), SCRIPT_S)
        for script in self._scripts():
            await run(self._psql(self._database, "-f", script), SCRIPT_S)

    async def version(self) -> str:
        """Return what the program says of itself."""
        return self.provider.version

    def _scripts(self) -> list[str]:
        """Write the mounted init scripts down, return them in the order in which the image runs them."""
        for target in self._spec.mounts:
            path = PurePosixPath(target)
            if path.parent != INIT_FOLDER or path.suffix != ".sql":
                raise TopologyError(f"{self._spec.name}: {target}: only {INIT_FOLDER}/*.sql can be mounted locally")
        places = mount(self._spec, self._configs, self._workspace)
        return [places[target] for target in sorted(places)]

    def _place(self) -> Path:
        """Return an empty data folder, reachable for the server's account; may move data and program elsewhere."""
        data = self._workspace.data(self._spec.name)
        account = self._account
        if account is None:
            data.chmod(0o700)
            return data
        private: Path | None = None
        os.chown(data, account.uid, account.gid)
        if not can(account, ["test", "-w", str(data)]):
            private = self._own(private)
            data = private / "data"
            data.mkdir()
            os.chown(data, account.uid, account.gid)
            self._workspace.say(f"postgres runs as {account.name}, who cannot reach this folder: its data is in {data}")
        data.chmod(0o700)
        if not can(account, [str(self._program), "--version"]):
            private = self._own(private)
            self._program = copy_program(self._program, private)
            self._workspace.say(f"postgres runs as {account.name}, who cannot reach its program: copied to {private}")
        return data

    def _own(self, private: Path | None) -> Path:
        if private is None:
            private = private_folder()
            self._workspace.own_folder(private)
        return private

    def _environment(self) -> dict[str, str]:
        # Without a C locale the server of macOS starts threads and refuses to run.
        return {**self._workspace.machine_environment(), "LC_ALL": "C"}

    def _tool(self, program: Path, *words: str, folder: Path, account: Account | None) -> Command:
        return Command(
            name=f"{self._spec.name} {program.name}",
            argv=(str(program), *words),
            environment=self._environment(),
            folder=folder,
            log=self._workspace.log(self._spec.name),
            nice=0,
            account=account,
        )

    def _psql(self, database: str, *words: str) -> Command:
        # A client may be root, and only the lab's own user can surely read the scripts.
        psql = Path(self.provider.program[0]).parent / "psql"
        address = ("-h", LOOPBACK, "-p", str(self._port), "-U", self._user, "-d", database)
        quiet = ("--no-psqlrc", "--quiet", "-v", "ON_ERROR_STOP=1")
        return self._tool(psql, *address, *quiet, *words, folder=self._workspace.root, account=None)
