"""Everything that the page's server needs, put together once."""

from dataclasses import dataclass
from pathlib import Path

from chaos.watch.boards import Board, read_boards
from chaos.watch.library import Library
from chaos.watch.views import Views


@dataclass(frozen=True, slots=True)
class Watch:
    """The boards' folder, the scenarios and runs, and what is looked at."""

    boards_folder: Path
    library: Library
    views: Views

    def boards(self) -> list[Board]:
        """Return the boards as they stand now: whoever writes one reloads the page."""
        return read_boards(self.boards_folder)
