"""One Locust process and the test it carries: what it was asked for, what it has counted, and who is told.

Alone, a process tells the relay itself. With workers, each sends its counts to the master every second, and the master
tells the sum; it also ends the test, for only it knows that everybody has finished.
"""

import json
import sys
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gevent
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from loadtests.counts import Counts
from loadtests.exporter import PERIOD_S, Exporter
from loadtests.exposition import exposition
from loadtests.knee import Moment, knee
from loadtests.options import MAX_DURATION_S, Settings, arm_of, named_urls, relay_of, settings_of
from loadtests.summary import summary

KINDS = ("checkout", "browse")
MESSAGE = "load_counts"


class UnderTest:
    """Hangs at the environment as `under_test`; `begin` is called at the start of each test."""

    def __init__(self, environment: Environment) -> None:
        """Read who the arms are; raises Refused."""
        self.environment: Any = environment
        options: Any = environment.parsed_options
        self.arms = named_urls(options.arms)
        self.inventories = named_urls(options.inventories)
        self.settings: Settings = settings_of(options)
        self.counts = Counts(self.arms, KINDS, self.settings.in_time_s)
        # Of the present test, in this process: schedules of open arrivals that were begun and that are over.
        self.open_begun = self.open_over = 0
        self.key = ""
        self.arm = ""
        self._of_workers: dict[str, Mapping[str, Any]] = {}
        self._moments: list[Moment] = []
        relay = None if self.is_worker else relay_of(options.relay)
        self._exporter = Exporter(relay, "locust", self._page, _note, time.perf_counter)
        self._options = options

    @property
    def is_worker(self) -> bool:
        """Return whether a master does the telling."""
        return isinstance(self.environment.runner, WorkerRunner)

    def open(self) -> None:
        """Begin to tell: the relay, or the master, or to listen to the workers."""
        if self.is_worker:
            gevent.spawn(self._report_again_and_again)
        elif isinstance(self.environment.runner, MasterRunner):
            self.environment.runner.register_message(MESSAGE, self._take)
        if not self.is_worker:
            gevent.spawn(self._look_again_and_again)
        self._exporter.start()

    def begin(self) -> None:
        """Take the settings of the test that starts; raises Refused."""
        options = self._options
        self.arms, self.inventories = named_urls(options.arms), named_urls(options.inventories)
        self.settings = settings_of(options)
        self.arm = arm_of(self.environment.host, self.arms)
        self.counts.in_time_s = self.settings.in_time_s
        self.open_begun = self.open_over = 0
        self.key = uuid.uuid4().hex[:12]
        self._moments.clear()

    def open_are_over(self) -> bool:
        """Return whether every schedule of open arrivals has been sent and answered, everywhere."""
        snapshots = [self._snapshot(), *self._of_workers.values()]
        begun, over = (sum(snapshot[name] for snapshot in snapshots) for name in ("open_begun", "open_over"))
        return bool(begun == over)

    def close(self) -> None:
        """Tell the final figures, to the relay and into the file of --summary."""
        self.report()
        self._exporter.close()
        if self._options.summary and not self.is_worker:
            told = summary(self._total(), self.arm, self.environment.host or "")
            if self.settings.shape == "ramp":
                told["knee_per_s"] = knee(self._moments)
            Path(self._options.summary).write_text(json.dumps(told, indent=1) + "\n")

    def report(self) -> None:
        """Send what this process has counted to the master, if it has one."""
        if self.is_worker:
            self.environment.runner.send_message(MESSAGE, self._snapshot())

    def _report_again_and_again(self) -> None:
        while True:
            self.report()
            gevent.sleep(PERIOD_S)

    def _look_again_and_again(self) -> None:
        while True:
            lines = self._total().lines.values()
            offered, in_time = sum(line.offered for line in lines), sum(line.in_time for line in lines)
            # An hour and its drain; a web UI may be open for days.
            if len(self._moments) < 2 * MAX_DURATION_S:
                self._moments.append(Moment(time.perf_counter(), offered, in_time))
            gevent.sleep(PERIOD_S)

    def _take(self, msg: Any, **_: Any) -> None:
        self._of_workers[msg.node_id] = msg.data

    def _snapshot(self) -> dict[str, Any]:
        return self.counts.snapshot() | {"open_begun": self.open_begun, "open_over": self.open_over}

    def _total(self) -> Counts:
        if not self._of_workers:
            return self.counts
        return Counts.total(self._of_workers.values(), self.counts)

    def _page(self) -> str:
        runner = self.environment.runner
        users = getattr(runner, "reported_user_classes_count", None)
        return exposition(self._total(), runner.user_classes_count if users is None else users)


def _note(text: str) -> None:
    sys.stderr.write(f"loadtests: note: {text}\n")
