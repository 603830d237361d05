"""An account for databases, which refuse to run as root, and a place that this account can reach.

Nothing that is not ours is changed for it: where the checkout or the Python environment lies under a folder closed to
others (a home of mode 0700), what they need is copied to a private folder for this run.
"""

import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from chaos.engines.adoption import Account, as_account, setpriv
from chaos.engines.leftovers import TEMP_PREFIX
from chaos.errors import ComponentMissing

_ANSWER_S = 10.0
_READABLE = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH
_SEARCHABLE = _READABLE | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH


def server_account() -> Account | None:
    """Return whom a database runs as: None for the user of the lab, `nobody` where that is root.

    Raises ComponentMissing where root cannot be given up.
    """
    if os.geteuid() != 0:
        return None
    if setpriv() is None:
        how = "apt-get install util-linux" if sys.platform == "linux" else "start the lab as an ordinary user"
        raise ComponentMissing(
            f"a database refuses to run as root, and setpriv, which gives root up, is missing: {how}"
        )
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise ComponentMissing("a database refuses to run as root, and there is no account `nobody` here") from None
    return Account(nobody.pw_name, nobody.pw_uid, nobody.pw_gid)


def can(account: Account, words: Sequence[str]) -> bool:
    """Return whether a command succeeds as `account`: the only true test of every permission on the way."""
    # Through a shell: setpriv itself may search closed folders with root's capabilities up to its exec.
    command = [*as_account(account), "sh", "-c", 'exec "$@"', "sh", *words]
    try:
        answer = subprocess.run(  # noqa: S603 - words of ours
            command, capture_output=True, timeout=_ANSWER_S, check=False, cwd="/", stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


def private_folder() -> Path:
    """Return a new folder that every account can search; the caller owns and removes it."""
    folder = Path(tempfile.mkdtemp(prefix=TEMP_PREFIX))
    folder.chmod(_SEARCHABLE | stat.S_IWUSR)
    return folder


def copy_program(program: Path, into: Path) -> Path:
    """Copy the installation `<prefix>/bin/<program>` and the libraries of its wheel; return the copy of the program.

    The wheel's programs look for libraries in `../../../<package>.libs`, so both are copied in the same arrangement.
    """
    prefix = program.parent.parent
    package = prefix.parent
    copy = into / package.name / prefix.name
    shutil.copytree(prefix, copy, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
    for libraries in package.parent.glob(f"{package.name}.libs"):
        shutil.copytree(libraries, into / libraries.name, symlinks=True)
    _open_up(into)
    return copy / "bin" / program.name


def copy_open(folder: Path, copy: Path) -> Path:
    """Copy a folder to where nothing is yet, readable for every account; return the copy."""
    shutil.copytree(folder, copy, symlinks=True)
    _open_up(copy)
    return copy


def _open_up(folder: Path) -> None:
    """Let every account read what lies in a folder, and run what its owner may run."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod((_SEARCHABLE if executable else _READABLE) | stat.S_IWUSR)
