"""The page of /metrics: Toxiproxy's own counters under its names and labels, and what it lacks beside them."""

import sys
from collections.abc import Iterable, Iterator, Mapping

import psutil

from chaos.toxiproxy.server.meter import Meter

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"

Sample = tuple[Mapping[str, str], float]


def proxy_metrics(meter: Meter, *, strict: bool) -> Iterator[str]:
    """Yield the lines that `-proxy-metrics` asks for; under `strict` those of the original alone."""
    ways = [
        ({"direction": direction, "listener": way.listener, "proxy": way.proxy, "upstream": way.upstream}, traffic)
        for (way, direction), traffic in meter.traffic.items()
    ]
    received = [(labels, traffic.received) for labels, traffic in ways]
    sent = [(labels, traffic.sent) for labels, traffic in ways]
    if not strict:
        yield from _connections(meter)
    yield from _family("toxiproxy_proxy_received_bytes_total", "counter", "", received)
    yield from _family("toxiproxy_proxy_sent_bytes_total", "counter", "", sent)
    if not strict:
        yield from _toxics(meter)


def _connections(meter: Meter) -> Iterator[str]:
    ways = [
        ({"listener": way.listener, "proxy": way.proxy, "upstream": way.upstream}, counted)
        for way, counted in meter.connections.items()
    ]
    active = [(labels, counted.active) for labels, counted in ways]
    total = [(labels, counted.total) for labels, counted in ways]
    yield from _family("toxiproxy_proxy_connections_active", "gauge", "Connections open now.", active)
    yield from _family("toxiproxy_proxy_connections_total", "counter", "Connections accepted.", total)


def _toxics(meter: Meter) -> Iterator[str]:
    tallies = [
        ({"proxy": proxy, "stream": stream, "toxic": name, "type": kind}, tally)
        for (proxy, name, kind, stream), tally in meter.toxics.items()
    ]
    chunks = [(labels, tally.chunks) for labels, tally in tallies]
    connections = [(labels, tally.connections) for labels, tally in tallies]
    yield from _family("toxiproxy_toxic_chunks_total", "counter", "Chunks that a toxic acted on.", chunks)
    yield from _family(
        "toxiproxy_toxic_connections_total", "counter", "Connections of which a toxic acted on anything.", connections
    )


def runtime_metrics() -> Iterator[str]:
    """Yield the lines that `-runtime-metrics` asks for, as far as they make sense without Go."""
    process = psutil.Process()
    times, memory = process.cpu_times(), process.memory_info()
    figures = (
        ("process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.",
         times.user + times.system),
        ("process_open_fds", "gauge", "Number of open file descriptors.", float(process.num_fds())),
        ("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.", float(memory.rss)),
        ("process_start_time_seconds", "gauge", "Start time of the process since unix epoch in seconds.",
         process.create_time()),
        ("process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.", float(memory.vms)),
    )  # fmt: skip
    for name, kind, help_text, value in figures:
        yield from _family(name, kind, help_text, [({}, value)])
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield from _family("python_info", "gauge", "The Python that runs the server.", [({"version": version}, 1.0)])


def handler_metrics() -> Iterator[str]:
    """Yield what the original counts about the page itself; nothing goes wrong here without an answer of 500."""
    causes: list[Sample] = [({"cause": cause}, 0) for cause in ("encoding", "gathering")]
    help_text = "Total number of internal errors encountered by the promhttp metric handler."
    yield from _family("promhttp_metric_handler_errors_total", "counter", help_text, causes)


def _family(name: str, kind: str, help_text: str, samples: Iterable[Sample]) -> Iterator[str]:
    """Yield a family, sorted by its labels; one without samples is left out, as by the original's library."""
    lines = sorted(f"{name}{_labels(labels)} {value:.16g}" for labels, value in samples)
    if lines:
        yield f"# HELP {name} {help_text}"
        yield f"# TYPE {name} {kind}"
        yield from lines


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
