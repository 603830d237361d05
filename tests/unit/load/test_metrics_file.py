"""metrics.jsonl.gz keeps what a run has seen, whatever becomes of the run."""

import gzip
import json
from pathlib import Path

import pytest

from chaos.recording.metrics_file import Scrape, append, read

FIRST = Scrape(-1.5, "orders", "naive", {'db_pool_used{arm="naive"}': 3.0})
MISS = Scrape(0.25, "orders", "naive", None, "no answer within 0.4 s")
LAST = Scrape(0.5, "bank", "protected", {})


def test_what_was_appended_is_read_in_its_order(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl.gz"
    append(path, [FIRST, MISS])
    append(path, [LAST])

    assert list(read(path)) == [FIRST, MISS, LAST]


def test_any_gzip_reader_reads_it_as_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl.gz"
    append(path, [FIRST])
    append(path, [MISS])

    with gzip.open(path, "rt") as file:
        assert [json.loads(line) for line in file] == [
            {"t": -1.5, "service": "orders", "arm": "naive", "samples": {'db_pool_used{arm="naive"}': 3.0}},
            {"t": 0.25, "service": "orders", "arm": "naive", "samples": None, "error": "no answer within 0.4 s"},
        ]


def test_appending_nothing_leaves_no_file(tmp_path: Path) -> None:
    append(tmp_path / "metrics.jsonl.gz", [])

    assert not (tmp_path / "metrics.jsonl.gz").exists()


@pytest.mark.parametrize("lost", range(1, 40))
def test_a_member_that_was_cut_short_costs_only_itself(tmp_path: Path, lost: int) -> None:
    path = tmp_path / "metrics.jsonl.gz"
    append(path, [FIRST])
    append(path, [MISS, LAST])
    path.write_bytes(path.read_bytes()[:-lost])

    found = list(read(path))

    assert found[0] == FIRST
    assert found == [FIRST, MISS, LAST][: len(found)]
