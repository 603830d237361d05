"""From the file to the typed model: interpolated, without what only Docker needs, the first problem with its line."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from chaos.engines.compose_file import ComposeFile, Key
from chaos.engines.compose_model import DOCKER_ONLY, DOCKER_ONLY_TOP, Compose
from chaos.errors import TopologyError


def parse_compose(file: ComposeFile, env: Mapping[str, str]) -> Compose:
    """Return the model of a Compose file; raises TopologyError."""
    data = {
        name: file.interpolated((name,), env)
        for name in file.content
        if not name.startswith("x-") and name not in DOCKER_ONLY_TOP
    }
    services = data.get("services")
    if isinstance(services, dict):
        data["services"] = {name: _without_docker(service) for name, service in services.items()}
    try:
        return Compose.model_validate(data)
    except ValidationError as error:
        raise _first_error(file, error) from None


def config_texts(file: ComposeFile, compose: Compose) -> dict[str, str]:
    """Return the text of every config; raises TopologyError where a file cannot be read."""
    texts: dict[str, str] = {}
    for name, config in compose.configs.items():
        if config.content is not None:
            texts[name] = config.content
            continue
        try:
            texts[name] = (file.path.parent / str(config.file)).read_text(encoding="utf-8")
        except OSError as error:
            raise file.error(("configs", name, "file"), f"cannot read it: {error}") from error
    return texts


def _without_docker(service: Any) -> Any:
    if not isinstance(service, dict):
        return service
    return {key: value for key, value in service.items() if key not in DOCKER_ONLY}


def _first_error(file: ComposeFile, error: ValidationError) -> TopologyError:
    """Say the problem that stands first in the file, in the file's own words."""
    problems = error.errors(include_url=False)
    # What is missing has no line of its own, and is often missing because it is written wrong elsewhere.
    first = min(problems, key=lambda problem: (problem["type"] == "missing", file.line(problem["loc"])))
    key: Key = first["loc"]
    if first["type"] == "extra_forbidden":
        return file.error(key, "the local engine does not understand this key")
    return file.error(key, first["msg"].removeprefix("Value error, "))
