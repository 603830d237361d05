"""A run is judged from its folder and from what was observed; a damaged folder is named, not judged."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from chaos.errors import RunFolderError
from chaos.judging.conclude import conclude
from chaos.observed import Observed
from chaos.records import read_probes, read_requests
from chaos.run import Run
from chaos.run_folder import RunFolder
from tests.unit.report.synthetic import SLOW, books, scenario, windows, write_folder


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(write_folder(tmp_path / "run", SLOW))


def concluded(folder: RunFolder) -> Run:
    observed = Observed(
        fault_windows=list(windows(SLOW)),
        probes=read_probes(folder.probes_csv),
        ledger=books(SLOW, read_requests(folder.requests_csv)) if folder.requests_csv.exists() else {},
        arrivals=len({one.seq for one in read_requests(folder.requests_csv)}),
        memory_peak_mib=900.0,
        memory_kind="pss",
    )
    return conclude(
        scenario(SLOW), observed, folder, seed=SLOW.seed, started_at=datetime(2026, 11, 25, tzinfo=UTC),
        root=folder.path, repeat="",
    )  # fmt: skip


def doubts(run: Run) -> dict[str, str]:
    return {piece.name: piece.detail for piece in run.evidence if not piece.holds}


def test_a_folder_is_judged_with_the_calls_that_its_services_counted(folder: RunFolder) -> None:
    run = concluded(folder)

    assert doubts(run) == {}
    assert (run.verdict.word, run.resources.memory_kind) == ("CONFIRMED", "pss")


def test_a_folder_without_samples_does_not_show_that_the_load_met_the_fault(folder: RunFolder) -> None:
    for damage in (lambda: folder.metrics_jsonl.write_bytes(b"no gzip"), folder.metrics_jsonl.unlink):
        damage()
        run = concluded(folder)

        assert list(doubts(run)) == ["link_used"]
        assert run.verdict.word == "NOT PROVEN"


def judged_badly(folder: RunFolder, observed: Observed) -> str:
    with pytest.raises(RunFolderError) as caught:
        conclude(
            scenario(SLOW), observed, folder, seed=7, started_at=datetime(2026, 11, 25, tzinfo=UTC),
            root=folder.path, repeat="",
        )  # fmt: skip
    return str(caught.value)


def test_damaged_requests_are_named_with_file_and_row(folder: RunFolder) -> None:
    rows = folder.requests_csv.read_text().splitlines(keepends=True)
    folder.requests_csv.write_text("".join(rows[:10]) + rows[10][:30])

    said = judged_badly(folder, Observed())
    assert f"{folder.requests_csv}: damaged, row 11: is cut: no " in said
    assert said.endswith("; run the scenario again")


def test_requests_that_are_not_there_are_named(folder: RunFolder) -> None:
    folder.requests_csv.unlink()

    assert "requests.csv: cannot be read: No such file" in judged_badly(folder, Observed())
