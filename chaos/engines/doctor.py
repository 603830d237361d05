"""What `lab doctor` finds: everything a start needs, each with what to do where it is not there.

A check that does not hold does not always stop a run: without the kernel's help, for example, only the clean-up after
a SIGKILL waits for the next start. The detail says so.
"""

import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import psutil

from chaos.engines.adoption import setpriv, subreaper
from chaos.engines.components import find_provider
from chaos.engines.compose_model import ComponentName
from chaos.engines.doctor_parts import docker, parts, to_watch
from chaos.engines.findings import Check
from chaos.engines.parts import playable
from chaos.engines.ports import holder, is_free, wanted_ports, without_taken
from chaos.engines.state import live_lab
from chaos.engines.topology import Topology, load_topology
from chaos.engines.unprivileged import server_account
from chaos.errors import LabError

PYTHON_LEAST = (3, 11)
PYTHON_BELOW = (3, 15)
# A lab of two arms takes up to 1.5 GiB, each part up to 0.5 GiB more; its data, logs and records stay below 1 GiB.
MEMORY_GIB = 1.5
DISK_GIB = 1.0
_GIB = 2**30
_PORTS_SHOWN = 3


def checks(root: Path, env: Mapping[str, str] | None = None) -> list[Check]:
    """Look at everything that a start in this checkout needs; starts and changes nothing. `env` is os.environ."""
    env = os.environ if env is None else env
    others = [*parts(root, env), *to_watch(root, env), docker(env)]
    found = [_python(), *_components(root, env), *others, _account(), _orphans(), _memory(), _disk(root)]
    up = live_lab(root)
    if up is not None:
        found.append(
            Check("lab", ok=True, detail=f"one is up (pid {up.pid}), so its ports are taken: `lab down` ends it")
        )
        return found
    found.append(Check("lab", ok=True, detail="none is up"))
    try:
        # All that `lab up` starts, but what it would leave out.
        profiles = ",".join([env.get("COMPOSE_PROFILES", ""), *playable(root, env, "local")[0]])
        topology = load_topology(root / "compose.yaml", {**env, "COMPOSE_PROFILES": profiles}, None)
    except LabError as error:
        return [*found, Check("compose.yaml", ok=False, detail=str(error), remedy="correct the file at that line")]
    return [*found, Check("compose.yaml", ok=True, detail=_counted(topology)), _ports(topology)]


def _python() -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    ok = PYTHON_LEAST <= sys.version_info[:2] < PYTHON_BELOW
    return Check("Python", ok, version, "" if ok else "make setup with a Python from 3.11 to 3.14")


def _components(root: Path, env: Mapping[str, str]) -> Iterable[Check]:
    names: tuple[ComponentName, ...] = ("postgres", "redis", "toxiproxy")
    for name in names:
        try:
            provider = find_provider(name, root, env)
        except LabError as error:
            what, _, remedy = str(error).partition(": ")
            yield Check(name, ok=False, detail=what, remedy=remedy)
        else:
            yield Check(name, ok=True, detail=provider.title(provider.version))


def _account() -> Check:
    try:
        account = server_account()
    except LabError as error:
        what, _, remedy = str(error).partition(": ")
        return Check("account", ok=False, detail=what, remedy=remedy)
    if account is None:
        return Check("account", ok=True, detail="not root: every process runs as this user")
    return Check("account", ok=True, detail=f"root: Postgres runs as {account.name}, everything else as root")


def _orphans() -> Check:
    """Say what holds when the lab itself is killed."""
    name = "killed lab"
    if sys.platform != "linux":
        return Check(
            name, ok=True, detail=f"{sys.platform} has neither PDEATHSIG nor subreapers: what a lab killed by SIGKILL "
            "leaves running is ended by the next start",
        )  # fmt: skip
    with subreaper() as adopts:
        pass
    if setpriv() and adopts:
        return Check(name, ok=True, detail="its children end with it (PDEATHSIG), orphans are adopted (subreaper)")
    missing = "setpriv with --pdeathsig" if adopts else "a kernel with subreapers"
    detail = f"without {missing} the children of a lab killed by SIGKILL are ended by the next start only"
    return Check(name, ok=False, detail=detail, remedy="install util-linux 2.33 or later (apt-get install util-linux)")


def _memory() -> Check:
    free_gib = psutil.virtual_memory().available / _GIB
    ok = free_gib >= MEMORY_GIB
    remedy = "" if ok else f"a lab of two arms takes up to {MEMORY_GIB} GiB: end something else"
    return Check("memory", ok, f"{free_gib:.1f} GiB available", remedy)


def _disk(root: Path) -> Check:
    free_gib = shutil.disk_usage(root).free / _GIB
    ok = free_gib >= DISK_GIB
    remedy = "" if ok else f"{DISK_GIB:g} GiB is needed: remove old runs (runs/)"
    return Check("disk", ok, f"{free_gib:.1f} GiB free in {root}", remedy)


def _ports(topology: Topology) -> Check:
    topology, left_out = without_taken(topology)
    wanted = wanted_ports(topology)
    taken = [port for port in sorted(wanted) if not is_free(port)]
    if not taken:
        detail = "; ".join([f"all {len(wanted)} are free on 127.0.0.1", *left_out])
        return Check("ports", ok=True, detail=detail)
    who = "; ".join(f"{port} ({wanted[port]}): {holder(port)}" for port in taken[:_PORTS_SHOWN])
    detail = f"{len(taken)} of {len(wanted)} are taken: {who}"
    return Check("ports", ok=False, detail=detail, remedy="end those processes")


def _counted(topology: Topology) -> str:
    arms = dict.fromkeys(spec.arm for spec in topology.services.values() if spec.arm)
    return f"{len(topology.services)} services, {len(topology.links)} links, arms {', '.join(arms)}"
