"""What every process is built from: its clock, chance, log, metrics. Made once, in main(), and passed on."""

import random
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TextIO

from prometheus_client import CollectorRegistry, disable_created_metrics

from resilience import (
    LinkSettings,
    Listener,
    LogListener,
    MetricsListener,
    Pipeline,
    SheddingSettings,
    SystemClock,
    build_pipeline,
    server_settings,
    system_rng,
    tell_each,
)
from services.common.errors import counts_against, refuses
from services.common.logs import JsonLog
from services.common.metrics import ServiceMetrics


@dataclass(frozen=True, slots=True)
class Kit:
    """The tools of one process. `door` is how its profile guards it from too many requests, None for not at all."""

    service: str
    arm: str
    clock: SystemClock
    rng: random.Random
    registry: CollectorRegistry
    listener: Listener
    metrics: ServiceMetrics
    log: JsonLog
    door: SheddingSettings | None = None

    def tell(self, event: str, values: Mapping[str, Any]) -> None:
        """Write a line of the log for what happened in the background."""
        self.log.line("info", event=event, **values)

    def pipeline(self, link: str, settings: LinkSettings) -> Pipeline:
        """Build the pipeline of one link, for upstreams.py."""
        return build_pipeline(
            link,
            settings,
            failures=counts_against,
            refusals=refuses,
            clock=self.clock,
            rng=self.rng,
            listener=self.listener,
        )


def make_kit(service: str, arm: str, *, profile: str | None = None, stream: TextIO = sys.stdout) -> Kit:
    """Make the tools of one process; without a profile its door is open. `stream` takes its log lines."""
    # The birth time of every series would double the text of the counters, and nobody reads it.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    clock = SystemClock()
    registry = CollectorRegistry()
    log = JsonLog(stream, clock, service=service, arm=arm)
    return Kit(
        service=service,
        arm=arm,
        clock=clock,
        rng=system_rng(),
        registry=registry,
        listener=tell_each(
            MetricsListener(registry, arm=arm),
            LogListener(lambda level, event, values: log.line(level, event=event, **values)),
        ),
        metrics=ServiceMetrics(registry, service=service, arm=arm),
        log=log,
        door=None if profile is None else server_settings(profile, service),
    )
