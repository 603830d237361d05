"""What users who wait do not see of one stall: the measurement behind docs/closed-loop.md.

    python -m chaos.bench.closed_loop

Real Locust processes, one after the other, each against a fresh server that answers in 2 ms and stalls once. What is
told of each is what its own user would read: the truth from the run's records, the rest from Locust's statistics.
"""

import csv
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chaos.bench.stalling import stalling
from chaos.interrupt import run_interruptible
from chaos.judging.quantiles import percentile
from chaos.locust_processes import Locust, first_ended, locusts
from chaos.locust_words import Wanted, base, headless
from chaos.recording.load import LoadPlan, LoadProcess
from chaos.records import read_requests
from chaos.scenario import Load
from resilience.clock import SystemClock

ROOT = Path(__file__).resolve().parents[2]
MARK = "closed-loop"
RATE_PER_S = 200.0
SEED = 7
AROUND_S = 60.0
LEAD_S = 0.3
SHARES = (50, 90, 95, 99)
# The generators, as the table names them; None is the run's own, whose records are the truth.
GENERATORS: dict[str, Wanted | None] = {
    "truth: open arrivals, from the intended instant": None,
    "Locust, OpenArrivals": Wanted(0, RATE_PER_S, None, "steady", SEED),
    "Locust, 20 users who wait (PacedBrowsing)": Wanted(0, RATE_PER_S, 20, "steady", SEED),
    "Locust, 200 users who wait (PacedBrowsing)": Wanted(0, RATE_PER_S, 200, "steady", SEED),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What one generator tells of the server: how many requests it saw, and the percentiles of SHARES in ms."""

    generator: str
    requests: int
    percentiles_ms: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Stall:
    """The run: `duration_s` of load, within it a stall."""

    duration_s: float = 12.0
    from_s: float = 5.0
    to_s: float = 7.0


async def measure(generator: str, stall: Stall, folder: Path) -> Seen:
    """Let one generator look at one stall; raises LoadFailed."""
    wanted = GENERATORS[generator]
    async with stalling(stall.from_s, stall.to_s) as server:
        if wanted is None:
            return await _truth(generator, server.url, stall, folder)
        test = Wanted(stall.duration_s, wanted.rate_per_s, wanted.users, wanted.shape, wanted.seed)
        # A purchase would be another request; here everybody only looks.
        looking = ["--host", server.url, "--buying", "0"]
        argv = [*base(ROOT), *looking, *headless(test, folder, 1), *test.user_classes]
        async with locusts([Locust(argv, folder / "locust.log")], MARK) as started:
            await first_ended(started, stall.duration_s + AROUND_S)
    with (folder / "locust_stats.csv").open(newline="") as file:
        total = next(row for row in csv.DictReader(file) if row["Name"] == "Aggregated")
    percentiles = tuple(float(total[f"{share}%"]) for share in SHARES)
    return Seen(generator, int(total["Request Count"]), percentiles)


async def _truth(generator: str, url: str, stall: Stall, folder: Path) -> Seen:
    load = Load(
        checkout_per_s=0, browse_per_s=RATE_PER_S, repeat_share=0, in_time_s=1, patience_s=5, max_in_flight=2000
    )
    plan = LoadPlan(seed=SEED, arms={"stalling": url}, load=load, duration_s=stall.duration_s)
    async with LoadProcess(plan, root=ROOT, folder=folder, log=folder / "locust.log", mark=MARK) as process:
        await process.ready()
        process.go(SystemClock().wall() + LEAD_S)
        await process.wait_done(stall.duration_s + AROUND_S)
    latencies = np.array([row.latency_ms for row in read_requests(folder / "requests.csv")])
    return Seen(generator, len(latencies), tuple(percentile(latencies, share / 100) for share in SHARES))


def table(seen: Sequence[Seen]) -> str:
    """Return the rows as a page shows them."""
    lines = ["| generator | requests | " + " | ".join(f"p{share}" for share in SHARES) + " |", "|---|---|" + "---|" * 4]
    for one in seen:
        cells = " | ".join(f"{value:,.0f} ms" for value in one.percentiles_ms)
        lines.append(f"| {one.generator} | {one.requests:,} | {cells} |")
    return "\n".join(lines)


async def _all() -> list[Seen]:
    seen = []
    for generator in GENERATORS:
        with tempfile.TemporaryDirectory(prefix="closed-loop-") as folder:
            sys.stderr.write(f"{generator} ...\n")
            seen.append(await measure(generator, Stall(), Path(folder)))
    return seen


def main() -> None:
    """Measure all generators and print the table."""
    sys.stdout.write(table(run_interruptible(_all())) + "\n")


if __name__ == "__main__":
    main()
