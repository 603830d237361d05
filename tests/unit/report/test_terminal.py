"""What a run prints, at a terminal and into a log."""

import io
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.style import Style

from chaos.errors import ScenarioError
from chaos.run import Run
from chaos.run_folder import RunFolder
from chaos.terminal import ArmFrame, LiveFrame, Terminal, open_terminal
from chaos.terminal.ending import arm_line, ending, shown_path
from chaos.terminal.plain import PlainTerminal
from chaos.terminal.redrawn import QuietConsole, RedrawnTerminal
from chaos.terminal.words import Columns, bar, figures, fitting, heading, phase_line, ready_line
from tests.unit.report.conftest import made
from tests.unit.report.synthetic import COMPONENTS, PHASES

NAIVE = ArmFrame("naive", 2, 10_000, 0.77, 3966, 398)
PROTECTED = ArmFrame("protected", 0, 7, 0.997, 23, 0, "open 1.2 s")
FRAME = LiveFrame(41, 63, (NAIVE, PROTECTED))


class Tty(io.StringIO):
    """A stream that passes for a terminal."""

    def isatty(self) -> bool:
        return True


def at_noon() -> datetime:
    return datetime(2026, 11, 25, 12, 0, 1, tzinfo=UTC)


def redrawn(
    width: int = 100, environ: dict[str, str] | None = None, stream: io.StringIO | None = None
) -> tuple[RedrawnTerminal, io.StringIO]:
    stream = stream or Tty()
    env = environ if environ is not None else {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    console = QuietConsole(file=stream, width=width, force_terminal=True, highlight=False, _environ=env)
    return RedrawnTerminal(console, environ=env), stream


@pytest.fixture(autouse=True)
def _fresh_styles() -> None:
    """Forget what rich remembers of a style's codes: it keeps those of the first console of the process."""
    Style.parse.cache_clear()
    Style._add.cache_clear()


def play(terminal: Terminal, run: Run, folder: Path) -> None:
    """A whole run, as the runner tells it."""
    with terminal:
        terminal.starting(run.scenario, run.seed)
        terminal.note("starting postgres")
        terminal.ready(8.4, run.components[:3], 10)
        for name in ("settle", "baseline", "fault", "recovery"):
            terminal.phase(name, *PHASES.window(name))
            terminal.live(FRAME)
        terminal.phase("drain", 63, 78)
        terminal.phase("ledger", 66, 66)
        terminal.finished(run, folder)


def test_a_log_has_one_timed_line_a_phase_and_the_verdict_below(slow: Run, tmp_path: Path) -> None:
    stream = io.StringIO()
    play(PlainTerminal(stream, wall=at_noon), slow, tmp_path)

    lines = stream.getvalue().splitlines()
    assert lines[0] == "12:00:01 slow-db  Does one slow database take the whole shop down?  seed 7"
    assert lines[2] == "12:00:01 ready in 8.4 s   postgres 18.4 · valkey 9.1 · toxiproxy embedded · 10 services"
    assert "12:00:01 fault  18 to 38 s" in lines
    assert "12:00:01 waiting for the last answers, at most 15 s" in lines
    assert "CONFIRMED  6 of 6 expectations hold" in lines
    assert lines[-1] == "  again      make scenario-slow-db SEED=7"


def test_a_log_has_a_live_line_every_five_seconds() -> None:
    stream = io.StringIO()
    terminal = PlainTerminal(stream, wall=at_noon)
    for tick in range(41):
        terminal.live(LiveFrame(tick / 2, 63, (NAIVE,)))

    assert [line.split()[1] for line in stream.getvalue().splitlines()] == ["0", "5", "10", "15", "20"]
    assert "naive: checkout 2 /s 10.0 s, browse 77.0 % 3,966 ms, 398 waiting for db" in stream.getvalue()


def test_a_terminal_shows_bar_and_figures_and_takes_them_away_at_the_end(slow: Run, tmp_path: Path) -> None:
    terminal, stream = redrawn()
    play(terminal, slow, tmp_path)

    shown = stream.getvalue()
    assert "41 s of 63" in shown
    assert "398" in shown
    assert shown.index("41 s of 63") < shown.index("CONFIRMED")
    assert "\x1b[?25h" in shown.rpartition("CONFIRMED")[0], "the cursor is back before the verdict"


def test_arms_have_their_colours_on_a_dark_and_on_a_light_ground(slow: Run, tmp_path: Path) -> None:
    dark, on_dark = redrawn()
    light, on_light = redrawn(environ={"COLORTERM": "truecolor", "TERM": "xterm", "COLORFGBG": "0;15"})
    play(dark, slow, tmp_path)
    play(light, slow, tmp_path)

    assert "38;2;240;138;75m" in on_dark.getvalue()
    assert "38;2;194;82;28m" in on_light.getvalue()


def test_no_color_is_honoured(slow: Run, tmp_path: Path) -> None:
    terminal, stream = redrawn(environ={"NO_COLOR": "1", "TERM": "xterm-256color", "COLORTERM": "truecolor"})
    play(terminal, slow, tmp_path)

    assert "38;2;" not in stream.getvalue()
    assert "CONFIRMED" in stream.getvalue()


def test_eight_colours_are_enough(slow: Run, tmp_path: Path) -> None:
    terminal, stream = redrawn(environ={"TERM": "xterm"})
    play(terminal, slow, tmp_path)

    assert "38;2;" not in stream.getvalue()


@pytest.mark.parametrize("width", [60, 77, 78, 100])
@pytest.mark.parametrize("longest", ["protected", "a-name-of-thirty-characters-abc"])
def test_live_figures_fit_the_width(width: int, longest: str) -> None:
    arms = (NAIVE, ArmFrame(longest, 500, 9_999, 0.9996, 60_000, 2_000, "open 12.3 s"))
    columns = Columns.of(arms, width)
    lines = [heading(columns), *("".join(figures(arm, columns)) for arm in arms)]

    assert max(len(line) for line in lines) <= width - 2


@pytest.mark.parametrize("width", [60, 80, 110])
@pytest.mark.parametrize("at_s", [0, 3, 17.9, 41, 63])
def test_the_bar_fits_and_says_where_the_run_is(width: int, at_s: float) -> None:
    pieces = bar(PHASES, at_s, width)
    text = "".join(text for text, _ in pieces)

    assert len(text) <= width + 4
    assert text.endswith(f"{at_s:.0f} s of 63")
    running = [name for name in ("settle", "baseline", "fault", "recovery") if at_s < PHASES.window(name)[1]][:1]
    assert [text.strip() for text, kind in pieces if kind == "now" and text.strip().isalpha()] == running


def test_a_refuted_run_names_the_first_failed_expectation_with_both_figures() -> None:
    entries = ending(made("REFUTED"), [], "report.html")

    assert (entries[0].label, entries[0].text) == (
        "failed", "naive during, checkout answered in time: 100 %, expected at most 50 % (and 2 more)",
    )  # fmt: skip


def test_a_run_that_proves_nothing_names_what_was_missing_and_what_to_do() -> None:
    entries = ending(made("BLIND"), [], "report.html")

    assert [one.label for one in entries[:2]] == ["missing", "to do"]
    assert entries[0].text.startswith("the fault was not seen at the victim as it must be: orders_to_postgres:")
    assert entries[1].text == made("BLIND").evidence[0].remedy


def test_the_end_has_a_line_an_arm_in_the_order_of_the_arms() -> None:
    assert [one.label for one in ending(made("THREE"), [], "r")][:3] == ["naive", "protected", "timeouts"]


def test_an_arm_that_was_not_hurt_is_not_said_to_be_back() -> None:
    assert arm_line(made("REFUTED"), "naive") == "100 % of checkouts in time, browsing 100 % at 18 ms"


def test_an_arm_that_was_not_back_is_said_so() -> None:
    assert arm_line(made("CENSORED"), "naive").endswith("not recovered 22.0 s after the fault")


def test_an_arm_without_figures_is_said_to_have_none() -> None:
    assert arm_line(made("EMPTY"), "naive") == "no figure was measured"


@pytest.mark.parametrize("kind", ["plain", "redrawn"])
def test_every_verdict_can_be_shown_without_a_run_folder(any_run: Run, tmp_path: Path, kind: str) -> None:
    stream = Tty()
    terminal: Terminal = PlainTerminal(stream, wall=at_noon) if kind == "plain" else redrawn(60, stream=stream)[0]
    terminal.finished(any_run, tmp_path / "gone")

    assert any_run.verdict.word in stream.getvalue()


def test_damaged_probes_do_not_hide_the_verdict(slow: Run, tmp_path: Path) -> None:
    RunFolder(tmp_path).probes_csv.write_text("t_s,arm\nx,y\n")
    stream = io.StringIO()
    PlainTerminal(stream, wall=at_noon).finished(slow, tmp_path)

    assert "CONFIRMED" in stream.getvalue()


def test_an_error_is_its_message() -> None:
    plain, at_terminal = io.StringIO(), Tty()
    PlainTerminal(plain, wall=at_noon).error(ScenarioError("slow-db.yaml:3: no such arm"))
    redrawn(stream=at_terminal)[0].error(ScenarioError("slow-db.yaml:3: no such arm [b]"))

    assert plain.getvalue() == "error: slow-db.yaml:3: no such arm\n"
    assert "no such arm [b]" in at_terminal.getvalue()


def test_a_stream_that_knows_only_ascii_gets_ascii(slow: Run, tmp_path: Path) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    play(PlainTerminal(stream, wall=at_noon), slow, tmp_path)

    assert b"postgres 18.4 - valkey 9.1" in raw.getvalue()
    assert fitting("≥ 1,000 ms ━╸ 日", "ascii") == ">= 1,000 ms => ?"
    assert fitting("━", "no-such-encoding") == "="


@pytest.mark.parametrize("kind", ["plain", "redrawn"])
def test_a_closed_stream_ends_no_run(slow: Run, tmp_path: Path, kind: str) -> None:
    stream = Tty()
    terminal: Terminal = PlainTerminal(stream, wall=at_noon) if kind == "plain" else redrawn(stream=stream)[0]
    stream.close()

    play(terminal, slow, tmp_path)


@pytest.mark.parametrize("kind", ["plain", "redrawn"])
def test_a_reader_that_went_away_ends_no_run(slow: Run, tmp_path: Path, kind: str) -> None:
    """As with `lab run slow-db | head`."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        console = QuietConsole(file=stream, width=80, force_terminal=True, _environ={"TERM": "xterm"})
        terminal: Terminal = (
            PlainTerminal(stream, wall=at_noon) if kind == "plain" else RedrawnTerminal(console, environ={})
        )
        play(terminal, slow, tmp_path)


def test_the_kind_of_terminal_follows_the_stream() -> None:
    fit = {"TERM": "xterm", "COLUMNS": "100", "LINES": "30"}

    assert isinstance(open_terminal(Tty(), fit), RedrawnTerminal)
    assert isinstance(open_terminal(io.StringIO(), fit), PlainTerminal)
    assert isinstance(open_terminal(Tty(), fit | {"TERM": "dumb"}), PlainTerminal)
    assert isinstance(open_terminal(Tty(), fit | {"COLUMNS": "59"}), PlainTerminal)


def test_what_was_going_on_when_a_run_was_left_stays_to_be_read(slow: Run) -> None:
    terminal, stream = redrawn()
    with terminal:
        terminal.starting(slow.scenario, 7)
        terminal.note("interrupted; everything is stopped")

    assert stream.getvalue().rstrip().endswith("interrupted; everything is stopped")


def test_phases_after_the_load_are_said_in_words() -> None:
    assert phase_line("drain", 63, 78) == "waiting for the last answers, at most 15 s"
    assert phase_line("ledger", 66, 66) == "reading the ledger"


def test_the_ready_line_names_who_plays_which_part() -> None:
    assert (
        ready_line(8.42, COMPONENTS[:3], 10)
        == "ready in 8.4 s   postgres 18.4 · valkey 9.1 · toxiproxy embedded · 10 services"
    )


def test_the_report_is_named_by_latest_and_from_here(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "slow-db" / "2026"
    folder.mkdir(parents=True)
    latest = folder.parent / "latest"
    assert shown_path(folder / "report.html", latest, tmp_path) == "runs/slow-db/2026/report.html"

    latest.symlink_to("2026")
    assert shown_path(folder / "report.html", latest, tmp_path) == "runs/slow-db/latest/report.html"
    assert shown_path(folder / "report.html", latest, tmp_path / "elsewhere") == str(latest / "report.html")
