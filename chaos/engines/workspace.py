"""What every start needs to know about this lab, in one value; and the environment and program of a plain service."""

import shutil
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from chaos.engines.processes import Command, Supervisor
from chaos.engines.state import DATA_FOLDER
from chaos.engines.topology import ServiceSpec
from chaos.errors import StartFailed

# In a container a service sees what compose.yaml gives it. So here: a WEB_CONCURRENCY or PGHOST of the user's shell
# must not change a run. These are what a process needs of its machine.
_OF_THE_MACHINE = (
    "DYLD_LIBRARY_PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "PYTHONDONTWRITEBYTECODE",
    "PYTHONPATH", "PYTHONPYCACHEPREFIX", "TMPDIR", "TZ", "USER",
)  # fmt: skip


@dataclass(frozen=True)
class Workspace:
    """Where this lab keeps its things, who owns its processes, and whom it tells what it does.

    `own_folder` is told of a folder outside .lab before anything is put there, so that it is removed whatever happens.
    """

    root: Path
    log_dir: Path
    env: Mapping[str, str]
    supervisor: Supervisor
    say: Callable[[str], None]
    own_folder: Callable[[Path], None]

    def data(self, name: str) -> Path:
        """Return a new folder for the data of `name`."""
        folder = self.root / DATA_FOLDER / name
        folder.mkdir(parents=True)
        return folder

    def log(self, name: str) -> Path:
        """Return where stdout and stderr of `name` go."""
        return self.log_dir / f"{name}.log"

    def machine_environment(self) -> dict[str, str]:
        """Return the part of the lab's environment that every child gets."""
        return {name: self.env[name] for name in _OF_THE_MACHINE if name in self.env}


def mount(spec: ServiceSpec, configs: Mapping[str, str], workspace: Workspace) -> dict[str, str]:
    """Write the configs that a service mounts, return where each path of the container lies now."""
    places: dict[str, str] = {}
    for target, source in spec.mounts.items():
        folder = workspace.root / DATA_FOLDER / f"{spec.name}.configs"
        folder.mkdir(parents=True, exist_ok=True)
        place = folder / target.strip("/").replace("/", "_")
        place.write_text(configs[source], encoding="utf-8")
        places[target] = str(place)
    return places


def moved(text: str, places: Mapping[str, str]) -> str:
    """Return `text` with each path of the container replaced by where it lies now."""
    for target, place in places.items():
        text = text.replace(target, place)
    return text


def service_command(spec: ServiceSpec, configs: Mapping[str, str], workspace: Workspace, nice: int) -> Command:
    """Return how a plain service is started: its own command and environment, at the root of the checkout."""
    places = mount(spec, configs, workspace)
    program, *words = (moved(word, places) for word in spec.command)
    return Command(
        name=spec.name,
        argv=(_program(program, spec, workspace.env), *words),
        environment={
            **workspace.machine_environment(),
            "PYTHONUNBUFFERED": "1",
            **{name: moved(value, places) for name, value in spec.environment.items()},
        },
        folder=workspace.root,
        log=workspace.log(spec.name),
        nice=nice,
        stop_signal=signal.SIGTERM,
    )


def _program(name: str, spec: ServiceSpec, env: Mapping[str, str]) -> str:
    """Return the program of a command: of the lab's own Python first, as the image has no other."""
    if name == "python":
        return sys.executable
    beside = str(Path(sys.executable).parent)
    found = shutil.which(name, path=beside) or shutil.which(name, path=env.get("PATH"))
    if found is None:
        raise StartFailed(
            f"{spec.name} cannot be started: there is no program {name} beside {sys.executable} or on PATH"
        )
    return found
