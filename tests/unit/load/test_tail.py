"""requests.csv read while it grows."""

from pathlib import Path

import pytest

from chaos.recording.tail import FLUSH_LAG_S, LiveFigures, Tail

HEADER = "arm,kind,seq,intended_s,lag_ms,latency_ms,status,outcome,key,order_id,retry_after_s,stale\n"


def row(
    seq: int,
    intended_s: float,
    latency_ms: float,
    *,
    arm: str = "naive",
    kind: str = "browse",
    outcome: str = "answered",
) -> str:
    return f"{arm},{kind},{seq},{intended_s},0.5,{latency_ms},200,{outcome},,,,0\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "requests.csv"


def grow(path: Path, text: str) -> None:
    with path.open("a", newline="") as file:
        file.write(text)


def test_a_file_that_is_not_there_yet_has_no_rows(path: Path) -> None:
    assert Tail(path, in_time_s=1).read() == []


def test_each_row_is_read_once(path: Path) -> None:
    tail = Tail(path, in_time_s=1)
    grow(path, HEADER)
    assert tail.read() == []
    grow(path, row(0, 0.1, 5) + row(1, 0.2, 5))
    assert [request.seq for request in tail.read()] == [0, 1]
    grow(path, row(2, 0.3, 5))
    assert [request.seq for request in tail.read()] == [2]
    assert tail.read() == []


def test_header_and_rows_may_come_at_once(path: Path) -> None:
    grow(path, HEADER + row(0, 0.1, 5))

    assert [request.seq for request in Tail(path, in_time_s=1).read()] == [0]


@pytest.mark.parametrize("cut", range(1, len(row(1, 0.2, 5))))
def test_a_row_that_is_half_written_waits_for_its_end(path: Path, cut: int) -> None:
    tail = Tail(path, in_time_s=1)
    half = row(1, 0.2, 5)
    grow(path, HEADER + row(0, 0.1, 5) + half[:cut])
    assert [request.seq for request in tail.read()] == [0]
    grow(path, half[cut:])
    assert [request.seq for request in tail.read()] == [1]


def test_a_half_written_header_is_no_row(path: Path) -> None:
    tail = Tail(path, in_time_s=1)
    grow(path, HEADER[:20])
    assert tail.read() == []
    grow(path, HEADER[20:] + row(0, 0.1, 5))
    assert [request.seq for request in tail.read()] == [0]


def test_the_last_second_counts_what_ended_in_it_and_was_in_time(path: Path) -> None:
    now_s = 10 + FLUSH_LAG_S
    grow(
        path,
        HEADER
        + row(0, 8.99, 5)  # ended before
        + row(1, 9.1, 5)
        + row(2, 5.0, 4_500)  # ended within, too late
        + row(3, 9.2, 20)
        + row(4, 9.3, 10, outcome="refused")
        + row(5, 9.4, 0, outcome="skipped")
        + row(6, 9.5, 30, arm="protected", kind="checkout"),
    )

    assert Tail(path, in_time_s=1).last_second(now_s) == {
        ("naive", "browse"): LiveFigures(in_time_per_s=2.0, p95_ms=4_500.0),
        ("protected", "checkout"): LiveFigures(in_time_per_s=1.0, p95_ms=30.0),
    }


def test_a_row_that_came_early_counts_in_the_second_in_which_it_ended(path: Path) -> None:
    tail = Tail(path, in_time_s=1)
    grow(path, HEADER + row(0, 10.1, 5))

    assert tail.last_second(10.2) == {}
    assert tail.last_second(10.2 + 2 * FLUSH_LAG_S) == {("naive", "browse"): LiveFigures(1.0, 5.0)}
    assert tail.last_second(12) == {}
