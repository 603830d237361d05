"""The page of /metrics: the original's names and labels, and under --strict nothing else."""

from prometheus_client.parser import text_string_to_metric_families

from chaos.toxiproxy.server import exposition
from chaos.toxiproxy.server.meter import Meter, Way

WAY = Way('p"\\\n', "127.0.0.1:1", "x:2")


def counted() -> Meter:
    meter = Meter()
    meter.traffic_of(WAY, "upstream").received += 5
    meter.traffic_of(WAY, "upstream").sent += 3
    meter.connections_of(WAY).total += 2
    meter.tally_of("p", "slow", "latency", "upstream").chunks += 4
    return meter


def test_strict_shows_the_original_s_families_alone() -> None:
    lines = list(exposition.proxy_metrics(counted(), strict=True))
    assert [line for line in lines if line.startswith("# TYPE")] == [
        "# TYPE toxiproxy_proxy_received_bytes_total counter",
        "# TYPE toxiproxy_proxy_sent_bytes_total counter",
    ]
    labels = r'{direction="upstream",listener="127.0.0.1:1",proxy="p\"\\\n",upstream="x:2"}'
    assert f"toxiproxy_proxy_received_bytes_total{labels} 5" in lines


def test_the_page_can_be_read() -> None:
    """By prometheus_client's own parser, names with quotes and line ends included."""
    lines = [*exposition.runtime_metrics(), *exposition.handler_metrics()]
    lines += exposition.proxy_metrics(counted(), strict=False)
    samples = {
        sample.name: sample
        for family in text_string_to_metric_families("\n".join([*lines, ""]))
        for sample in family.samples
    }
    assert samples["toxiproxy_proxy_sent_bytes_total"].value == 3
    assert samples["toxiproxy_proxy_sent_bytes_total"].labels["proxy"] == WAY.proxy
    assert samples["toxiproxy_proxy_connections_total"].value == 2
    assert samples["toxiproxy_toxic_chunks_total"].labels["toxic"] == "slow"
    assert samples["process_resident_memory_bytes"].value > 0
