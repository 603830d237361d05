"""The generator ahead of others, and the same generator where the system does not allow that."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.recording.priority import NICE, raise_priority, start_ahead

WAIT = [sys.executable, "-c", "import time; time.sleep(60)"]


def may_raise() -> bool:
    """Whether this account may put a process ahead; asked of a process that is given up for it."""
    victim = subprocess.Popen(WAIT, start_new_session=True)
    try:
        return raise_priority(victim.pid)
    finally:
        victim.kill()
        victim.wait()


def session_nice(pid: int) -> int | None:
    """The priority of its session among others; None where the system does not group by session."""
    try:
        return int(Path(f"/proc/{pid}/autogroup").read_text().split()[-1])
    except FileNotFoundError:
        return None


async def test_a_process_is_started_ahead_of_others_where_that_is_allowed(tmp_path: Path) -> None:
    allowed = may_raise()

    process = await start_ahead(WAIT, {}, tmp_path / "log")
    try:
        own = os.getpriority(os.PRIO_PROCESS, process.pid)
        assert own == (NICE if allowed else os.getpriority(os.PRIO_PROCESS, 0))
        if allowed:
            assert session_nice(process.pid) in (None, NICE)
    finally:
        process.kill()
        assert await process.wait() == -signal.SIGKILL


def test_a_process_that_has_ended_is_no_error() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()

    assert not raise_priority(gone.pid)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give its rights away to see the refusal")
def test_an_account_without_the_right_is_refused_and_goes_on() -> None:
    code = (
        "import os, sys; os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "from chaos.recording.priority import raise_priority\n"
        "sys.exit(0 if not raise_priority(os.getpid()) else 1)"
    )

    # Imported before the rights are given away: the account may not read the folder.
    code = "from chaos.recording.priority import raise_priority\n" + code
    assert subprocess.run([sys.executable, "-c", code], timeout=30, check=False).returncode == 0
