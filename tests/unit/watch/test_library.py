"""Scenarios and runs as they lie in the checkout; nothing outside a run's folder is ever shown."""

import json
from pathlib import Path

import pytest

from chaos.errors import UsageError
from chaos.watch.library import Library, t0_of

OLD, NEW = "2026-11-25T100000Z", "2026-11-25T110000Z"
RUN_JSON = {
    "verdict": {"word": "REFUTED"}, "seed": 7, "scenario": {"arms": [{"name": "naive"}]},
    "timeline": [{"phase": "recovery", "to_s": 60}, {"phase": "ledger", "to_s": 70}],
    "fault_windows": [{"title": "slow", "from_s": 18, "to_s": 38}],
}  # fmt: skip


@pytest.fixture
def library(tmp_path: Path) -> Library:
    for time in (OLD, NEW):
        folder = tmp_path / "runs" / "slow-db" / time
        (folder / "logs").mkdir(parents=True)
        (folder / "scenario.yaml").write_text("question: Why?\n")
        (folder / "logs" / "bank-a.log").write_text("log")
        (folder / "load.go").write_text('{"t0": 5.5}')
    (tmp_path / "runs" / "slow-db" / OLD / "run.json").write_text(json.dumps(RUN_JSON))
    (tmp_path / "runs" / "slow-db" / "latest").symlink_to(OLD)
    (tmp_path / "runs" / "load" / NEW).mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret")
    return Library(tmp_path, tmp_path / "runs")


def test_runs_are_listed_newest_first_those_without_a_verdict_too(library: Library) -> None:
    """`latest` is no run of its own, and what `make load` leaves is none."""
    assert [(one["run"], one["verdict"]) for one in library.runs()] == [
        (f"slow-db/{NEW}", None),
        (f"slow-db/{OLD}", "REFUTED"),
    ]


def test_a_finished_run_tells_when_its_faults_were_in_force_and_how_long_it_went(library: Library) -> None:
    told = library.told(library.folder(f"slow-db/{OLD}"))

    assert told is not None
    assert (told.bands, told.end_s, told.arms) == ((("slow", 18, 38),), 60, ("naive",))
    assert t0_of(library.folder(f"slow-db/{OLD}")) == 5.5


def test_a_run_that_ends_while_the_page_is_open_gets_its_verdict(library: Library, tmp_path: Path) -> None:
    assert library.runs()[0]["verdict"] is None
    (tmp_path / "runs" / "slow-db" / NEW / "run.json").write_text(json.dumps(RUN_JSON))

    assert library.runs()[0]["verdict"] == "REFUTED"


@pytest.mark.parametrize(
    "run", ["", "slow-db", "slow-db/latest", f"../{OLD}", f"slow-db/../slow-db/{OLD}", f"slow-db/{OLD}/..",
            "slow-db/..",
            f"/slow-db/{OLD}", f"slow-db/{NEW[:-1]}", f".hidden/{OLD}", f"slow db/{OLD}", f"slow-db/{OLD}\n"],
)  # fmt: skip
def test_a_name_that_is_no_run_is_refused(library: Library, run: str) -> None:
    with pytest.raises(UsageError):
        library.folder(run)


@pytest.mark.parametrize(
    "name", ["../../../secret.txt", "logs/../scenario.yaml", "logs/x.log", "load.go", "logs", "", "metrics.jsonl.gz"]
)
def test_a_file_that_is_not_meant_to_be_read_is_refused(library: Library, name: str) -> None:
    with pytest.raises(UsageError):
        library.file(f"slow-db/{OLD}", name)


def test_reports_and_logs_are_shown(library: Library) -> None:
    assert library.file(f"slow-db/{OLD}", "logs/bank-a.log").read_text() == "log"
    assert library.file(f"slow-db/{OLD}", "run.json").name == "run.json"
