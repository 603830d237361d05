"""Prometheus as a plain process: the project's own jobs and rules, on loopback, its data gone with the lab.

It is there to watch with. No verdict and no report reads it.
"""

from collections.abc import Mapping
from contextlib import suppress

import aiohttp

from chaos.engines.components import Provider
from chaos.engines.mirror import mirror
from chaos.engines.processes import Command
from chaos.engines.service_spec import ServiceSpec
from chaos.engines.workspace import Workspace

PROBE_S = 1.0
_DATA = "--storage.tsdb.path="


async def answers_200(http: aiohttp.ClientSession, url: str) -> bool:
    """Return whether a GET of `url` is answered with 200, within a second."""
    with suppress(aiohttp.ClientError, OSError, TimeoutError):
        async with http.get(url, timeout=aiohttp.ClientTimeout(total=PROBE_S)) as response:
            return response.status == 200  # noqa: PLR2004 - HTTP's own
    return False


class PrometheusServer:
    """One server. It steps back behind the load generator as the services do: `nice`."""

    def __init__(
        self, spec: ServiceSpec, provider: Provider, workspace: Workspace, configs: Mapping[str, str],
        *, http: aiohttp.ClientSession, nice: int,
    ) -> None:  # fmt: skip
        self._spec, self.provider, self._workspace = spec, provider, workspace
        self._configs, self._http, self._nice = configs, http, nice

    async def command(self) -> Command:
        """Write the configuration down and return the compose command with our program and data."""
        folder = self._workspace.data(self._spec.name)
        move = mirror(self._spec, self._configs, folder)
        words = [move(word) for word in self._spec.command if not word.startswith(_DATA)]
        return Command(
            name=self._spec.name,
            argv=(*self.provider.program, *words, f"{_DATA}{folder / 'data'}"),
            environment=self._workspace.machine_environment(),
            folder=folder,
            log=self._workspace.log(self._spec.name),
            nice=self._nice,
        )

    async def answers(self) -> bool:
        """Return whether it can be queried."""
        return await answers_200(self._http, f"{self._spec.page}/-/ready")

    async def initialise(self) -> None:
        """Do nothing: its file told it everything."""

    async def version(self) -> str:
        """Return what the program says of itself."""
        return self.provider.version
