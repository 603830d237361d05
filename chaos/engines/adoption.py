"""What keeps children from outliving the lab, as far as the platform offers it.

Linux: a child asks for a signal at its parent's death (PR_SET_PDEATHSIG, through util-linux' setpriv), and the lab
adopts orphaned grandchildren (PR_SET_CHILD_SUBREAPER). Neither exists on macOS: there a lab killed by SIGKILL leaves
children, and the next start ends them (`chaos.engines.leftovers`).
"""

import ctypes
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

_PR_SET_CHILD_SUBREAPER = 36
_PR_GET_CHILD_SUBREAPER = 37
_ANSWER_S = 5.0


@dataclass(frozen=True)
class Account:
    """An account without rights, for a server that refuses to run as root."""

    name: str
    uid: int
    gid: int


@cache
def setpriv() -> str | None:
    """Return the path of a setpriv that knows --pdeathsig, None where there is none."""
    program = shutil.which("setpriv") if sys.platform == "linux" else None
    if program is None:
        return None
    with_signal = [program, "--pdeathsig", "KILL", "true"]
    try:
        answer = subprocess.run(with_signal, capture_output=True, timeout=_ANSWER_S, check=False)  # noqa: S603 - ours
    except (OSError, subprocess.TimeoutExpired):
        return None
    return program if answer.returncode == 0 else None


def as_account(account: Account | None) -> list[str]:
    """Return the words before a command that give up root for `account`; empty for None."""
    if account is None:
        return []
    return [setpriv() or "setpriv", f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups", "--"]


def dying_with_parent(number: signal.Signals, account: Account | None) -> list[str]:
    """Return the words before a command that send it `number` when the lab is gone, running as `account`.

    The signal comes when the *thread* that forked ends, so only the main thread may start a child, and it is not
    inherited by the child's own children. It is set after the change of user, which would clear it.
    """
    program = setpriv()
    if program is None:
        return as_account(account)
    user = as_account(account)[1:-1]
    return [program, *user, "--pdeathsig", number.name.removeprefix("SIG"), "--"]


@contextmanager
def subreaper() -> Iterator[bool]:
    """Adopt orphaned descendants while inside, where the platform can; yields whether it does."""
    if sys.platform != "linux":
        yield False
        return
    libc = ctypes.CDLL(None, use_errno=True)
    before = ctypes.c_int(0)
    if libc.prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(before), 0, 0, 0) != 0:
        yield False
        return
    adopts = libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    try:
        yield adopts
    finally:
        libc.prctl(_PR_SET_CHILD_SUBREAPER, before.value, 0, 0, 0)
