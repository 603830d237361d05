"""What the policies cost when nothing is wrong: the price that every healthy call pays for the bad day."""

from functools import partial

from prometheus_client import CollectorRegistry

from chaos.bench.awaiting import beside_a_bare_await, never, nothing
from chaos.bench.measurement import Measurement
from resilience.breaker import CircuitBreaker
from resilience.build import build_pipeline
from resilience.call_tree import LINKS
from resilience.clock import SystemClock, system_rng
from resilience.lookup import link_settings
from resilience.metrics_listener import MetricsListener


def measure() -> list[Measurement]:
    """Measure the longest pipeline of `protected`, with its metrics as in a service, and its breaker alone."""
    link = max(LINKS, key=lambda name: len(link_settings("protected", name).policies))
    settings = link_settings("protected", link)
    clock = SystemClock()
    listener = MetricsListener(CollectorRegistry(), arm="bench")
    pipeline = build_pipeline(
        link, settings, failures=never, refusals=never, clock=clock, rng=system_rng(seed=1), listener=listener
    )
    call = partial(pipeline.call, nothing, idempotent=True, fallback=lambda _: nothing())
    lines = [beside_a_bare_await(f"a call through {len(settings.policies)} policies ({link})", call)]
    if settings.breaker is not None:
        breaker = CircuitBreaker(link, settings.breaker, failures=never, clock=clock, listener=listener)
        lines.append(beside_a_bare_await("a call through a circuit breaker alone", partial(breaker.call, nothing)))
    return lines
