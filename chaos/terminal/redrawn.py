"""A run at a terminal: one picture, redrawn in place, and the verdict below it when the run is over."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.errors import ConsoleError, LiveError
from rich.live import Live
from rich.table import Table
from rich.text import Text

from chaos.errors import LabError
from chaos.report.arms import arm_styles
from chaos.report.evidence_words import held_line
from chaos.run import Component, Run
from chaos.scenario import Kind, Phases, Scenario
from chaos.terminal import words
from chaos.terminal.ending import Entry, ending
from chaos.terminal.frames import LiveFrame
from chaos.terminal.run_files import probes_of, report_path
from chaos.terminal.silence import silence

_VERDICTS = {"CONFIRMED": "bold green", "REFUTED": "bold red", "NOT PROVEN": "bold yellow"}
_PIECES = {"done": "", "now": "bold", "ahead": "dim", "time": "dim"}
_IN_THE_BAR = ("settle", "baseline", "fault", "recovery")
_WHITE_GROUNDS = ("7", "15")


class QuietConsole(Console):
    """A console whose reader may go away: rich's own would end the process."""

    def on_broken_pipe(self) -> None:
        """Fall silent; the run goes on and its result is in the run folder."""
        self.quiet = True
        silence(self.file)


class RedrawnTerminal:
    """Draws on `console`; `environ` tells a light ground from a dark one (COLORFGBG)."""

    def __init__(self, console: Console, *, environ: Mapping[str, str]) -> None:
        self._console = console
        self._light = environ.get("COLORFGBG", "").rpartition(";")[2] in _WHITE_GROUNDS
        self._live: Live | None = None
        self._phases: Phases | None = None
        self._colours: dict[str, str] = {}
        self._frame: LiveFrame | None = None
        self._phase = ""
        self._doing = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What was going on when the run was left is the last that is known of it.
        doing = self._doing if self._live is not None else ""
        self._stop()
        if doing:
            self._print(self._text(f"  {doing}"))

    def starting(self, scenario: Scenario, seed: int) -> None:
        """Say which question is asked, and begin the picture."""
        self._stop()
        self._phases, self._frame, self._phase = scenario.phases, None, ""
        self._colours = self._arm_colours([arm.name for arm in scenario.arms])
        with self._odd():
            head = Table.grid(padding=(0, 2, 0, 0), expand=True)
            head.add_column(no_wrap=True)
            head.add_column(ratio=1)
            head.add_column(justify="right", no_wrap=True)
            head.add_row(Text(scenario.name, "bold"), self._text(scenario.question), Text(f"seed {seed}", "dim"))
            self._console.print(head)
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        self._draw("starting")

    def ready(self, ready_s: float, components: Sequence[Component], n_services: int) -> None:
        """Say what was started, and how long it took."""
        self._print(self._text(f"  {words.ready_line(ready_s, components, n_services)}", "dim"))
        self._draw("")

    def phase(self, name: str, from_s: float, to_s: float) -> None:
        """Say that a phase begins; the load's own phases are in the bar."""
        self._phase = name
        self._draw("" if name in _IN_THE_BAR else words.phase_line(name, from_s, to_s))

    def live(self, frame: LiveFrame) -> None:
        """Redraw the arms' figures."""
        self._frame = frame
        self._draw(self._doing)

    def note(self, text: str) -> None:
        """Show what is going on in the last line of the picture; below everything where there is none."""
        self._draw(text)
        if self._live is None:
            self._print(self._text(f"  {text}"))

    def finished(self, run: Run, folder: Path) -> None:
        """Take the picture away and show the verdict and what to do with it."""
        self._stop()
        self._colours = self._colours or self._arm_colours(list(run.figures))
        self._print(Text())
        self._print(
            Text(run.verdict.word, _VERDICTS[run.verdict.word]).append(f"  {held_line(run)}", "not bold default")
        )
        self._print(self._entries(ending(run, probes_of(folder), report_path(folder))))

    def error(self, error: LabError) -> None:
        """Say what is wrong."""
        self._stop()
        self._print(Text("error: ", "bold red").append(self._text(str(error), "not bold default")))

    def _entries(self, entries: Sequence[Entry]) -> Table:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for entry in entries:
            style = f"bold {self._colours.get(entry.arm, '')}".strip() if entry.arm else "dim"
            table.add_row(self._text(f"  {entry.label}", style), self._text(entry.text))
        return table

    def _looking(self) -> Kind:
        return self._frame.arms[0].looking if self._frame is not None and self._frame.arms else "browse"

    def _picture(self) -> Group:
        width = max(words.NARROWEST, min(self._console.width, 110))
        lines = []
        if self._phases is not None and (self._frame is not None or self._phase):
            at_s = self._frame.t_s if self._frame is not None else 0.0
            pieces = [
                (words.fitting(text, self._console.encoding), _PIECES[kind])
                for text, kind in words.bar(self._phases, at_s, width - 4)
            ]
            lines.append(Text.assemble("  ", *pieces, no_wrap=True))
        if self._frame is not None:
            arms = self._frame.arms
            columns = words.Columns.of(arms, width)
            lines.append(Text(f"  {words.heading(columns, self._looking())}", "dim", no_wrap=True))
            for arm in arms:
                name, figures = (words.fitting(text, self._console.encoding) for text in words.figures(arm, columns))
                lines.append(
                    Text.assemble(
                        "  ", (name, f"bold {self._colours.get(arm.name, '')}".strip()), figures, no_wrap=True
                    )
                )
        if self._doing:
            lines.append(self._text(f"  {self._doing}", "dim"))
        return Group(*lines)

    def _draw(self, doing: str) -> None:
        self._doing = doing
        if self._live is not None:
            with self._odd():
                self._live.update(self._picture(), refresh=True)

    def _print(self, what: Text | Table) -> None:
        with self._odd():
            self._console.print(what)

    def _stop(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            with self._odd():
                live.stop()

    def _text(self, text: str, style: str = "") -> Text:
        return Text(words.fitting(text, self._console.encoding), style)

    def _arm_colours(self, names: Sequence[str]) -> dict[str, str]:
        return {name: style.light if self._light else style.dark for name, style in arm_styles(names).items()}

    @contextmanager
    def _odd(self) -> Iterator[None]:
        """Let no terminal, however odd, end a run: the result is in the run folder."""
        try:
            yield
        except (OSError, ValueError, AttributeError, LookupError, ConsoleError, LiveError):
            self._console.quiet = True
