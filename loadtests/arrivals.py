"""Locust's part of a run: one user that sends the whole schedule of open arrivals.

The lab starts it in a process of its own, because importing Locust patches sockets and threads:

    LAB_LOAD=load.json python -m locust -f loadtests/arrivals.py --headless -u 1

The two talk by files: it creates `ready` when connections are warm and the schedule is drawn, waits for `go` with the
instant of the start, and writes requests.csv. Locust's own statistics, CSV files and web UI see every request too, and
where load.json names a relay, its figures go there as the source `run`.
"""

import gc
import json
import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import gevent
from locust import User, events, task
from locust.env import Environment

from loadtests.exporter import Exporter
from loadtests.exposition import exposition
from loadtests.plan import Plan, PlanError, read_plan
from loadtests.rows import Row, Rows
from loadtests.sender import Sender, WarmUpFailed

GO_WITHIN_S = 120.0
GO_POLL_S = 0.02


class StartFailed(Exception):
    """No usable `go` came; the message says what was wrong."""


@events.init.add_listener  # type: ignore[untyped-decorator]  # Locust leaves it untyped
def _take_plan(environment: Environment, **_: Any) -> None:
    """Read load.json before anything starts; Locust passes SystemExit on, so a bad one ends in one line."""
    name = os.environ.get("LAB_LOAD")
    if not name:
        raise SystemExit("loadtests: set LAB_LOAD to the path of a load.json")
    try:
        environment.lab_plan = read_plan(Path(name))  # type: ignore[attr-defined]
    except PlanError as error:
        raise SystemExit(f"loadtests: {error}") from error


class Arrivals(User):
    """The one user. It sends for all customers, so there must never be a second."""

    fixed_count = 1

    @task
    def send(self) -> None:
        """Send the plan once and end Locust, with exit code 1 and one line on stderr where that was not possible."""
        environment: Any = self.environment
        plan: Plan = environment.lab_plan
        environment.process_exit_code = 1
        try:
            with Rows(plan.records, time.perf_counter) as rows:
                sender = Sender(plan, rows, self._report, time.perf_counter)
                figures = partial(exposition, sender.counts, {})
                with Exporter(plan.relay, "run", figures, _note, time.perf_counter):
                    sender.warm_up()
                    _tell(plan.ready, {"arrivals": len(sender.arrivals)})
                    start = _await_go(plan.go)
                    # A full collection walks every object of Locust and the schedule: 25 ms in which nothing is sent.
                    gc.collect()
                    gc.freeze()
                    sender.run(start)
            # Refused and failed requests are results here, not errors of the generator.
            environment.process_exit_code = 0
        except (OSError, WarmUpFailed, StartFailed) as error:
            sys.stderr.write(f"loadtests: {error}\n")
        finally:
            # Not from this greenlet: quitting kills it and waits for that.
            runner = environment.runner
            gevent.spawn(runner.quit if environment.web_ui is None else runner.stop)
        gevent.sleep(GO_WITHIN_S)

    def _report(self, row: Row, size: int) -> None:
        """Show a request to Locust's statistics, counted from its intended instant."""
        self.environment.events.request.fire(
            request_type="POST" if row.kind == "checkout" else "GET",
            name=f"{row.arm} {row.kind}",
            response_time=float(row.latency_ms),
            response_length=size,
            exception=None if row.outcome == "answered" else f"{row.outcome} {row.status or ''}".rstrip(),
            context={},
        )


def _note(text: str) -> None:
    sys.stderr.write(f"loadtests: note: {text}\n")


def _tell(path: Path, content: dict[str, Any]) -> None:
    """Create a file so that nobody sees it half written."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(content))
    part.replace(path)


def _await_go(path: Path) -> float:
    """Wait for `go` and return its instant on the monotonic clock; raises StartFailed, OSError."""
    give_up = time.perf_counter() + GO_WITHIN_S
    while not path.exists():
        if time.perf_counter() > give_up:
            raise StartFailed(f"{path}: did not come within {GO_WITHIN_S:g} s")
        gevent.sleep(GO_POLL_S)
    try:
        t0 = float(json.loads(path.read_text())["t0"])
    except (ValueError, KeyError, TypeError) as error:
        raise StartFailed(f'{path}: must be {{"t0": epoch seconds}}') from error
    ahead_s = t0 - time.time()  # noqa: TID251  the lab's clock is another process's: only the epoch is common to both
    if not -1.0 < ahead_s < GO_WITHIN_S:
        raise StartFailed(f"{path}: t0 lies {ahead_s:.1f} s from now, must be ahead and within {GO_WITHIN_S:g} s")
    return time.perf_counter() + ahead_s
