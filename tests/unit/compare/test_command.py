"""`lab compare-handlers`: what it runs, what it leaves, how it ends. The runs themselves are made up."""

import re
from argparse import Namespace
from pathlib import Path

import pytest

from chaos.cli import main
from chaos.compare import command
from chaos.run import EXIT_CODES, Word
from tests.unit.compare.handler_runs import ROOT, write_folder


def made_up(monkeypatch: pytest.MonkeyPatch, runs: Path, words: dict[str, Word]) -> list[Namespace]:
    """Let each scenario end with its word instead of running; a scenario without one is interrupted."""
    asked: list[Namespace] = []

    def run(options: Namespace) -> int:
        asked.append(options)
        if options.name not in words:
            return 130
        write_folder(runs, options.name, words[options.name])
        return EXIT_CODES[words[options.name]]

    monkeypatch.setattr(command, "run", run)
    return asked


def compare(runs: Path, *more: str) -> int:
    return main(["--root", str(ROOT), "--runs", str(runs), "compare-handlers", *more])


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("CONFIRMED", "CONFIRMED"), 0),
        (("CONFIRMED", "NOT PROVEN"), 2),
        (("NOT PROVEN", "CONFIRMED"), 2),
        (("NOT PROVEN", "REFUTED"), 1),
        (("REFUTED", "CONFIRMED"), 1),
    ],
)
def test_the_exit_code_is_the_worse_verdicts(
    monkeypatch: pytest.MonkeyPatch,
    runs: Path,
    capsys: pytest.CaptureFixture[str],
    words: tuple[Word, Word],
    code: int,
) -> None:
    asked = made_up(monkeypatch, runs, dict(zip(command.SCENARIOS, words, strict=True)))

    assert compare(runs, "--seed", "9") == code
    assert [(one.name, one.seed, one.sets, one.arms) for one in asked] == [
        ("sync-vs-async", 9, [], None),
        ("blocking-call", 9, [], None),
    ]
    said = capsys.readouterr().out
    assert f"sync-vs-async: {words[0]}" in said
    assert f"blocking-call: {words[1]}" in said


def test_the_page_is_the_latest_and_its_links_lead_to_both_reports(monkeypatch: pytest.MonkeyPatch, runs: Path) -> None:
    made_up(monkeypatch, runs, dict.fromkeys(command.SCENARIOS, "CONFIRMED"))
    assert compare(runs) == 0

    page = runs / "compare-handlers" / "latest" / "report.html"
    links = [link for link in re.findall(r'href="([^"]+)"', page.read_text()) if link.endswith(".html")]
    assert [(page.resolve().parent / link).read_text() for link in links] == ["the full report\n"] * 2
    assert [entry.name for entry in page.parent.iterdir()] == ["report.html"]


def test_an_interrupted_run_ends_the_comparison(monkeypatch: pytest.MonkeyPatch, runs: Path) -> None:
    asked = made_up(monkeypatch, runs, {"blocking-call": "CONFIRMED"})

    assert compare(runs) == 130
    assert [one.name for one in asked] == ["sync-vs-async"]
    assert not (runs / "compare-handlers").exists()


def test_ctrl_c_between_two_runs_is_an_interruption(
    monkeypatch: pytest.MonkeyPatch, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(_options: Namespace) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "run", run)

    assert compare(runs) == 130
    assert capsys.readouterr().err == "lab: stopped by SIGINT; nothing is left running\n"


def test_a_scenario_that_is_not_there_is_told_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = made_up(monkeypatch, runs, {})
    (tmp_path / "compose.yaml").write_text("services: {}\n")

    assert main(["--root", str(tmp_path), "compare-handlers"]) == 3
    assert "sync-vs-async" in capsys.readouterr().err
    assert asked == []


@pytest.mark.parametrize("words", [["--seed", "-1"], ["--seed", "x"], ["slow-db"]])
def test_a_wrong_option_is_no_verdict(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare-handlers", *words]) == 3
    assert "usage: lab" in capsys.readouterr().err
