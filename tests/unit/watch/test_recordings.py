"""A run's file is read as it grows; tables keep what they are given, and forget what is too old."""

from pathlib import Path

import pytest

from chaos.engines.state import ChildState, LabState
from chaos.recording import metrics_file
from chaos.recording.metrics_file import Scrape
from chaos.watch.promql import Evaluator
from chaos.watch.promql.database import Table
from chaos.watch.recordings import RunRecording, doors
from tests.unit.watch.samples import at

T0_S = 1_000.0


def scrape(t: float, value: float | None, **buckets: int) -> Scrape:
    samples = None if value is None else {'calls_total{arm="naive"}': value, 'wait_count{arm="naive"}': value}
    return Scrape(t, "gateway", "naive", samples, buckets={'wait{arm="naive"}': buckets} if buckets else None)


def names(recording: RunRecording, query: str, at_s: float) -> dict[str, float]:
    return at(Evaluator(recording.database), query, round(at_s * 1_000))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.jsonl.gz"


def test_what_is_appended_is_read_once(path: Path) -> None:
    recording = RunRecording(path, T0_S)
    recording.update()
    metrics_file.append(path, [scrape(-0.5, 1)])
    recording.update()
    metrics_file.append(path, [scrape(0.0, 2), scrape(0.5, 3)])
    recording.update()
    recording.update()

    (table,) = recording.database
    assert table.times.tolist() == [999_500, 1_000_000, 1_000_500]
    assert names(recording, "sum by (arm, job, instance) (calls_total)", 1_000.6) == {
        "arm=naive,instance=gateway-naive,job=shop": 3
    }


def test_half_a_line_waits_for_its_other_half(path: Path) -> None:
    metrics_file.append(path, [scrape(0, 1)])
    metrics_file.append(path, [scrape(1, 2)])
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    recording = RunRecording(path, T0_S)
    recording.update()
    assert names(recording, "sum(calls_total)", 1_001) == {"": 1}

    path.write_bytes(whole)
    recording.update()
    assert names(recording, "sum(calls_total)", 1_001) == {"": 2}


def test_a_missed_scrape_ends_every_series_until_the_next(path: Path) -> None:
    metrics_file.append(path, [scrape(0, 1, **{"1.0": 1, "+Inf": 0}), scrape(1, None), scrape(2, 5)])
    recording = RunRecording(path, T0_S)
    recording.update()

    assert [len(names(recording, "calls_total", 1_000 + t)) for t in (0.5, 1.5, 2.5)] == [1, 0, 1]
    assert [len(names(recording, "wait_bucket", 1_000 + t)) for t in (0.5, 1.5)] == [2, 0]


def test_buckets_are_carried_forward_and_added_up(path: Path) -> None:
    rows = [scrape(0, 3, **{"0.1": 1, "1.0": 2, "+Inf": 0}), scrape(1, 4, **{"0.1": 2})]
    metrics_file.append(path, rows)
    recording = RunRecording(path, T0_S)
    recording.update()

    assert names(recording, "sum by (le) (wait_bucket)", 1_001) == {"le=0.1": 2, "le=1.0": 4, "le=+Inf": 4}


def test_a_run_recorded_without_buckets_is_read_too(path: Path) -> None:
    metrics_file.append(path, [scrape(0, 1)])
    recording = RunRecording(path, T0_S)
    recording.update()

    assert names(recording, "wait_bucket", 1_000) == {}


def test_a_file_that_is_none_is_empty(path: Path) -> None:
    path.write_bytes(b"no gzip at all")
    recording = RunRecording(path, T0_S)
    recording.update()

    assert recording.database.span_ms() is None


def test_a_table_grows_in_both_directions() -> None:
    table = Table({})
    for number in range(600):
        table.add(number, {f'one{{n="{series}"}}': series for series in range(number % 100 + 1)})

    assert table.values.shape == (100, 600)
    assert table.values[99, 599] == 99
    assert table.values[99, 100] != table.values[99, 100]


def test_a_scrape_that_is_not_later_is_left_out() -> None:
    table = Table({})
    table.add(5, {"one": 1.0})
    table.add(5, {"one": 2.0})

    assert table.values.tolist() == [[1.0]]


def test_what_is_too_old_is_forgotten_once_it_is_the_greater_part() -> None:
    table = Table({})
    for number in range(10):
        table.add(number, {"one": float(number)})
    table.forget_before(5)
    assert len(table.times) == 10
    table.forget_before(7)
    table.add(10, {"one": 10.0})

    assert table.times.tolist() == [7, 8, 9, 10]
    assert table.values.tolist() == [[7, 8, 9, 10]]


def test_the_doors_of_a_lab_are_its_services() -> None:
    def child(name: str, arm: str | None, url: str | None) -> ChildState:
        return ChildState(name=name, pid=1, started="x", orphan_signal="SIGKILL", arm=arm, url=url)

    state = LabState(
        pid=1, started="x", mark="m", ready=True, log_dir="logs",
        children=(
            child("gateway-a", "naive", "http://a"), child("relay", None, "http://r"), child("redis", None, None),
        ),
    )  # fmt: skip

    assert [(one.service, one.arm, one.url) for one in doors(state)] == [
        ("gateway", "naive", "http://a"),
        ("relay", None, "http://r"),
    ]
