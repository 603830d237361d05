"""Grafana as a plain process, where the machine has it: provisioned as in compose.yaml, on loopback.

Its packages put its own files (pages, defaults) in different places, and it does not look for them itself.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import aiohttp

from chaos.engines.addresses import LOOPBACK
from chaos.engines.components import Provider
from chaos.engines.mirror import mirror
from chaos.engines.processes import Command
from chaos.engines.prometheus import answers_200
from chaos.engines.service_spec import ServiceSpec
from chaos.engines.workspace import Workspace
from chaos.errors import ComponentMissing

HOME = "GF_PATHS_HOME"
_PACKAGED = Path("/usr/share/grafana")


class GrafanaServer:
    """One server. It steps back behind the load generator as the services do: `nice`."""

    def __init__(
        self, spec: ServiceSpec, provider: Provider, workspace: Workspace, configs: Mapping[str, str],
        *, http: aiohttp.ClientSession, nice: int,
    ) -> None:  # fmt: skip
        self._spec, self.provider, self._workspace = spec, provider, workspace
        self._configs, self._http, self._nice = configs, http, nice
        self._home = find_home(Path(provider.program[0]), workspace.env)

    async def command(self) -> Command:
        """Write the provisioning down and return how to start it: all settings come from the environment."""
        folder = self._workspace.data(self._spec.name)
        move = mirror(self._spec, self._configs, folder)
        ours = {
            "GF_SERVER_HTTP_ADDR": LOOPBACK,
            "GF_PATHS_DATA": str(folder / "data"),
            "GF_PATHS_LOGS": str(folder / "log"),
            "GF_PATHS_PLUGINS": str(folder / "plugins"),
            "GF_LOG_MODE": "console",
        }
        return Command(
            name=self._spec.name,
            argv=(*self.provider.program, "--homepath", str(self._home)),
            environment={
                **self._workspace.machine_environment(),
                **{name: move(value) for name, value in self._spec.environment.items()},
                **ours,
            },
            folder=folder,
            log=self._workspace.log(self._spec.name),
            nice=self._nice,
        )

    async def answers(self) -> bool:
        """Return whether it serves pages."""
        return await answers_200(self._http, f"{self._spec.page}/api/health")

    async def initialise(self) -> None:
        """Do nothing: it is provisioned."""

    async def version(self) -> str:
        """Return what the program says of itself."""
        return self.provider.version


def find_home(program: Path, env: Mapping[str, str]) -> Path:
    """Return the folder of Grafana's own files; raises ComponentMissing."""
    for home in _homes(program, env):
        if (home / "conf" / "defaults.ini").is_file():
            return home
    raise ComponentMissing(f"{program} is there, but not its conf/defaults.ini: set {HOME} to the folder that has it")


def _homes(program: Path, env: Mapping[str, str]) -> Iterator[Path]:
    if named := env.get(HOME):
        yield Path(named)
    # An unpacked archive has bin/ beside conf/, Homebrew share/grafana beside bin/; a package has _PACKAGED.
    prefix = program.resolve().parent.parent
    yield from (prefix, prefix / "share" / "grafana", _PACKAGED)
