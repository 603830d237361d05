"""What the lab says to what it cannot do: a clear line, exit code 3, nothing left running, earlier runs untouched."""

import socket
from pathlib import Path

import pytest

from tests.system.lab import ROOT, lab, marked

pytestmark = pytest.mark.system


def refused(*words: str, runs: Path) -> str:
    """Run the lab, which must refuse; returns what it said."""
    ended = lab(*words, runs=runs)
    assert ended.code == 3, ended.output
    assert "Traceback" not in ended.output
    assert marked() == []
    return ended.output


def test_an_unknown_scenario_names_the_nearest(tmp_path: Path) -> None:
    assert "slow-db" in refused("run", "slow-bd", runs=tmp_path)


def test_an_unknown_command_names_the_nearest(tmp_path: Path) -> None:
    assert "lab status" in refused("statsu", runs=tmp_path)


def test_a_malformed_file_is_named_with_line_and_field(tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text("question: Why?\narms: [naive]\nload: {checkout_per_s: lots, browse_per_s: 1}\n")
    said = refused("validate", str(file), runs=tmp_path)
    assert f"{file}:3" in said
    assert "checkout_per_s" in said


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("{arm: nave, phase: fault, figure: checkout.p95_ms, at_most: 1}", "naive"),
        ("{arm: naive, phase: fault, figure: checkout.p95, at_most: 1}", "checkout.p95_ms"),
    ],
)
def test_an_expectation_about_nothing_is_refused(line: str, named: str, tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    load = "load: {checkout_per_s: 1, browse_per_s: 1}"
    file.write_text(f"question: Why?\narms: [naive]\n{load}\nexpect:\n  - {line}\n")
    said = refused("run", str(file), runs=tmp_path)
    assert f"{file}:5" in said
    assert named in said


def test_a_taken_port_names_who_holds_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 18110)):
        said = refused("run", "healthy", runs=tmp_path)
    assert "18110" in said
    assert "pid" in said


def test_a_missing_component_names_what_brings_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_TOXIPROXY", str(tmp_path / "toxiproxy-server"))
    said = refused("run", "healthy", runs=tmp_path)
    assert "toxiproxy" in said
    assert "make components" in said


def test_runs_that_cannot_be_written_are_refused_before_anything_starts(tmp_path: Path) -> None:
    file = tmp_path / "runs"
    file.write_text("in the way")
    assert str(file) in refused("run", "healthy", runs=file)
    assert file.read_text() == "in the way"


def test_a_file_that_is_right_is_said_to_be(tmp_path: Path) -> None:
    """That each file of the lab's own is, is asked in tests/unit/chaos."""
    ended = lab("validate", str(ROOT / "chaos" / "scenarios" / "slow-db.yaml"), runs=tmp_path)
    assert (ended.code, "1 faults" in ended.output) == (0, True)


def test_where_no_lab_is_up_status_says_so(tmp_path: Path) -> None:
    ended = lab("status", runs=tmp_path)
    assert (ended.code, ended.output) == (1, "no lab is up\n")
