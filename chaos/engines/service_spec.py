"""What the local engine knows of a service of compose.yaml, and of all of them together."""

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from urllib.parse import urlsplit

from chaos.engines.addresses import LOOPBACK
from chaos.engines.compose_model import ComponentName, Condition
from chaos.engines.links import Link
from chaos.scenario.parts import PARTS, Part


@dataclass(frozen=True)
class ServiceSpec:
    """One process. `arm` is None where arms share it, `component` where a program of ours plays it.

    Addresses are loopback already. `ready_url` answers 200 when the service is ready; a component has its own probe.
    `mounts` maps a path inside the container to the name of a config. What is `optional` may be left out.
    """

    name: str
    arm: str | None
    component: ComponentName | None
    command: tuple[str, ...]
    environment: Mapping[str, str]
    ports: tuple[int, ...]
    depends_on: Mapping[str, Condition]
    ready_url: str | None
    mounts: Mapping[str, str]
    optional: bool = False

    @property
    def page(self) -> str | None:
        """Return where a person looks at what is there to watch with, None for everything else."""
        return f"http://{LOOPBACK}:{self.ports[0]}" if self.optional and self.ports else None

    @property
    def url(self) -> str | None:
        """Return where its HTTP API is, None for a component."""
        return self.ready_url and urlsplit(self.ready_url)._replace(path="", query="").geturl()

    @property
    def role(self) -> str:
        """Return the name without its slot: `bank` for `bank-a`."""
        return self.name.rpartition("-")[0] if self.arm is not None else self.name


@dataclass(frozen=True)
class Topology:
    """The services of the chosen arms and the shared ones, the links between them, and the texts they mount."""

    services: Mapping[str, ServiceSpec]
    links: tuple[Link, ...]
    configs: Mapping[str, str]

    @property
    def parts(self) -> tuple[Part, ...]:
        """Return the parts of the shop that it holds beside what is always there."""
        roles = {spec.role for spec in self.services.values()}
        return tuple(part for part, services in PARTS.items() if roles.intersection(services))

    def levels(self) -> tuple[tuple[str, ...], ...]:
        """Return the names in groups: a group depends on earlier groups only."""
        sorter = TopologicalSorter({name: list(spec.depends_on) for name, spec in self.services.items()})
        sorter.prepare()
        levels = []
        while ready := sorter.get_ready():
            levels.append(tuple(sorted(ready)))
            sorter.done(*ready)
        return tuple(levels)
