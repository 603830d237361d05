"""What the Compose engine needs of a machine, looked at before anything is built; each lack says its remedy."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chaos.engines.compose.project import Project
from chaos.engines.ports import check_ports
from chaos.errors import ComponentMissing, LabAlreadyUp, StartFailed

# The first that takes a config's text from compose.yaml itself.
LEAST = (2, 23, 1)
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_GIB = 2**30
_SWITCH = "leave out --engine compose"


@dataclass(frozen=True)
class Wanted:
    """What compose.yaml asks for as it is started: image by service, port to service, memory limits in sum."""

    images: Mapping[str, str]
    ports: Mapping[int, str]
    memory_bytes: int


async def check_docker(project: Project) -> Wanted:
    """Return what will be started; raises LabError where this machine cannot start it."""
    await _check_compose(project)
    memory_bytes = await _memory(project)
    wanted = _wanted(await project.config())
    if memory_bytes < wanted.memory_bytes:
        raise StartFailed(
            f"Docker has {memory_bytes / _GIB:.1f} GiB of memory, and what compose.yaml starts may take"
            f" {wanted.memory_bytes / _GIB:.1f} GiB: give Docker more, or set LAB_WATCH=0 to do without the dashboards"
        )
    await _check_absent(project)
    check_ports(wanted.ports)
    return wanted


async def _check_compose(project: Project) -> None:
    answer = await project.docker.ask("compose", "version", "--short")
    if answer.code != 0:
        raise ComponentMissing(f"docker has no Compose: install its Compose plugin, or {_SWITCH} ({answer.why()})")
    check_version(answer.out.strip())


def check_version(text: str) -> None:
    """Raise ComponentMissing where Compose is too old to read compose.yaml."""
    found = _VERSION.search(text)
    if found is None or tuple(map(int, found.groups())) < LEAST:
        least = ".".join(map(str, LEAST))
        raise ComponentMissing(f"Docker Compose is {text or 'unknown'}, and {least} is needed: update it, or {_SWITCH}")


async def _memory(project: Project) -> int:
    answer = await project.docker.ask("info", "--format", "{{json .MemTotal}}")
    total = json.loads(answer.out) if answer.code == 0 and answer.out.strip().isdigit() else 0
    if not total:
        raise ComponentMissing(f"Docker does not answer: start it, or {_SWITCH} ({answer.why()})")
    return int(total)


async def _check_absent(project: Project) -> None:
    """Refuse a project that is there already: it is somebody else's, and the end of this lab would be its end."""
    if names := await project.names():
        raise LabAlreadyUp(
            f"the Compose project {project.name} is there already ({len(names)} containers), and no lab of this"
            f" checkout started it: `docker compose -p {project.name} down -v` removes it"
        )


def _wanted(config: Mapping[str, Any]) -> Wanted:
    services: Mapping[str, Any] = config["services"]
    return Wanted(
        images={name: str(service["image"]) for name, service in services.items() if "image" in service},
        ports={
            int(port["published"]): name for name, service in services.items() for port in service.get("ports") or ()
        },
        memory_bytes=sum(int(service.get("mem_limit") or 0) for service in services.values()),
    )
