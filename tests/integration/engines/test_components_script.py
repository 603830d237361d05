"""`make components`: brings what the machine's tools can, says what it could not bring, and why."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.engines.tiny import REPOSITORY

pytestmark = pytest.mark.integration

# What every machine has; the tools that bring something are each test's own.
TOOLS = ("sh", "dirname", "tail", "sed", "rm", "mkdir", "mv", "cp", "cat", "chmod")
GO = '[ "$1" = version ] || { echo built > "$GOBIN/server"; }'
# Maven copies jars to where it is told; java says the version of what it is given.
MVN = """
for word in "$@"; do
  case "$word" in -DoutputDirectory=*) into="${word#*=}"; mkdir -p "$into"; echo jar > "$into/a.jar";; esac
done
"""
JAVA = "echo 4.1.1"
PROGRAM = "#!/bin/sh\\necho prometheus, version 2.42.0\\n"
APT = '[ "$1" = --version ] || case "$*" in *download*) echo package > prometheus_1_all.deb;; esac'
DPKG = f"""
[ "$1" = --version ] && exit
mkdir -p "$3/usr/bin"
printf "{PROGRAM}" > "$3/usr/bin/prometheus"
chmod +x "$3/usr/bin/prometheus"
"""


class Machine:
    """A checkout in a folder with spaces, and a PATH with the tools that a test gives."""

    def __init__(self, folder: Path, **tools: str) -> None:
        self.root = folder / "a lab of mine"
        (self.root / "scripts").mkdir(parents=True)
        shutil.copy(REPOSITORY / "scripts" / "components.sh", self.root / "scripts")
        self.lab = self.root / ".lab"
        self._path = folder / "bin"
        self._path.mkdir()
        for name in TOOLS:
            (self._path / name).symlink_to(shutil.which(name) or "")
        for name, script in tools.items():
            program = self._path / name.replace("_", "-")
            program.write_text(f"#!/bin/sh\n{script}\n")
            program.chmod(0o755)

    def bring(self) -> tuple[int, str]:
        """Return exit code and output of the script."""
        done = subprocess.run(
            [self._path / "sh", "scripts/components.sh"],
            cwd=self.root, env={"PATH": str(self._path), "HOME": os.environ.get("HOME", "/")},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout


def test_all_are_brought_where_all_tools_are(tmp_path: Path) -> None:
    """Toxiproxy, Kafka and Prometheus lie where the lab looks for them; nothing else stays."""
    machine = Machine(tmp_path, go=GO, mvn=MVN, java=JAVA, apt_get=APT, dpkg_deb=DPKG)

    code, said = machine.bring()

    assert code == 0, said
    assert {path.name for path in machine.lab.iterdir()} == {"bin", "kafka", "prometheus"}
    assert [path.name for path in (machine.lab / "kafka" / "libs").iterdir()] == ["a.jar"]
    assert (machine.lab / "bin" / "toxiproxy-server").exists()
    assert (machine.lab / "prometheus" / "usr" / "bin" / "prometheus").exists()
    assert machine.bring()[0] == 0


@pytest.mark.parametrize(
    ("tools", "missing", "there"),
    [
        ({"go": GO}, "Prometheus: not brought.\n  apt-get is not here.", "bin/toxiproxy-server"),
        ({"apt_get": APT, "dpkg_deb": DPKG}, "Toxiproxy: not brought.\n  Go is not on the path.", "prometheus"),
        (
            {"go": GO, "apt_get": '[ "$1" = --version ] || { echo E: no network; exit 100; }', "dpkg_deb": DPKG},
            "Prometheus: not brought.\n  E: no network",
            "bin/toxiproxy-server",
        ),
        (
            {"go": '[ "$1" = version ] || { echo no such host; exit 1; }', "apt_get": APT, "dpkg_deb": DPKG},
            "Toxiproxy: not brought.\n  no such host",
            "prometheus",
        ),
        ({"go": GO, "java": JAVA}, "Kafka: not brought.\n  Java and Maven are not both", "bin/toxiproxy-server"),
        (
            {"go": GO, "java": JAVA, "mvn": '[ "$1" = -version ] || { echo no such host; exit 1; }'},
            "Kafka: not brought.\n  no such host",
            "bin/toxiproxy-server",
        ),
        (
            {"go": GO, "mvn": MVN, "java": '[ "$1" = -version ] || { echo no such class; exit 1; }'},
            "Kafka: not brought.\n  no such class",
            "bin/toxiproxy-server",
        ),
    ],
)
def test_one_is_brought_and_the_other_named(tmp_path: Path, tools: dict[str, str], missing: str, there: str) -> None:
    """A tool that is absent or fails stops only what it would have brought."""
    machine = Machine(tmp_path, **tools)

    code, said = machine.bring()

    assert code == 0
    assert missing in said
    assert (machine.lab / there).exists()


def test_a_machine_without_either_is_told_so(tmp_path: Path) -> None:
    machine = Machine(tmp_path)

    code, said = machine.bring()

    assert code == 1
    assert said.count("not brought.") == 4


def test_what_is_there_stays_where_a_second_try_fails(tmp_path: Path) -> None:
    """Without a network the Prometheus of the last time is kept."""
    machine = Machine(tmp_path, apt_get='[ "$1" = --version ] || exit 100', dpkg_deb=DPKG)
    old = machine.lab / "prometheus" / "usr" / "bin" / "prometheus"
    old.parent.mkdir(parents=True)
    old.touch()

    assert machine.bring()[0] == 1
    assert old.exists()
    assert not (machine.lab / "apt").exists()


def test_the_kafka_that_is_there_stays_where_a_second_try_fails(tmp_path: Path) -> None:
    machine = Machine(tmp_path, java=JAVA, mvn='[ "$1" = -version ] || exit 1')
    old = machine.lab / "kafka" / "libs" / "old.jar"
    old.parent.mkdir(parents=True)
    old.touch()

    assert machine.bring()[0] == 1
    assert old.exists()
    assert not (machine.lab / "kafka.part").exists()


def test_a_prometheus_on_the_path_is_enough(tmp_path: Path) -> None:
    machine = Machine(tmp_path, prometheus="echo version 3.5.0")

    code, said = machine.bring()

    assert code == 0
    assert "on the path already" in said
