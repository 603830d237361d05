"""Taken ports are found before anything starts, and their holder is named: a bind error in some log helps nobody."""

import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

import psutil

from chaos.engines.addresses import LOOPBACK, split_address
from chaos.engines.topology import Topology
from chaos.errors import PortTaken

_CONNECT_S = 0.2
_SHOWN = 5
_COMMAND_LENGTH = 100


def wanted_ports(topology: Topology) -> dict[int, str]:
    """Return who will listen on which port: services, components, and the proxies of the links."""
    wanted = {port: name for name, spec in topology.services.items() for port in spec.ports}
    for link in topology.links:
        wanted[split_address(link.listen)[1]] = f"link {link.proxy}"
    return wanted


def without_taken(topology: Topology) -> tuple[Topology, tuple[str, ...]]:
    """Return the topology without what is optional and finds its port taken, and a line about each."""
    lines = {
        name: f"{name} is left out: port {port} is taken by {holder(port)}"
        for name, spec in topology.services.items()
        for port in spec.ports
        if spec.optional and not is_free(port)
    }
    kept = {name: spec for name, spec in topology.services.items() if name not in lines}
    return replace(topology, services=kept), tuple(lines.values())


def check_ports(wanted: Mapping[int, str]) -> None:
    """Raise PortTaken with port, who wants it and who holds it, for the first few that are taken."""
    taken = [port for port in sorted(wanted) if not is_free(port)]
    if not taken:
        return
    lines = [f"port {port}, wanted by {wanted[port]}, is taken by {holder(port)}" for port in taken[:_SHOWN]]
    if len(taken) > _SHOWN:
        lines.append(f"and {len(taken) - _SHOWN} more ports are taken")
    raise PortTaken("\n".join(lines))


def is_free(port: int) -> bool:
    """Return whether a server of ours can listen on this port of 127.0.0.1."""
    with socket.socket() as server:
        # As our servers do it: connections of an earlier lab that wait out their time do not count.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((LOOPBACK, port))
        except OSError:
            return False
    # BSD and macOS let us bind although somebody listens on every interface; then he answers.
    with socket.socket() as client:
        client.settimeout(_CONNECT_S)
        return client.connect_ex((LOOPBACK, port)) != 0


def holder(port: int) -> str:
    """Return pid and command of who listens on `port`, as far as we may see them."""
    for pid in _listeners(port):
        with suppress(psutil.Error):
            command = " ".join(psutil.Process(pid).cmdline())
            return f"pid {pid}: {command[:_COMMAND_LENGTH]}"
    return "a process that this user may not see (another user's?)"


def _listeners(port: int) -> list[int]:
    """Return the pids that listen on `port`."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        # macOS shows the sockets of all processes to root only; our own processes are visible one by one.
        return [process.pid for process in psutil.process_iter() if _listens(process, port)]
    return [
        item.pid
        for item in connections
        if item.pid and item.status == psutil.CONN_LISTEN and item.laddr and item.laddr.port == port
    ]


def _listens(process: psutil.Process, port: int) -> bool:
    with suppress(psutil.Error):
        return any(
            item.status == psutil.CONN_LISTEN and item.laddr.port == port
            for item in process.net_connections(kind="tcp")
        )
    return False
