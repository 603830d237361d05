"""One life of a lab in its checkout: state file, folders, processes, and that all three are gone at the end."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from chaos.engines.leftovers import remove_folder
from chaos.engines.liveness import Identity
from chaos.engines.processes import Command, Supervisor
from chaos.engines.state import DATA_FOLDER, ChildState
from chaos.engines.state_file import StateFile
from chaos.engines.topology import Topology
from chaos.engines.workspace import Workspace


class Session:
    """Async context manager. Its mark is written down before the first child exists: none can be missed."""

    def __init__(
        self, topology: Topology, env: Mapping[str, str], say: Callable[[str], None], state: StateFile
    ) -> None:
        self._root, self._topology, self._say, self._state = state.root, topology, say, state
        self._folders: list[Path] = [self._root / DATA_FOLDER]
        supervisor = Supervisor(state.mark, self._write_children)
        self.workspace = Workspace(self._root, state.log_dir, env, supervisor, say, self._own_folder)

    async def __aenter__(self) -> Self:
        """Write the state and make the folder for data."""
        self._state.update()
        (self._root / DATA_FOLDER).mkdir(parents=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop every process, then remove the data, then the state; what could not be ended stays written down."""
        supervisor = self.workspace.supervisor
        try:
            await supervisor.stop(self._topology.levels())
        finally:
            for folder in self._folders:
                remove_folder(self._root, folder)
            if supervisor.survivors:
                pids = ", ".join(str(process.pid) for process in supervisor.survivors)
                self._say(f"could not end {pids}: the next start tries again")
            else:
                self._state.remove()

    def _own_folder(self, folder: Path) -> None:
        self._folders.append(folder)
        self._state.update(folders=tuple(str(item) for item in self._folders[1:]))

    def _write_children(self) -> None:
        children = self.workspace.supervisor.children.values()
        self._state.update(children=tuple(self._child(child.command, child.identity) for child in children))

    def _child(self, command: Command, identity: Identity) -> ChildState:
        spec = self._topology.services.get(command.name)
        return ChildState(
            name=command.name,
            pid=identity.pid,
            started=identity.started,
            orphan_signal=command.orphan_signal.name,
            arm=spec.arm if spec else None,
            url=spec.url if spec else None,
            page=spec.page if spec else None,
        )
