"""A peer, and the embedded proxy in front of it: two ways to one server, each a process of its own."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from chaos.bench.children import free_port, python_child


@dataclass(frozen=True)
class Ways:
    """Ports of 127.0.0.1 to the peer, straight and through the proxy without a toxic; the proxy's own port and pid."""

    echo_direct: int
    echo_proxied: int
    stream_direct: int
    stream_proxied: int
    api: int
    pid: int = 0


@contextmanager
def ways_to_a_peer() -> Iterator[Ways]:
    """Start peer and proxy for the time of the block; raises StartFailed."""
    ways = Ways(*(free_port() for _ in range(5)))
    proxies = [
        {"name": "echo", "listen": f"127.0.0.1:{ways.echo_proxied}", "upstream": f"127.0.0.1:{ways.echo_direct}"},
        {"name": "stream", "listen": f"127.0.0.1:{ways.stream_proxied}", "upstream": f"127.0.0.1:{ways.stream_direct}"},
    ]
    peer = ["-m", "chaos.bench.peer", str(ways.echo_direct), str(ways.stream_direct)]
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "links.json"
        config.write_text(json.dumps(proxies))
        proxy = ["-m", "chaos.toxiproxy.server", "-host=127.0.0.1", f"-port={ways.api}", f"-config={config}"]
        with python_child(peer, port=ways.stream_direct), python_child(proxy, port=ways.api) as pid:
            yield replace(ways, pid=pid)
