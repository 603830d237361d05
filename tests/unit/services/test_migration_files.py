"""Migration files: numbered without a gap, and those of the services are well."""

from pathlib import Path

import pytest

import services
from services.common.migrations import Migration, read_migrations


def test_files_are_read_in_their_order(tmp_path: Path) -> None:
    """The number of the name is the order; other files are none of ours."""
    (tmp_path / "0002_more.sql").write_text("SELECT 2")
    (tmp_path / "0001_first.sql").write_text("SELECT 1")
    (tmp_path / "README.md").write_text("")

    assert read_migrations(tmp_path) == (Migration(1, "0001_first", "SELECT 1"), Migration(2, "0002_more", "SELECT 2"))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["1_first.sql"], "1_first.sql: a migration is named"),
        (["0001_first.sql", "0003_third.sql"], "without a gap"),
        (["0001_first.sql", "0001_other.sql"], "without a gap"),
    ],
)
def test_a_name_that_does_not_fit_is_refused(tmp_path: Path, names: list[str], message: str) -> None:
    """A gap or a twin means that somebody's migration would never run."""
    for name in names:
        (tmp_path / name).write_text("SELECT 1")

    with pytest.raises(ValueError, match=message):
        read_migrations(tmp_path)


FOLDERS = sorted(Path(str(services.__file__)).parent.glob("*/migrations*/"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_the_services_migrations_are_numbered(folder: Path) -> None:
    """What is shipped can be read."""
    assert read_migrations(folder)[0].number == 1
