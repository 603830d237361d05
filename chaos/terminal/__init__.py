"""What a run prints while it goes on and when it is over: one place, two kinds of terminal, the same words."""

import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TextIO

from chaos.terminal.frames import ArmFrame, LiveFrame, Terminal
from chaos.terminal.plain import PlainTerminal
from chaos.terminal.redrawn import QuietConsole, RedrawnTerminal
from chaos.terminal.view import LiveView
from chaos.terminal.words import NARROWEST
from resilience.clock import SystemClock

__all__ = ["ArmFrame", "LiveFrame", "LiveView", "Terminal", "open_terminal"]


def _local_time() -> datetime:
    return datetime.fromtimestamp(SystemClock().wall(), UTC).astimezone()


def open_terminal(stream: TextIO | None = None, environ: Mapping[str, str] | None = None) -> Terminal:
    """Return the terminal that suits a stream (standard output if none): redrawn in place, or plain lines.

    Plain where the stream is no terminal, TERM says that it cannot redraw, or it is narrower than 60 columns.
    NO_COLOR is honoured; colours fall back to what the terminal has.
    """
    stream = sys.stdout if stream is None else stream
    environ = os.environ if environ is None else environ
    console = QuietConsole(file=stream, highlight=False, emoji=False, _environ=environ)
    if console.is_terminal and not console.is_dumb_terminal and console.width >= NARROWEST:
        return RedrawnTerminal(console, environ=environ)
    return PlainTerminal(stream, wall=_local_time)
