"""The last net: kill processes by identity and mark, wait until they are really gone, and reap those adopted."""

import os
import signal
import time
from collections.abc import Set as AbstractSet
from contextlib import suppress

from chaos.engines.liveness import Identity, marked, send

GONE_WITHIN_S = 0.5
POLL_S = 0.005


def sweep(family: AbstractSet[Identity], variable: str, value: str) -> frozenset[Identity]:
    """Kill `family` and every process marked `variable=value`; return those that still live.

    Two rounds: a process can fork between being listed and being killed. Not async, so that nothing can interrupt it:
    a kill takes milliseconds, and the wait for it is bounded.
    """
    targets = set(family)
    for _ in range(2):
        found = {process for process in targets | marked(variable, value) if process.alive()}
        if not found:
            break
        targets |= found
        send(found, signal.SIGKILL)
        _wait_until_gone(found)
    for process in targets:
        # An adopted orphan is ours to reap; others are their parents', which raises ChildProcessError.
        with suppress(ChildProcessError):
            os.waitpid(process.pid, os.WNOHANG)
    return frozenset(process for process in targets if process.alive())


def _wait_until_gone(processes: AbstractSet[Identity]) -> None:
    for _ in range(int(GONE_WITHIN_S / POLL_S)):
        if not any(process.alive() for process in processes):
            return
        time.sleep(POLL_S)
