"""The state file, the last lines of a log, and what may be removed."""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from chaos.engines.leftovers import TEMP_PREFIX, remove_folder
from chaos.engines.liveness import Identity, identify, started
from chaos.engines.processes import last_lines
from chaos.engines.state import LabState, live_lab, only_lab, read_state, write_state
from chaos.errors import LabAlreadyUp, StartFailed


def state(pid: int, began: str) -> LabState:
    """Return the state of a lab."""
    return LabState(pid=pid, started=began, mark="m", ready=True, log_dir="logs")


def test_a_lab_is_live_only_while_pid_and_start_match(tmp_path: Path) -> None:
    """A pid that somebody else has by now is no live lab."""
    (tmp_path / ".lab").mkdir()
    me = identify(os.getpid())

    write_state(tmp_path, state(me.pid, me.started))
    assert live_lab(tmp_path) is not None
    write_state(tmp_path, state(me.pid, me.started + "0"))
    assert live_lab(tmp_path) is None
    assert read_state(tmp_path) is not None


def test_a_zombie_is_not_alive() -> None:
    """A process that has ended and that nobody has waited for is dead, though its pid answers signals."""
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    os.kill(process.pid, 0)
    dead = started(process.pid)
    process.wait()

    assert dead is None
    assert not Identity(process.pid, "gone").alive()


@pytest.mark.parametrize("text", ["", "{", '{"format": 2}', "[]"])
def test_a_damaged_state_file_is_none(tmp_path: Path, text: str) -> None:
    """What cannot be read is no lab."""
    (tmp_path / ".lab").mkdir()
    (tmp_path / ".lab" / "state.json").write_text(text)

    assert read_state(tmp_path) is None


def test_one_lab_at_a_time(tmp_path: Path) -> None:
    """The lock is held inside and free outside."""
    with only_lab(tmp_path), pytest.raises(LabAlreadyUp, match=f"pid {os.getpid()}"), only_lab(tmp_path):
        pass
    with only_lab(tmp_path):
        pass


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    """A .lab that is no folder of ours is an error with its path."""
    (tmp_path / ".lab").write_text("")

    with pytest.raises(StartFailed, match=r"cannot write .*\.lab/lock"), only_lab(tmp_path):
        pass


def test_only_folders_of_the_lab_are_removed(tmp_path: Path) -> None:
    """A damaged state file cannot make the lab remove what is not its own."""
    root, foreign = tmp_path / "root", tmp_path / "foreign"
    data = root / ".lab" / "data"
    private = Path(tempfile.mkdtemp(prefix=TEMP_PREFIX))
    for folder in (foreign, data, root / "src"):
        folder.mkdir(parents=True)
    (root / ".lab" / "way-out").symlink_to(foreign)

    removed = [remove_folder(root, folder) for folder in (foreign, root / "src", root / ".lab/../src", data, private)]

    assert removed == [False, False, False, True, True]
    assert not remove_folder(root, root / ".lab" / "way-out")
    assert foreign.exists()
    assert (root / "src").exists()


def test_the_last_words_of_a_log(tmp_path: Path) -> None:
    """Blank lines say nothing; bytes that are no text do not hide the rest; no log is no lines."""
    log = tmp_path / "x.log"
    log.write_bytes(b"first\n\n" + b"".join(b"line %d\n" % number for number in range(20)) + b"\xff last\n\n")

    assert last_lines(log, 3) == ["line 18", "line 19", "\ufffd last"]
    assert last_lines(tmp_path / "none") == []
