"""What every engine is: something that is entered to have a lab, and that has ended it when it is left.

Its own end, an exception, a cancellation (Ctrl-C, SIGTERM) stop everything before control goes on.
"""

import asyncio
from abc import ABC, abstractmethod
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Generic, TypeVar

from chaos.engines.running import RunningLab
from chaos.errors import StartFailed
from chaos.shield import to_the_end

LabT_co = TypeVar("LabT_co", bound=RunningLab, covariant=True)


class Engine(ABC, Generic[LabT_co]):
    """`async with engine as lab` is a running lab inside. Enter and leave it in the same task of the main thread.

    What `_start` pushes on `stack` is undone at the end, in reverse order, whatever happens; each step is bounded.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.stack = AsyncExitStack()
        self._lab: LabT_co | None = None

    @abstractmethod
    async def _start(self) -> LabT_co:
        """Have a lab; raises LabError."""

    async def __aenter__(self) -> LabT_co:
        """Start everything; on any failure stop what was started."""
        try:
            self._lab = await self._start()
        except OSError as error:
            await to_the_end(self.stack.aclose, restarts=0)
            # A full disk, a folder that belongs to somebody else: not a defect of the lab.
            raise StartFailed(f"the lab cannot be started in {self.root}: {error}") from error
        except BaseException:
            await to_the_end(self.stack.aclose, restarts=0)
            raise
        return self._lab

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything, in reverse order; a cancellation meanwhile waits for it."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            await to_the_end(self.stack.aclose, restarts=0)
        finally:
            if self._lab is not None:
                self._lab.stop_s = loop.time() - began


def make_log_dir(folder: Path) -> None:
    """Make the folder for logs; raises StartFailed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartFailed(f"cannot make the folder for logs, {folder}: {error.strerror}") from error
