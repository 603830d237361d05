"""Ends that come from outside - SIGTERM, a closed terminal, a second Ctrl-C - as ordinary cancellation."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

# SIGINT is not among them: asyncio.run turns it into a cancellation of the main task itself.
ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Cancel the current task on SIGTERM and SIGHUP while inside, where nobody else handles them.

    By default either would end Python on the spot, with no clean-up at all. Needs the main thread.
    """
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    taken = []
    for number in ENDING_SIGNALS:
        if task is not None and signal.getsignal(number) is signal.SIG_DFL:
            loop.add_signal_handler(number, task.cancel, f"ended by {number.name}")
            taken.append(number)
    try:
        yield
    finally:
        for number in taken:
            loop.remove_signal_handler(number)
