"""A run as plain lines with the time before each: for logs, CI and everything that is not a terminal."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from chaos.errors import LabError
from chaos.report.evidence_words import held_line
from chaos.run import Component, Run
from chaos.scenario import Scenario
from chaos.terminal import words
from chaos.terminal.ending import ending
from chaos.terminal.frames import LiveFrame
from chaos.terminal.run_files import probes_of, report_path
from chaos.terminal.silence import silent_when_broken

LIVE_EVERY_S = 5.0
LABEL = 11


class PlainTerminal:
    """Writes lines to `stream`; `wall` gives the time that stands before them."""

    def __init__(self, stream: TextIO, *, wall: Callable[[], datetime]) -> None:
        self._stream = stream
        self._wall = wall
        self._next_live_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write("", end="")

    def starting(self, scenario: Scenario, seed: int) -> None:
        """Say which question is asked."""
        self._next_live_s = 0.0
        self._line(f"{scenario.name}  {scenario.question}  seed {seed}")

    def ready(self, ready_s: float, components: Sequence[Component], n_services: int) -> None:
        """Say what was started, and how long it took."""
        self._line(words.ready_line(ready_s, components, n_services))

    def phase(self, name: str, from_s: float, to_s: float) -> None:
        """Say that a phase begins."""
        self._line(words.phase_line(name, from_s, to_s))

    def live(self, frame: LiveFrame) -> None:
        """Write the arms' figures, at most one line in five seconds."""
        if frame.t_s >= self._next_live_s:
            self._next_live_s = (frame.t_s // LIVE_EVERY_S + 1) * LIVE_EVERY_S
            arms = "; ".join(words.live_line(arm) for arm in frame.arms)
            self._line(f"  {frame.t_s:.0f} s of {frame.total_s:.0f}  {arms}")

    def note(self, text: str) -> None:
        """Say something by the way."""
        self._line(f"  {text}")

    def finished(self, run: Run, folder: Path) -> None:
        """Show the verdict and what to do with it."""
        self._write(f"\n{run.verdict.word}  {held_line(run)}")
        entries = ending(run, probes_of(folder), report_path(folder))
        label = max(LABEL, *(len(entry.label) + 2 for entry in entries))
        for entry in entries:
            self._write(f"  {entry.label:<{label}}{entry.text}")

    def error(self, error: LabError) -> None:
        """Say what is wrong."""
        self._write(f"error: {error}")

    def _line(self, text: str) -> None:
        stamp = f"{self._wall():%H:%M:%S} "
        self._write("\n".join(f"{stamp}{line}" for line in (text.splitlines() or [""])))

    def _write(self, text: str, end: str = "\n") -> None:
        # A closed or broken stream must not end a run: the result is in the run folder.
        with suppress(OSError, ValueError, AttributeError), silent_when_broken(self._stream):
            self._stream.write(words.fitting(text, getattr(self._stream, "encoding", None) or "utf-8") + end)
            self._stream.flush()
