"""Lets the load generator go first, where the services do not step back behind it by themselves: under Docker.

The local engine starts its services at a lower priority. A container's processes are Docker's, in groups of their own;
there the generator's own priority is raised, where the system allows that (root, or CAP_SYS_NICE). On two cores this is
the difference between 14 to 37 ms and 3 ms late.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from chaos.recording.load import ProcessLike, start_process

# Half of what there is: nine times a usual process's share, and the system's own stay ahead.
NICE = -10


async def start_ahead(argv: Sequence[str], env: Mapping[str, str], log: Path) -> ProcessLike:
    """Start a process as `start_process` does, ahead of others where that is allowed; raises OSError."""
    process = await start_process(argv, env, log)
    raise_priority(process.pid)
    return process


def raise_priority(pid: int, nice: int = NICE) -> bool:
    """Put a process that leads a session, and what it starts from now on, ahead; returns whether that was allowed."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, nice)
        # Where Linux groups the scheduler by session, a process's own value counts only inside its session.
        with suppress(FileNotFoundError):
            Path(f"/proc/{pid}/autogroup").write_text(str(nice))
        return True
    return False
