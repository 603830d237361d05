"""The figures beside what is asked of them, as Markdown tables: the page docs/simulations.md is made from these."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from resilience.budget import BudgetSettings
from resilience.retry_waits import Jitter
from tests.simulation import hedging, jitter, queueing, stampede, throttling
from tests.simulation.amplification import attempts_a_call, through_layers
from tests.simulation.client import Guards
from tests.simulation.metastable import FULL_S, Seen, observe
from tests.simulation.metastable_cases import CASES
from tests.simulation.metastable_policies import THREE, budgeted, retries, retry_throttle
from tests.simulation.seeds import ALL_SEEDS

JITTER_RUNS = 100
WAITS: dict[Jitter | None, str] = {
    None: "no wait",
    "none": "exponential",
    "equal": "equal jitter",
    "full": "full jitter",
    "decorrelated": "decorrelated",
}
Rows = Iterable[tuple[str, ...]]
GRPC = Guards(THREE, allowance=retry_throttle)


def flowing(seen: throttling.Flow) -> str:
    return f"{seen.sent_per_s:.1f} / {seen.accepted_per_s:.1f}"


def table(head: Sequence[str], rows: Rows) -> Iterator[str]:
    """Yield the lines of a Markdown table."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def span(values: Iterable[float], digits: int = 0) -> str:
    """Return the smallest and the largest value, once where they read the same."""
    low, *_, high = texts if len(texts := [f"{value:.{digits}f}" for value in sorted(values)]) > 1 else texts * 2
    return low if low == high else f"{low}-{high}"


def recovery(seen: Sequence[Seen]) -> str:
    """Return the seconds to recovery of those seeds that recovered."""
    after = [one.recovered_after_s for one in seen if one.recovered_after_s is not None]
    if not after:
        return "never"
    missing = f", {len(seen) - len(after)} of {len(seen)} seeds never" if len(after) < len(seen) else ""
    return f"{span(after)} s{missing}"


def metastable() -> Rows:
    """Yield case, asked, got."""
    for case in CASES:
        seen = [observe(case.setup, seed=seed, seconds=FULL_S) for seed in ALL_SEEDS]
        got = span(one.goodput_per_s for one in seen)
        if case.recovery is not None:
            got += f" / {span((one.amplification for one in seen), 2)} / {recovery(seen)}"
        yield case.name, case.asked, got


def amplification() -> Rows:
    """Yield case, asked, got."""
    for failing, attempts, asked in ((0.1, 3, "1.11"), (0.5, 3, "1.75"), (1.0, 3, "3.00")):
        got = attempts_a_call(Guards(retries(attempts)), failing=failing)
        yield f"{attempts} attempts, {100 * failing:.0f} % fail", asked, f"{got:.2f}"
    for attempts, layers, asked in ((4, 3, "64"), (3, 5, "243")):
        got = through_layers(Guards(retries(attempts)), layers=layers)
        yield f"{attempts} attempts in each of {layers} layers, all fail", asked, f"{got:.0f}"
    for ratio in (0.05, 0.1, 0.2):
        got = attempts_a_call(budgeted(ratio), failing=1.0)
        yield f"3 attempts, budget {100 * ratio:.0f} %, all fail", f"{1 + ratio:.2f}", f"{got:.2f}"
    yield "3 attempts, retry throttle (gRPC), all fail", "1.00", f"{attempts_a_call(GRPC, failing=1.0):.2f}"


def jitters() -> Rows:
    """Yield clients, then the cell of each wait, in the order of WAITS."""
    for clients, known in jitter.KNOWN.items():
        cells = []
        for wait in WAITS:
            writes, seconds = jitter.average(clients, wait, runs=JITTER_RUNS)
            asked_writes, asked_ms = known[wait]
            cells.append(f"{writes:,.0f} ({asked_writes:,}) / {1000 * seconds:,.0f} ({asked_ms:,})")
        yield f"{clients}", *cells


