"""What `docker compose` itself says of a lab that is up, for a person to read."""

import os
from collections.abc import Sequence
from pathlib import Path

from chaos.engines.compose.project import Project
from chaos.errors import UsageError


async def compose_ps(root: Path, name: str) -> str:
    """Return the table of `docker compose ps`; raises UsageError with Compose's words."""
    return await _asked(root, name, "ps", "--all")


async def compose_logs(root: Path, name: str, services: Sequence[str], lines: int) -> str:
    """Return the last lines of services, of all where none is named; raises UsageError with Compose's words."""
    return await _asked(root, name, "logs", "--no-color", "--tail", str(lines), *services)


async def _asked(root: Path, name: str, *words: str) -> str:
    answer = await Project(root, name, {**os.environ, "COMPOSE_PROFILES": "*"}).compose(*words)
    if answer.code != 0:
        raise UsageError(f"docker compose {words[0]}: {answer.why()}")
    return answer.out
