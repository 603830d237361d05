"""What a fault may do to one process of a lab, whichever engine runs it: kill it, start it again, let it stand still.

Names are those of compose.yaml (orders-a, postgres). Nothing here waits until a service is ready: that is seen at its
own door (`chaos.process_faults`).
"""

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from typing import NoReturn

from chaos.errors import ProcessFaultError


@dataclass(frozen=True)
class Life:
    """Which process plays a service: `identity` is no other's. `began` is when it began, seconds since 1970."""

    identity: str
    began: float


class Processes(ABC):
    """The processes of a lab. Every method is bounded, may be repeated, and raises ProcessFaultError."""

    def refusal(self) -> str:
        """Say why nothing can be done to these processes; nothing where it can."""
        return ""

    @abstractmethod
    def names(self) -> Collection[str]:
        """Return whom something can be done to."""

    @abstractmethod
    async def life(self, name: str) -> Life:
        """Return which process plays a service now."""

    @abstractmethod
    async def kill(self, name: str) -> None:
        """End it by SIGKILL, with all that it forked; nobody takes that for a failure of the lab."""

    @abstractmethod
    async def start_again(self, name: str) -> None:
        """Start it as it was started, on the data that it had; does nothing where it runs."""

    @abstractmethod
    async def pause(self, name: str) -> None:
        """Let it stand still, with all that it forked: connections stay open, nothing is answered."""

    @abstractmethod
    async def resume(self, name: str) -> None:
        """Let it go on; does nothing where it does."""


class RefusedProcesses(Processes):
    """Somebody else's processes: each method raises `why`."""

    def __init__(self, why: str) -> None:
        self._why = why

    def refusal(self) -> str:
        """Return the reason."""
        return self._why

    def names(self) -> Collection[str]:
        """Return nobody."""
        return ()

    async def life(self, name: str) -> Life:
        """Refuse."""
        self._refuse(name)

    async def kill(self, name: str) -> None:
        """Refuse."""
        self._refuse(name)

    async def start_again(self, name: str) -> None:
        """Refuse."""
        self._refuse(name)

    async def pause(self, name: str) -> None:
        """Refuse."""
        self._refuse(name)

    async def resume(self, name: str) -> None:
        """Refuse."""
        self._refuse(name)

    def _refuse(self, name: str) -> NoReturn:
        raise ProcessFaultError(f"{name}: {self._why}")
