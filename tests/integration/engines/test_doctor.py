"""`lab doctor`: what holds and what does not, each with a remedy."""

import asyncio
from pathlib import Path

import pytest

from chaos.engines.doctor import checks
from chaos.engines.findings import Check
from tests.integration.engines.tiny import Tiny

pytestmark = pytest.mark.integration


def found(tiny: Tiny, **env: str) -> dict[str, Check]:
    """Return the checks of a topology by name."""
    tiny.load()
    return {check.name: check for check in checks(tiny.root, {"PATH": "/usr/bin:/bin"} | env)}


def test_a_machine_that_has_everything(tiny: Tiny) -> None:
    """Every part of a start is looked at; what holds needs no remedy."""
    tiny.service("front-a", LAB_ARM="naive")

    all_ = found(tiny)

    assert list(all_) == [
        "Python", "postgres", "redis", "toxiproxy", "kafka", "mysql", "prometheus", "grafana", "Docker", "account",
        "killed lab", "memory", "disk", "lab", "compose.yaml", "ports",
    ]  # fmt: skip
    assert all_["postgres"].ok
    assert all_["grafana"].ok
    assert "optional" in all_["grafana"].detail
    assert all_["compose.yaml"].detail == "1 services, 0 links, arms naive"
    assert all(check.ok or check.remedy for check in all_.values())


def test_a_grafana_without_its_own_files_says_so(tiny: Tiny, tmp_path: Path) -> None:
    """It is on the path, yet could not start: the remedy names the variable that helps."""
    program = tmp_path / "bin" / "grafana"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho grafana version 13.2.1\n")
    program.chmod(0o755)
    if Path("/usr/share/grafana").exists():
        pytest.skip("this machine has the files of a Grafana")

    tiny.service("front")
    check = found(tiny, PATH=f"{program.parent}:/usr/bin:/bin")["grafana"]

    assert check.ok
    assert "GF_PATHS_HOME" in check.remedy


async def test_what_does_not_hold_says_what_to_do(tiny: Tiny) -> None:
    """A taken port names its holder, a missing component its installation, a broken file its line."""
    tiny.service("front")
    tiny.load()
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", tiny.ports["front"])
    async with server:
        taken = found(tiny)["ports"]
    missing = found(tiny, LAB_TOXIPROXY="/nowhere")["toxiproxy"]
    tiny.services["front"]["restart"] = "always"
    (tiny.root / "compose.yaml").write_text("services: {front: {restart: always}}")
    broken = {check.name: check for check in checks(tiny.root, {})}["compose.yaml"]

    assert not taken.ok
    assert f"{tiny.ports['front']} (front): pid " in taken.detail
    assert (missing.ok, missing.detail) == (False, "nothing on this machine plays toxiproxy")
    assert "LAB_TOXIPROXY" in missing.remedy
    assert not broken.ok
    assert "compose.yaml:1: services.front.restart" in broken.detail


async def test_a_lab_that_is_up_is_no_fault(tiny: Tiny) -> None:
    """While a lab is up its own ports are not called taken."""
    tiny.service("front")

    async with tiny.engine():
        all_ = {check.name: check for check in checks(tiny.root, {})}

    assert all_["lab"].ok
    assert "one is up" in all_["lab"].detail
    assert "ports" not in all_


@pytest.mark.parametrize(
    ("script", "detail", "remedy"),
    [
        (None, "not here; optional", "install Docker with its Compose plugin"),
        ("exit 1", "without Compose", "Compose plugin"),
        ("echo 2.20.0", "Compose 2.20.0", "2.23.1 is needed"),
        ('[ "$1" = compose ] && echo 2.40.3', "Compose 2.40.3, no engine answers", "start Docker"),
        ('[ "$1" = compose ] && echo 2.40.3 || echo 20.10.24', "engine 20.10.24, Compose 2.40.3", ""),
    ],
)
def test_docker_is_said_to_be_there_or_what_it_lacks(
    tiny: Tiny, tmp_path: Path, script: str | None, detail: str, remedy: str
) -> None:
    """It is optional, so nothing about it keeps a run from its start."""
    tiny.service("front")
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    if script is not None:
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    check = found(tiny, PATH=str(program.parent))["Docker"]

    assert check.ok
    assert detail in check.detail
    assert remedy in check.remedy


def test_what_a_part_lacks_is_no_reason_against_a_run(tiny: Tiny, tmp_path: Path) -> None:
    """Where there is no MariaDB, the scenarios that need it are named, and the command that brings it."""
    tiny.service("front")

    check = found(tiny, PATH=str(tmp_path))["mysql"]

    assert check.ok
    assert check.detail == "not here; only for scenarios that need catalog (mysql, catalog)"
    assert "make components" in check.remedy
