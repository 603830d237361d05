"""May this process be given work? Asks each dependency, and answers in bounded time whatever they do.

A deadline around a check would not be enough: cancelling asyncpg or a half-open connection may itself take long. So a
check runs as a task, and the answer does not wait for one that is late, not even for its cancellation.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

# Raises where the dependency does not answer.
Check = Callable[[], Awaitable[object]]

BOUND_S = 1.0


class Readiness:
    """Runs the checks of a process, each at most once at a time."""

    def __init__(self, checks: Mapping[str, Check], *, bound_s: float) -> None:
        self._checks = checks
        self._bound_s = bound_s
        self._running: dict[str, asyncio.Task[str]] = {}

    async def report(self) -> dict[str, str]:
        """Return for each dependency "ok" or what is wrong, within the bound."""
        for name, check in self._checks.items():
            if name not in self._running:
                self._running[name] = asyncio.create_task(self._ask(name, check), name=f"readiness of {name}")
        tasks = {name: self._running[name] for name in self._checks}
        if tasks:
            await asyncio.wait(tasks.values(), timeout=self._bound_s)
        report = {}
        for name, task in tasks.items():
            if task.done() and not task.cancelled():
                report[name] = task.result()
            else:
                task.cancel()
                report[name] = f"no answer within {self._bound_s:g} s"
        return report

    async def close(self) -> None:
        """Give up checks that are still running."""
        for task in self._running.values():
            task.cancel()

    async def _ask(self, name: str, check: Check) -> str:
        try:
            await check()
        except Exception as exc:  # noqa: BLE001 -- whatever is wrong with it, the report says so
            return str(exc) or type(exc).__name__
        else:
            return "ok"
        finally:
            # A check that takes its time to be cancelled stays here until it has ended, and is not started twice.
            self._running.pop(name, None)
