"""Ctrl-C and SIGTERM are normal ways for a run to end: they cancel it once, and the clean-up is never cut short."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(Exception):
    """The work was cancelled by a signal, and everything it had started is stopped."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signum).name}")
        self.exit_code = 128 + signum


def run_interruptible(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` on a fresh event loop; the first signal cancels it, later ones are ignored while it cleans up.

    Raises Interrupted once the cancelled work has ended. Must be called from the main thread.
    """

    async def body() -> T:
        task = asyncio.ensure_future(work)
        received: list[int] = []

        def cancel_once(signum: int) -> None:
            if not received:
                task.cancel()
            received.append(signum)

        loop = asyncio.get_running_loop()
        for signum in SIGNALS:
            loop.add_signal_handler(signum, cancel_once, signum)
        try:
            return await task
        except asyncio.CancelledError:
            if received:
                raise Interrupted(received[0]) from None
            raise
        finally:
            for signum in SIGNALS:
                loop.remove_signal_handler(signum)

    return asyncio.run(body())
