"""Exit codes: a verdict's are the verdict's alone, so that nothing else is ever read as one."""

from argparse import Namespace

import pytest

from chaos import commands
from chaos.cli import DEFECT, main
from chaos.errors import LabError
from chaos.interrupt import Interrupted
from chaos.run import EXIT_CODES

VERDICTS = set(EXIT_CODES.values())


def ending(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    """Return the exit code of a command that raises `error`."""

    def raising(_options: Namespace) -> int:
        raise error

    monkeypatch.setattr(commands, "list_scenarios", raising)
    return main(["list"])


def test_a_defect_of_the_lab_keeps_its_traceback_and_is_no_verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ending(monkeypatch, KeyError("odd")) == DEFECT
    assert DEFECT not in VERDICTS
    assert "Traceback" in capsys.readouterr().err


def test_what_a_user_can_put_right_is_said_in_its_own_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ending(monkeypatch, LabError("the disk is full")) == 3
    assert capsys.readouterr().err == "lab: the disk is full\n"


def test_an_interrupted_command_ends_as_its_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ending(monkeypatch, Interrupted(15)) == 143


@pytest.mark.parametrize("words", [[], ["run"], ["nonsense"], ["run", "slow-db", "--seed", "-1"]])
def test_a_wrong_command_line_is_no_verdict(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The code that argparse gives it is 2, which is NOT PROVEN."""
    assert main(words) == 3
    assert "usage: lab" in capsys.readouterr().err


@pytest.mark.parametrize(("typed", "meant"), [("statsu", "status"), ("docter", "doctor"), ("validat", "validate")])
def test_a_mistyped_command_names_the_nearest(typed: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--runs", "runs", typed]) == 3
    assert f"did you mean `lab {meant}`?" in capsys.readouterr().err
