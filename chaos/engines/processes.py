"""Supervised children: each has a log, an identity and an end that somebody notices; none outlives its supervisor.

A child leads a process group of its own, so Ctrl-C in the terminal reaches the lab alone and a signal to the group
reaches what the child forked. It does not lead a *session*: where Linux groups the scheduler by session (autogroup), a
nice value counts only inside one, and `nice` below would do nothing.
"""

import asyncio
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from chaos.engines.adoption import Account, dying_with_parent
from chaos.engines.liveness import Identity, descendants, identify, send_group
from chaos.engines.sweep import sweep
from chaos.engines.waiting import until
from chaos.errors import ProcessEnded, StartFailed

# Every child and what it forks carries this variable: what lost its parent and its group is still found by it.
MARK = "LAB_PROCESS_OF"
STOP_BUDGET_S = 2.5
# What each level that stops later is left of the budget: Postgres takes 0.02 s to 0.2 s.
LATER_LEVEL_S = 0.5
LEAST_LEVEL_S = 0.2
KILLED_WITHIN_S = 0.5
POLL_S = 0.05
STOP_POLL_S = 0.01
TAIL_LINES = 12
TAIL_BYTES = 8192


@dataclass(frozen=True)
class Command:
    """How to start one child. `environment` is all that it gets, `orphan_signal` what ends it when the lab is gone."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    log: Path
    nice: int
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL
    account: Account | None = None


@dataclass
class Child:
    """A started child. Whoever ends it on purpose (a fault that kills or pauses) sets `end_expected` first."""

    command: Command
    identity: Identity
    process: subprocess.Popen[bytes] = field(repr=False)
    end_expected: bool = False
    group_ended: bool = field(default=False, repr=False)

    @property
    def name(self) -> str:
        """Return the service's name."""
        return self.command.name

    def exit_code(self) -> int | None:
        """Return None while it runs, else its exit code, negative for a signal."""
        return self.process.poll()

    def obituary(self) -> str:
        """Return how it ended and the last lines of its log."""
        code = self.exit_code()
        how = f"signal {-code}, {signal.strsignal(-code)}" if code is not None and code < 0 else f"exit code {code}"
        return f"{how}\n{self.tail()}"

    def tail(self) -> str:
        """Return where its log lies and the last lines of it."""
        lines = last_lines(self.command.log)
        return "\n".join([f"  {self.command.log}:", *(f"  | {line}" for line in lines or ["(empty)"])])


class Supervisor:
    """Owns children from start to end.

    `mark` names this lab in their environment, `on_spawn` is called after each start, and `survivors` holds, after the
    stop, what could not be ended.
    """

    def __init__(self, mark: str, on_spawn: Callable[[], None]) -> None:
        self.mark, self._on_spawn = mark, on_spawn
        self._children: dict[str, Child] = {}
        self.survivors: frozenset[Identity] = frozenset()

    @property
    def children(self) -> Mapping[str, Child]:
        """Return the children by name."""
        return self._children

    def spawn(self, command: Command) -> Child:
        """Start a child, from the main thread; raises StartFailed where the program cannot be run."""
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("a child dies with the thread that forked it: start it from the main thread")
        # `nice` and `setpriv` replace themselves by the program: one process, and no moment at the wrong priority.
        nice = ["nice", "-n", str(command.nice)] if command.nice else []
        argv = [*nice, *dying_with_parent(command.orphan_signal, command.account), *command.argv]
        with command.log.open("ab") as log:
            try:
                process = subprocess.Popen(  # noqa: S603 - the words come from compose.yaml and ourselves
                    argv, env={**command.environment, MARK: self.mark}, cwd=command.folder, process_group=0,
                    stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                )  # fmt: skip
            except OSError as error:
                raise StartFailed(f"{command.name} cannot be started: {error}") from error
        child = Child(command, identify(process.pid), process)
        self._children[command.name] = child
        self._on_spawn()
        return child

    async def run(self, command: Command, timeout_s: float) -> None:
        """Run a command to its end; raises StartFailed unless it ends well and in time."""
        child = self.spawn(command)
        child.end_expected = True
        try:
            if not await until(lambda: child.exit_code() is not None, STOP_POLL_S, timeout_s):
                raise StartFailed(f"{command.name} did not end within {timeout_s:g} s\n{child.tail()}")
        finally:
            _kill(child)
        if child.exit_code() != 0:
            raise StartFailed(f"{command.name} failed: {child.obituary()}")
        del self._children[command.name]

    async def watch(self) -> NoReturn:
        """Raise ProcessEnded as soon as a child ends that nobody ended on purpose."""
        while True:
            for child in list(self._children.values()):
                if child.exit_code() is not None and not child.end_expected:
                    raise ProcessEnded(f"{child.name} ended by itself: {child.obituary()}")
            await asyncio.sleep(POLL_S)

    async def stop(self, levels: Sequence[Sequence[str]], budget_s: float = STOP_BUDGET_S) -> None:
        """End every child, the last of `levels` first, politely and then not.

        Within a level all stop at once. Cancelling this skips the rest of the politeness, not the end.
        """
        deadline = asyncio.get_running_loop().time() + budget_s
        # Asked before the first signal: an orphan no longer says whose it was.
        family = descendants(child.process.pid for child in self._children.values())
        try:
            for later, level in zip(range(len(levels) - 1, -1, -1), reversed(levels), strict=True):
                left_s = deadline - asyncio.get_running_loop().time() - later * LATER_LEVEL_S
                await self._stop_level([self._children[name] for name in level if name in self._children], left_s)
        finally:
            self.survivors = self._end_all(family)

    async def _stop_level(self, children: Sequence[Child], left_s: float) -> None:
        for child in children:
            child.end_expected = True
            if child.exit_code() is None:
                child.process.send_signal(child.command.stop_signal)
                # A paused process would take the signal only once it goes on.
                child.process.send_signal(signal.SIGCONT)
        await until(
            lambda: all(child.exit_code() is not None for child in children), STOP_POLL_S, max(left_s, LEAST_LEVEL_S)
        )
        for child in children:
            _kill(child)

    def _end_all(self, family: set[Identity]) -> frozenset[Identity]:
        """Kill what is left of every group, what was seen in the family, and what carries the mark."""
        for child in self._children.values():
            child.end_expected = True
            _kill(child)
        for child in self._children.values():
            with suppress(subprocess.TimeoutExpired):
                child.process.wait(KILLED_WITHIN_S)
        return sweep(family, MARK, self.mark)


def _kill(child: Child) -> None:
    """Kill the whole group, which may hold forks although its leader has ended - and once only after that end.

    Later its number may be somebody else's.
    """
    if not child.group_ended:
        child.group_ended = child.exit_code() is not None
        send_group(child.process.pid, signal.SIGKILL)


def last_lines(log: Path, count: int = TAIL_LINES) -> list[str]:
    """Return the last lines of a log that say something; empty where there are none or there is no log."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return [line.rstrip() for line in text.splitlines() if line.strip()][-count:]
