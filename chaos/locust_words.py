"""The command lines of Locust, and the lines that tell what a load came to. No process and no file is touched here."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.doors import Door

RELAY_URL = "http://127.0.0.1:18090"
SPAWN_PER_S = "100"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What `lab load` was asked for. `users` None: open arrivals at `rate_per_s`; else that many users who wait."""

    duration_s: float
    rate_per_s: float | None
    users: int | None
    shape: str
    seed: int
    classes: tuple[str, ...] = ()

    @property
    def user_classes(self) -> tuple[str, ...]:
        """Return Locust's classes for it."""
        if self.classes:
            return self.classes
        if self.users is None:
            return ("OpenArrivals",)
        return ("Browsing", "Buying") if self.rate_per_s is None else ("PacedBrowsing",)

    def words(self) -> str:
        """Return it as a reader would say it."""
        shape = "" if self.shape == "steady" else f", {self.shape}"
        rate = "" if self.rate_per_s is None else f" {self.rate_per_s:g}/s"
        kind = "open arrivals" if self.users is None else f"{self.users} users who wait"
        return f"{kind}{rate}{shape} for {self.duration_s:g} s, seed {self.seed}"


def base(root: Path) -> list[str]:
    """Return the words that start Locust with the lab's locustfile."""
    return [sys.executable, "-m", "locust", "-f", str(root / "loadtests" / "locustfile.py")]


def targets(found: Mapping[str, Door], door: Door) -> list[str]:
    """Return the options that say who is asked, who is who, and where the figures go."""
    arms = ",".join(f"{each.arm}={each.gateway}" for each in found.values())
    # Where two arms have the same kind of handler, the arm under test is the one that is asked.
    inventories = {each.handler: each.inventory for each in (*found.values(), door)}
    pairs = ",".join(f"{handler}={url}" for handler, url in inventories.items())
    return ["--host", door.gateway, "--arms", arms, "--inventories", pairs, "--relay", RELAY_URL]


def web(port: int) -> list[str]:
    """Return the options of Locust's own web UI, on this machine only."""
    return ["--web-host", "127.0.0.1", "--web-port", str(port), "--class-picker"]


def headless(wanted: Wanted, folder: Path, processes: int) -> list[str]:
    """Return the options of a test without a web UI that leaves Locust's files and summary.json in `folder`."""
    users = processes if wanted.users is None else wanted.users
    rate = [] if wanted.rate_per_s is None else ["--rate", f"{wanted.rate_per_s:g}"]
    course = ["--duration", f"{wanted.duration_s:g}", "--shape", wanted.shape, "--seed", str(wanted.seed)]
    files = ["--csv", str(folder / "locust"), "--csv-full-history", "--html", str(folder / "locust.html")]
    files += ["--summary", str(folder / "summary.json")]
    # What the shop refuses or fails is a result here, not an error of the command.
    quiet = ["--headless", "--only-summary", "--exit-code-on-error", "0"]
    return [*quiet, "--users", str(users), "--spawn-rate", SPAWN_PER_S, *rate, *course, *files]


def master(port: int, workers: int, wait_s: int) -> list[str]:
    """Return the options of a master on this machine that waits for its workers."""
    bind = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", str(port)]
    return [*bind, "--expect-workers", str(workers), "--expect-workers-max-wait", str(wait_s)]


def worker(port: int) -> list[str]:
    """Return the options of one of its workers."""
    return ["--worker", "--master-host", "127.0.0.1", "--master-port", str(port)]


def summary_lines(summary: Mapping[str, Any], wanted: Wanted, host: str) -> Iterator[str]:
    """Yield what a load came to, a line each."""
    since = "the intended instant" if "OpenArrivals" in wanted.user_classes else "the sending, by users who wait"
    outcomes = ", ".join(f"{number:,} {outcome.replace('_', ' ')}" for outcome, number in summary["outcomes"].items())
    quantiles = ", ".join(f"{name} {_ms(summary[f'{name}_ms'])}" for name in ("p50", "p95", "p99"))
    yield f"load     {summary['arm']} {host}, {wanted.words()}"
    yield (
        f"sent     {summary['sent']:,} of {summary['offered']:,} offered, "
        f"{summary['late']:,} late (> {summary['late_s'] * 1000:g} ms), {summary['skipped']:,} skipped"
    )
    # Locust ends its users in the middle of a request.
    cut = summary["sent"] - sum(summary["outcomes"].values())
    yield f"ended    {outcomes}" + (f", {cut:,} cut off by the end" if cut else "")
    yield f"latency  {quantiles}, from {since}"
    if wanted.shape == "ramp" and wanted.users is None:
        yield f"knee     {_knee(summary.get('knee_per_s'), wanted)}"


def written(folder: Path, shown: str) -> Iterator[str]:
    """Yield the files of a load, the one to open first."""
    yield f"report   {shown}/locust.html"
    others: Sequence[str] = sorted(path.name for path in folder.iterdir() if path.is_file())
    yield f"files    {shown}/: " + ", ".join(name for name in others if name != "locust.html")


def _knee(per_s: float | None, wanted: Wanted) -> str:
    if per_s is None:
        return f"none up to {wanted.rate_per_s:g}/s, where the ramp ends: 90 % were in time all the way"
    return (
        f"about {per_s:,.0f}/s: from there on fewer than 90 % were in time (the ramp ends at {wanted.rate_per_s:g}/s)"
    )


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f} ms" if value >= 10 else f"{value:.1f} ms"  # noqa: PLR2004  three digits
