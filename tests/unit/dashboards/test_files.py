"""What is committed is what the boards' modules make."""

from pathlib import Path

import pytest

from dashboards.__main__ import HERE, differing, main, write
from dashboards.boards import BOARDS, files


def test_the_committed_files_are_what_the_modules_make() -> None:
    assert differing(HERE) == [], "`make dashboards` writes them again"


def test_the_same_boards_make_the_same_bytes() -> None:
    assert files() == files()


def test_a_changed_file_a_missing_one_and_a_stray_one_are_found_and_mended(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "json/experiment.json").write_text((tmp_path / "json/experiment.json").read_text() + " ")
    (tmp_path / "json/load.json").unlink()
    (tmp_path / "json/gone.json").write_text("{}")
    (tmp_path / "rules.yml").write_bytes(b"\xff")

    assert differing(tmp_path) == ["json/experiment.json", "json/gone.json", "json/load.json", "rules.yml"]
    assert write(tmp_path) == ["json/experiment.json", "json/gone.json", "json/load.json", "rules.yml"]
    assert differing(tmp_path) == []


def test_check_ends_with_0_where_nothing_differs_and_2_for_an_unknown_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0
    assert main(["--chekc"]) == 2
    assert "usage" in capsys.readouterr().err


def test_check_says_which_file_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("dashboards.__main__.HERE", tmp_path)

    assert main(["--check"]) == 1
    assert "dashboards/json/experiment.json is not what" in capsys.readouterr().err
    assert main([]) == 0
    assert main(["--check"]) == 0


def test_a_board_lies_in_a_file_of_its_uid() -> None:
    assert len({board.uid for board in BOARDS}) == len({board.title for board in BOARDS}) == len(BOARDS)
    assert {f"json/{board.uid}.json" for board in BOARDS} == files().keys() - {"rules.yml"}
