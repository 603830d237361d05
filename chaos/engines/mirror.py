"""The folders of a container as folders of ours, for programs that look around in theirs.

Grafana reads whatever lies in its provisioning folder, Prometheus' file names the rules beside it. So their configs are
written as a tree of the same shape, and where a text names a path in it, it names ours.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from chaos.engines.service_spec import ServiceSpec
from chaos.engines.workspace import moved


def mirror(spec: ServiceSpec, configs: Mapping[str, str], folder: Path) -> Callable[[str], str]:
    """Write a service's configs below `folder`; return the function that moves paths of its container there."""
    if not spec.mounts:
        return str
    common = os.path.commonpath([str(Path(target).parent) for target in spec.mounts])
    places = {common: str(folder) + common}
    for target, source in spec.mounts.items():
        path = Path(str(folder) + target)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(moved(configs[source], places), encoding="utf-8")
    return lambda text: moved(text, places)
