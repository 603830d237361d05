"""Runs the course of a test of Locust's: how many users there are, and when it is over.

Locust's own LoadTestShape must be picked in the web UI apart from everything else, knows users only, and ends a test
while open arrivals are still waiting for their answers.
"""

import logging
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import gevent
from locust.dispatch import UsersDispatcher
from locust.exception import StopTest
from locust.runners import MasterRunner

from loadtests.curves import users_at
from loadtests.options import MAX_USERS, Refused
from loadtests.under_test import UnderTest

TICK_S = 1.0
# Beyond the last customer's patience: the generator's own time to notice, and the workers' to say so.
SLACK_S = 3.0
# Locust warns of more.
SPAWN_PER_S = 100.0


class Conductor:
    """For the process that decides: Locust alone, or the master. Its listeners belong to one environment."""

    def __init__(self, under_test: UnderTest, open_class: Any) -> None:
        self._under_test = under_test
        self._environment = under_test.environment
        self._open_class = open_class
        self._course: gevent.Greenlet | None = None
        self._peak = 0
        self._began = 0.0
        self._environment.dispatcher_class = partial(_Dispatcher, limit=self._limit)
        self._environment.events.test_start.add_listener(self._start)
        self._environment.events.test_stop.add_listener(self._stopped)

    def _start(self, **_: Any) -> None:
        """Check the test and begin its course; Locust ends a test whose start raises StopTest, and shows why."""
        runner = self._environment.runner
        try:
            self._under_test.begin()
            self._peak = _users(runner.target_user_count)
            _need_inventories(self._environment.user_classes, self._under_test.inventories)
        except Refused as error:
            if self._environment.web_ui is None:
                self._environment.process_exit_code = 1
            if isinstance(runner, MasterRunner):
                gevent.spawn(self._end)
            raise StopTest(f"not started: {error}") from None
        # One schedule a process; where there are fewer users than workers, some workers have none.
        processes = runner.worker_count if isinstance(runner, MasterRunner) else 1
        self._open_class.fixed_count = min(processes, self._peak)
        # Locust sends its workers every option that is not its own.
        self._environment.parsed_options.open_processes = self._open_class.fixed_count
        self._environment.parsed_options.peak_users = self._peak
        self._began = time.perf_counter()
        self._course = gevent.spawn(self._run)

    def _stopped(self, **_: Any) -> None:
        course, self._course = self._course, None
        # The course may be what stops the test.
        if course is not None and course is not gevent.getcurrent():
            course.kill(block=False)

    def _run(self) -> None:
        runner, settings = self._environment.runner, self._under_test.settings
        users = self._limit(self._peak)
        while (left_s := self._began + settings.duration_s - time.perf_counter()) > 0:
            gevent.sleep(min(TICK_S, left_s))
            if runner.target_user_count > MAX_USERS:
                logging.getLogger(__name__).error(
                    "ended: at most %d users, not %d", MAX_USERS, runner.target_user_count
                )
                break
            if (now := self._limit(self._peak)) != users and left_s > TICK_S:
                users = now
                runner.start(users, SPAWN_PER_S)
        drained_at = time.perf_counter() + settings.patience_s + SLACK_S
        while not self._under_test.open_are_over() and time.perf_counter() < drained_at:
            gevent.sleep(0.1)
        self._end()

    def _limit(self, users: int) -> int:
        """Return how many of `users` the shape allows now: all of them where nobody waits for answers."""
        settings = self._under_test.settings
        share = (time.perf_counter() - self._began) / settings.duration_s
        only_open = all(each is self._open_class for each in self._environment.user_classes)
        # A steady test may be given more users in the web UI while it runs.
        if settings.shape == "steady" or only_open or share >= 1:
            return users
        return min(users, users_at(settings.shape, share, self._peak))

    def _end(self) -> None:
        environment = self._environment
        if environment.web_ui is None:
            environment.runner.quit()
        else:
            environment.runner.stop()


class _Dispatcher(UsersDispatcher):
    """Locust's own, but never beyond the shape: a test whose shape begins low must not begin with everybody."""

    def __init__(self, *arguments: Any, limit: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._limit = limit

    def new_dispatch(self, target_user_count: int, spawn_rate: float, user_classes: Any = None) -> None:
        super().new_dispatch(self._limit(target_user_count), spawn_rate, user_classes)


def _need_inventories(user_classes: Any, known: Mapping[str, str]) -> None:
    for handler in filter(None, (getattr(each, "handler", "") for each in user_classes)):
        if handler not in known:
            raise Refused(f"no inventory with {handler} handlers is up; there is: {', '.join(known) or 'none'}")


def _users(wanted: int) -> int:
    if not 1 <= wanted <= MAX_USERS:
        raise Refused(f"users must be from 1 to {MAX_USERS}, is {wanted}")
    return wanted
