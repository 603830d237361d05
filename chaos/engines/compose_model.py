"""The part of the Compose format that the local engine honours, typed; everything else is refused by name.

A key that only changes how Docker builds or confines a container is listed once, in DOCKER_ONLY, and skipped
knowingly. A key that is neither there nor in a model below could change what the services do, so it is an error.
"""

import re
import shlex
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

DOCKER_ONLY = frozenset({
    "build", "cap_add", "cap_drop", "container_name", "cpus", "image", "init", "labels", "logging", "mem_limit",
    "mem_reservation", "memswap_limit", "networks", "pids_limit", "platform", "pull_policy", "read_only",
    "security_opt", "shm_size", "tmpfs", "ulimits", "user",
})  # fmt: skip
DOCKER_ONLY_TOP = frozenset({"name", "networks"})

ComponentName = Literal["postgres", "redis", "toxiproxy", "kafka", "mysql", "prometheus", "grafana"]
Condition = Literal["service_started", "service_healthy"]
_PORT = re.compile(r"(?:[\d.]+:)?(\d+(?:-\d+)?):(\d+(?:-\d+)?)(?:/tcp)?")
# A named volume, or a folder of the project that is only read.
_VOLUME = re.compile(r"[\w-]+:/\S*|\./[^:]*:/[^:]*:ro")


def _words(value: Any) -> Any:
    return shlex.split(value) if isinstance(value, str) else value


def _variables(value: Any) -> Any:
    """Turn the list form into the mapping form, and numbers into the text that a container would get."""
    if isinstance(value, list):
        pairs = [str(item).partition("=") for item in value]
        return {name: text if equals else None for name, equals, text in pairs}
    if not isinstance(value, dict):
        return value
    for name, item in value.items():
        if isinstance(item, bool):
            raise ValueError(f'{name} is a YAML boolean: quote it, "true" or "false"')  # noqa: TRY004 - pydantic's way
    return {name: str(item) if isinstance(item, int | float) else item for name, item in value.items()}


def _dependencies(value: Any) -> Any:
    return {str(name): {"condition": "service_started"} for name in value} if isinstance(value, list) else value


def _published(value: Any) -> Any:
    """Return the host ports of `[address:]port:port`, a range's one by one; inside and outside must be the same."""
    ports: list[int] = []
    for item in value if isinstance(value, list) else [value]:
        match = _PORT.fullmatch(str(item))
        if match is None:
            raise ValueError(f"cannot read the port {item!r}: write 127.0.0.1:PORT:PORT")
        if match[1] != match[2]:
            raise ValueError(f"{item!r} publishes {match[2]} as {match[1]}: a plain process has only one port")
        first, _, last = match[1].partition("-")
        ports.extend(range(int(first), int(last or first) + 1))
    return ports


def _known_volumes(value: Any) -> Any:
    """Refuse a volume whose content the local engine would have to provide."""
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, str) or not _VOLUME.fullmatch(item):
            raise ValueError(f"cannot read the volume {item!r}: write NAME:/PATH or ./FOLDER:/PATH:ro")
    return value


class Model(BaseModel):
    """Frozen; a key that is not known is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class LocalKey(Model):
    """`x-local`: which component plays this service where there is no Docker, or who else starts it.

    What is `optional` is left out, with a note, where the machine does not have it.
    """

    component: ComponentName | None = None
    optional: bool = False
    started_by: str | None = None

    @model_validator(mode="after")
    def _one_player(self) -> Self:
        if (self.component is None) == (self.started_by is None):
            raise ValueError("give exactly one of component and started_by")
        return self


class Healthcheck(Model):
    """How Docker asks whether a service is ready. The local engine reads the address and keeps its own pace."""

    test: Annotated[list[str], BeforeValidator(_words)]
    interval: Any = None
    timeout: Any = None
    retries: Any = None
    start_period: Any = None
    start_interval: Any = None


class Dependency(Model):
    """What must be true of another service first."""

    condition: Condition


class Mount(Model):
    """A config as a file inside the container."""

    source: str
    target: str


class Config(Model):
    """A text that services mount as a file: inline, or a file beside compose.yaml."""

    content: str | None = None
    file: str | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.content is None) == (self.file is None):
            raise ValueError("give exactly one of content and file")
        return self


class ComposeService(Model):
    """One entry of `services`."""

    local: LocalKey | None = Field(default=None, alias="x-local")
    profiles: list[str] = []
    command: Annotated[list[str], BeforeValidator(_words)] = []
    environment: Annotated[dict[str, str | None], BeforeValidator(_variables)] = {}
    configs: list[Mount] = []
    ports: Annotated[list[int], BeforeValidator(_published)] = []
    depends_on: Annotated[dict[str, Dependency], BeforeValidator(_dependencies)] = {}
    healthcheck: Healthcheck | None = None
    # A component keeps its data in .lab, so these are Docker's; a plain process has nowhere to mount them.
    volumes: Annotated[list[str], BeforeValidator(_known_volumes)] = []


class Volume(Model):
    """A named volume; a driver or another one's name would be somebody else's data."""


class Compose(Model):
    """The file, without its x- keys (homes of anchors) and without what only Docker needs."""

    services: dict[str, ComposeService]
    volumes: dict[str, Volume | None] = {}
    configs: dict[str, Config] = {}
