"""What every process is built from: its clock, chance, log, metrics. Made once, in main(), and passed on."""

import random
import sys
from dataclasses import dataclass
from typing import TextIO

from prometheus_client import CollectorRegistry, disable_created_metrics

from resilience import LinkSettings, MetricsListener, Pipeline, SystemClock, build_pipeline, system_rng
from services.common.errors import counts_against
from services.common.logs import JsonLog
from services.common.metrics import ServiceMetrics


@dataclass(frozen=True, slots=True)
class Kit:
    """The tools of one process."""

    service: str
    arm: str
    clock: SystemClock
    rng: random.Random
    registry: CollectorRegistry
    listener: MetricsListener
    metrics: ServiceMetrics
    log: JsonLog

    def pipeline(self, link: str, settings: LinkSettings) -> Pipeline:
        """Build the pipeline of one link, for upstreams.py."""
        return build_pipeline(
            link, settings, failures=counts_against, clock=self.clock, rng=self.rng, listener=self.listener
        )


def make_kit(service: str, arm: str, *, stream: TextIO = sys.stdout) -> Kit:
    """Make the tools of one process; `stream` takes its log lines."""
    # The birth time of every series would double the text of the counters, and nobody reads it.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    clock = SystemClock()
    registry = CollectorRegistry()
    return Kit(
        service=service,
        arm=arm,
        clock=clock,
        rng=system_rng(),
        registry=registry,
        listener=MetricsListener(registry, arm=arm),
        metrics=ServiceMetrics(registry, service=service, arm=arm),
        log=JsonLog(stream, clock, service=service, arm=arm),
    )
