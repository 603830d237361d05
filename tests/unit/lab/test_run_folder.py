"""A run's folder: made, kept, named latest, found again - and clear words where it cannot be."""

import errno
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from chaos.errors import RunFolderError
from chaos.records import Probe, read_probes
from chaos.run_folder import RunFolder, find_run
from tests.unit.chaos.builders import scenario

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path, "slow-db", AT)


def finished(runs: Path, name: str, hour: int) -> RunFolder:
    made = RunFolder.create(runs, name, AT.replace(hour=hour))
    made.run_json.write_text("{}")
    made.make_latest()
    return made


def test_a_folder_is_named_after_its_scenario_and_the_time(folder: RunFolder, tmp_path: Path) -> None:
    assert folder.path == tmp_path / "slow-db" / "2026-01-02T030405Z"
    assert folder.logs.is_dir()


def test_a_file_in_the_way_is_named_and_kept(tmp_path: Path) -> None:
    in_the_way = tmp_path / "runs"
    in_the_way.write_text("mine")
    with pytest.raises(RunFolderError, match="--runs") as refused:
        RunFolder.create(in_the_way, "slow-db", AT)
    assert str(in_the_way) in str(refused.value)
    assert in_the_way.read_text() == "mine"


def test_too_little_room_is_refused_and_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(1, 1, 99 * 2**20))
    with pytest.raises(RunFolderError, match="99 MiB"):
        RunFolder.create(tmp_path, "slow-db", AT)
    assert not list(tmp_path.rglob("*Z"))


def test_a_folder_in_which_nothing_ran_is_taken_away(folder: RunFolder, tmp_path: Path) -> None:
    folder.write_scenario(scenario(), None)
    with folder.kept_if_used():
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_a_log_is_kept_whatever_happens(folder: RunFolder) -> None:
    (folder.logs / "orders-a.log").write_text("why")
    with pytest.raises(ValueError, match="odd"), folder.kept_if_used():
        raise ValueError("odd")
    assert (folder.logs / "orders-a.log").read_text() == "why"


def test_a_full_disk_is_told_as_such(folder: RunFolder) -> None:
    with pytest.raises(RunFolderError, match="No space left"), folder.kept_if_used():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_an_error_of_the_network_is_not_told_as_one_of_the_disk(folder: RunFolder) -> None:
    with pytest.raises(ConnectionRefusedError), folder.kept_if_used():
        raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")


def test_latest_moves_to_the_newest_finished_run(tmp_path: Path) -> None:
    first = finished(tmp_path, "slow-db", 1)
    latest = tmp_path / "slow-db" / "latest"
    assert latest.resolve() == first.path
    RunFolder.create(tmp_path, "slow-db", AT.replace(hour=2))
    assert latest.resolve() == first.path
    assert finished(tmp_path, "slow-db", 3).path == latest.resolve()


def test_a_run_is_found_by_path_scenario_and_time(tmp_path: Path) -> None:
    old, new = finished(tmp_path, "slow-db", 1), finished(tmp_path, "slow-db", 2)
    newest = finished(tmp_path, "healthy", 3)
    assert find_run(tmp_path, None).path == newest.path
    assert find_run(tmp_path, "slow-db").path == new.path
    assert find_run(tmp_path, f"slow-db/{old.path.name}").path == old.path
    assert find_run(tmp_path, str(old.path)).path == old.path


def test_a_run_that_is_not_there_lists_what_is(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="none yet"):
        find_run(tmp_path, None)
    finished(tmp_path, "healthy", 1)
    with pytest.raises(RunFolderError, match=r"slow-db: no finished run of that name\. Finished: healthy"):
        find_run(tmp_path, "slow-db")


def test_probes_are_read_as_they_were_written(folder: RunFolder) -> None:
    probes = [
        Probe(1.5, "naive", "orders_to_postgres", 0.75),
        Probe(-0.25, "naive", "x_to_y", None, "connect: refused"),
    ]
    folder.write_probes(probes)
    assert read_probes(folder.probes_csv) == probes
