"""What the Compose engine makes of arms, switches and versions, without a Docker."""

from pathlib import Path

import pytest

from chaos.engines.compose.docker import Docker
from chaos.engines.compose.engine import compose_environment
from chaos.engines.compose.lab import pid_here
from chaos.engines.compose.project import Container
from chaos.engines.compose.requirements import check_version
from chaos.errors import ComponentMissing
from chaos.scenario import Arm

ARMS = [Arm(name=name, profile="naive") for name in ("one", "two", "three")]


@pytest.mark.parametrize(
    ("arms", "env", "profiles"),
    [
        (2, {}, "watch,load"),
        (3, {}, "watch,load,arm-c"),
        (2, {"LAB_WATCH": "0"}, ""),
        (3, {"LAB_WATCH": "0", "COMPOSE_PROFILES": "load"}, "arm-c"),
    ],
)
def test_the_profiles_are_those_of_the_arms_and_of_the_switch(arms: int, env: dict[str, str], profiles: str) -> None:
    """Whatever the shell's own COMPOSE_PROFILES says: it is of another lab."""
    found = compose_environment(ARMS[:arms], {"PATH": "/bin", **env})

    assert found["COMPOSE_PROFILES"] == profiles
    assert found["LAB_EVENTS"] == "off"
    assert found["PATH"] == "/bin"
    assert [found[f"LAB_ARM_{slot}"] for slot in "AB"] == ["one", "two"]


def test_the_parts_that_a_run_needs_are_profiles_too() -> None:
    found = compose_environment(ARMS, {}, ["events"])

    assert found["COMPOSE_PROFILES"] == "watch,load,arm-c,events,arm-c-events"
    assert found["LAB_EVENTS"] == "on"


@pytest.mark.parametrize("text", ["2.23.1", "v2.40.3", "2.40.3-3", "2.100.0-desktop.1", "5.0.0"])
def test_a_compose_that_knows_configs_with_content_is_taken(text: str) -> None:
    check_version(text)


@pytest.mark.parametrize("text", ["2.23.0", "1.29.2", "", "unknown"])
def test_an_older_compose_is_refused_with_what_is_needed(text: str) -> None:
    with pytest.raises(ComponentMissing, match=f"Docker Compose is {text or 'unknown'}, and 2.23.1 is needed"):
        check_version(text)


def test_a_machine_without_docker_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(ComponentMissing, match="no docker on the path"):
        Docker({"PATH": str(tmp_path)})


def test_another_machines_process_is_not_taken_for_one_of_ours() -> None:
    """Where Docker has a machine of its own, its process 1 is not ours."""
    elsewhere = Container(
        name="n", id="0" * 64, service="s", pid=1, running=True, exit_code=0, health="healthy", image="i"
    )

    assert pid_here(elsewhere) == 0
