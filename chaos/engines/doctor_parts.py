"""What `lab doctor` finds of what not every run needs: the components of the parts, dashboards, Docker."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from chaos.engines.components import find_provider
from chaos.engines.compose.requirements import check_version
from chaos.engines.compose_model import ComponentName
from chaos.engines.findings import Check
from chaos.engines.grafana import find_home
from chaos.engines.parts import COMPONENTS
from chaos.errors import LabError
from chaos.scenario.parts import PARTS

TO_WATCH: tuple[ComponentName, ...] = ("prometheus", "grafana")
_ANSWER_S = 10.0


def parts(root: Path, env: Mapping[str, str]) -> Iterator[Check]:
    """Yield what plays the component of each part; without it only the scenarios that need the part cannot run."""
    for part, component in COMPONENTS.items():
        use = f"for scenarios that need {part} ({', '.join(PARTS[part])})"
        try:
            provider = find_provider(component, root, env)
        except LabError as error:
            remedy = str(error).partition(": ")[2]
            yield Check(component, ok=True, detail=f"not here; only {use}", remedy=remedy)
        else:
            yield Check(component, ok=True, detail=f"{provider.title(provider.version)}, {use}")


def to_watch(root: Path, env: Mapping[str, str]) -> Iterator[Check]:
    """Yield what there is to watch a run with."""
    for name in TO_WATCH:
        try:
            provider = find_provider(name, root, env)
            if name == "grafana":
                find_home(Path(provider.program[0]), env)
        except LabError as error:
            remedy = str(error).partition(": ")[2]
            yield Check(name, ok=True, detail="not here; optional: to watch a run with", remedy=remedy)
        else:
            yield Check(name, ok=True, detail=f"{provider.title(provider.version)}, optional: to watch a run with")


def docker(env: Mapping[str, str]) -> Check:
    """Say whether `--engine compose` can be had; nothing is asked of a daemon but its version."""
    use = "optional: --engine compose"
    program = shutil.which("docker", path=env.get("PATH"))
    if program is None:
        return Check("Docker", ok=True, detail=f"not here; {use}", remedy="install Docker with its Compose plugin")
    compose = _said(env, program, "compose", "version", "--short")
    if compose is None:
        return Check("Docker", ok=True, detail=f"without Compose; {use}", remedy="install Docker's Compose plugin")
    try:
        check_version(compose)
    except LabError as error:
        return Check("Docker", ok=True, detail=f"Compose {compose}; {use}", remedy=str(error))
    engine = _said(env, program, "version", "--format", "{{.Server.Version}}")
    if engine is None:
        return Check("Docker", ok=True, detail=f"Compose {compose}, no engine answers; {use}", remedy="start Docker")
    return Check("Docker", ok=True, detail=f"engine {engine}, Compose {compose}; {use}")


def _said(env: Mapping[str, str], *command: str) -> str | None:
    """Return what a command prints, None where it does not end well and soon."""
    try:
        answer = subprocess.run(  # noqa: S603 - words of ours
            command, env=dict(env), capture_output=True, text=True, timeout=_ANSWER_S, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None if answer.returncode == 0 else None
