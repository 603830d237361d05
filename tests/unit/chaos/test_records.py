"""Records come back as they were written, and a damaged or cut file says which row is wrong and how."""

import csv
from pathlib import Path

import pytest

from chaos.records import COLUMNS, PROBE_COLUMNS, Probe, Request, parse_row, probe_rows, read_probes, read_requests

GOOD = {
    "arm": "naive",
    "kind": "checkout",
    "seq": "7",
    "intended_s": "0.5",
    "lag_ms": "0.1",
    "latency_ms": "20.5",
    "status": "201",
    "outcome": "answered",
    "key": "7-1-naive",
    "order_id": "order-1",
    "retry_after_s": "",
    "stale": "0",
}


def written(path: Path, *rows: str, header: str = ",".join(COLUMNS)) -> Path:
    path.write_text("".join(f"{line}\n" for line in (header, *rows)), encoding="utf-8")
    return path


def row(**changes: str) -> str:
    return ",".join({**GOOD, **changes}.values())


def damage(path: Path) -> str:
    with pytest.raises(ValueError, match=r"^row \d+: ") as caught:
        read_requests(path)
    return str(caught.value)


def test_a_row_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = written(tmp_path / "requests.csv", row(), row(outcome="refused", status="503", retry_after_s="2", stale="1"))

    assert read_requests(path) == [
        Request("naive", "checkout", 7, 0.5, 0.1, 20.5, 201, "answered", "7-1-naive", "order-1", None, stale=False),
        Request("naive", "checkout", 7, 0.5, 0.1, 20.5, 503, "refused", "7-1-naive", "order-1", 2.0, stale=True),
    ]


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("arm", ""), ("arm", "Naive"), ("arm", "naive "), ("kind", "check"), ("outcome", "answer"), ("seq", "x"),
        ("seq", "1.5"), ("seq", ""), ("intended_s", "nan"), ("lag_ms", "inf"), ("latency_ms", "-inf"),
        ("latency_ms", ""), ("status", "2o1"), ("retry_after_s", "soon"), ("stale", ""), ("stale", "2"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_is_named_with_its_row_and_column(tmp_path: Path, column: str, text: str) -> None:
    path = written(tmp_path / "requests.csv", row(), row(**{column: text}), row())

    assert damage(path).startswith(f"row 3: {column}: '{text}' ")


@pytest.mark.parametrize("columns", range(1, len(COLUMNS)))
def test_a_row_that_was_cut_is_named(tmp_path: Path, columns: int) -> None:
    path = written(tmp_path / "requests.csv", row(), ",".join(list(GOOD.values())[:columns]))

    assert damage(path) == f"row 3: is cut: no {COLUMNS[columns]}"


def test_a_row_with_too_many_values_is_named(tmp_path: Path) -> None:
    assert "row 2: has more values" in damage(written(tmp_path / "requests.csv", f"{row()},1"))


@pytest.mark.parametrize("header", ["", "arm,kind", ",".join(reversed(COLUMNS))])
def test_a_file_with_other_columns_is_no_record(tmp_path: Path, header: str) -> None:
    assert "the columns must be arm,kind," in damage(written(tmp_path / "requests.csv", row(), header=header))


def test_a_file_that_is_not_text_is_no_record(tmp_path: Path) -> None:
    path = written(tmp_path / "requests.csv", row())
    path.write_bytes(path.read_bytes() + b"\xff\xfe\n")

    assert "utf-8" in damage(path)


def test_a_file_that_is_empty_is_damaged_and_one_with_its_header_alone_has_no_rows(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()

    assert "row 0" in damage(tmp_path / "empty.csv")
    assert read_requests(written(tmp_path / "requests.csv")) == []


def test_a_row_alone_is_checked_as_well() -> None:
    """The live view reads rows one by one."""
    assert parse_row(GOOD).seq == 7
    with pytest.raises(ValueError, match="no seq"):
        parse_row({**GOOD, "seq": None})  # type: ignore[dict-item]


def test_probes_are_read_as_they_were_written_and_damage_is_named(tmp_path: Path) -> None:
    probes = [Probe(0.25, "naive", "orders_to_postgres", 0.5), Probe(0.5, "naive", "x_to_y", None, "refused, twice")]
    path = tmp_path / "probes.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([PROBE_COLUMNS, *probe_rows(probes)])

    assert read_probes(path) == probes
    path.write_text(path.read_text(encoding="utf-8") + "0.75,naive\n", encoding="utf-8")
    with pytest.raises(ValueError, match="row 4: is cut: no link"):
        read_probes(path)