def throttles() -> Rows:
    """Yield case, asked, got."""
    for ratio, sent in ((2.0, 200.1), (1.5, 150.1), (1.1, 110.1)):
        seen = throttling.flow(ratio, refusal_cost=0.0)
        yield (
            f"K {ratio:g}, a refusal costs nothing",
            f"{sent} / 100.0",
            flowing(seen),
        )
    for ratio, accepted in ((2.0, 76.9), (1.1, 97.1)):
        seen = throttling.flow(ratio, refusal_cost=0.3)
        yield (
            f"K {ratio:g}, a refusal costs 0.3",
            f"- / {accepted}",
            flowing(seen),
        )
    seen = throttling.flow(None, refusal_cost=0.3)
    yield "no throttle, a refusal costs 0.3", "1000 / 0", f"{seen.sent_per_s:.0f} / {seen.accepted_per_s:.0f}"


def hedges() -> Rows:
    """Yield case, asked, got."""

    def told(tail: hedging.Tail) -> str:
        return f"{tail.p99_ms:.0f} / {tail.p999_ms:.0f} ms, {100 * tail.extra:.1f} %"

    asked = {0.5: "21 / 26 ms, 50 %", 0.95: "26 / 33 ms, 4.9 %", 0.98: "30 / 38 ms, 2.0 %", 0.99: "466 / 476 ms, 1 %"}
    yield "no hedge", "467 / 949 ms", told(hedging.tail(None))
    for quantile, figure in asked.items():
        delay_s = hedging.true_quantile_s(quantile)
        yield f"after the true p{100 * quantile:g}", figure, told(hedging.tail(hedging.fixed(delay_s)))
    for quantile, figure in asked.items():
        yield f"after the learnt p{100 * quantile:g}", figure, told(hedging.tail(hedging.learnt(quantile)))
    small = BudgetSettings(retry_ratio=0.05, reserve_per_s=0.0, burst=10.0)
    yield "after the learnt p50, budget 5 %", "- , 5 %", told(hedging.tail(hedging.learnt(0.5, small)))
    yield (
        "fan-out of 100, 1 % slow: slow requests",
        "63 %",
        f"{100 * hedging.slow_requests(100, slow_share=0.01):.1f} %",
    )


def stampedes() -> Rows:
    """Yield case, asked, got."""
    for rate, beta, computations in ((20, 1.0, "2.72"), (100, 1.0, "2.72"), (20, 2.0, "1.65")):
        seen = stampede.observe(rate, beta=beta, expiries=2000)
        asked = f"{computations}, {stampede.early_s(rate, beta):.2f} s early"
        yield f"beta {beta:g}, {rate}/s", asked, f"{seen.computations:.2f}, {seen.early_s:.2f} s early"
    for rate in (100, 1000):
        seen = stampede.observe(rate, beta=None, expiries=5000 // rate)
        yield f"no lots, {rate}/s", f"{1 + rate}", f"{seen.computations:.0f}"


def queues() -> Rows:
    """Yield case, asked, got."""
    for load in (0.5, 0.8, 0.9):
        means = [queueing.observe(load, seed=seed, customers=300_000).mean_s for seed in ALL_SEEDS]
        asked = f"{1 / (1 - load):.1f} S"
        yield f"M/M/1, load {load}: mean time", asked, f"{sum(means) / len(means):.2f} S"
    seen = queueing.observe(1.2, seed=1, customers=200_000, places=20)
    yield "M/M/1/20, load 1.2: lost", "0.170", f"{seen.refused / seen.arrived:.3f}"


def one_by_one() -> Rows:
    """Yield policy, case, asked, got: all that is not the outage."""
    for policy, rows in (
        ("queue", queues),
        ("attempts a call", amplification),
        ("throttle: sent / accepted", throttles),
        ("hedge: p99 / p99.9, extra", hedges),
        ("XFetch: computations", stampedes),
    ):
        for row in rows():
            yield policy, *row


TABLES: tuple[tuple[str, tuple[str, ...], Callable[[], Rows]], ...] = (
    ("An outage of 10 s", ("case", "asked: goodput / amplification / recovery", "got"), metastable),
    ("Waits between retries", ("clients: writes (asked) / ms (asked)", *WAITS.values()), jitters),
    ("One by one", ("figure", "case", "asked", "got"), one_by_one),
)
