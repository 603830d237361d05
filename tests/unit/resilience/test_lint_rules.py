"""Contradictions between the settings of a profile, each found by its own rule and shown by its own sum."""

from dataclasses import replace

import pytest

from resilience import (
    LINKS,
    PROFILES,
    BreakerSettings,
    BudgetSettings,
    BulkheadSettings,
    CallTree,
    CountWindow,
    DeadlineSettings,
    LinkSettings,
    RateLimitSettings,
    RetrySettings,
    SettingsError,
    TimeWindow,
    check,
    refuse_contradictions,
)

# edge -> middle -> deep, and middle asks a database twice.
TREE = CallTree(
    calls={"edge_to_middle": ("middle_to_db", "middle_to_deep", "middle_to_db")},
    usual_s={"edge_to_middle": 0.5, "middle_to_db": 0.1, "middle_to_deep": 0.2},
    per_s={"edge_to_middle": 5, "middle_to_db": 10, "middle_to_deep": 5},
    pools={"middle_to_db": 10},
    server_connections=30,
    copies=3,
)
BARE = dict.fromkeys(("edge_to_middle", "middle_to_db", "middle_to_deep"), LinkSettings())


def found(**links: LinkSettings) -> list[str]:
    return [str(finding) for finding in check({**BARE, **links}, TREE)]


def timed(attempt_timeout_s: float, **more: object) -> LinkSettings:
    return LinkSettings(attempt_timeout_s=attempt_timeout_s, **more)  # type: ignore[arg-type]


def retrying(max_attempts: int) -> RetrySettings:
    return RetrySettings(max_attempts=max_attempts, base_wait_s=0.1, max_wait_s=0.1)


@pytest.mark.parametrize("profile", PROFILES)
def test_no_profile_contradicts_itself(profile: str) -> None:
    assert check(PROFILES[profile].links) == []
    refuse_contradictions(profile, PROFILES[profile].links)


def test_defaults_of_libraries_promise_nothing_and_contradict_nothing() -> None:
    assert found() == []


class TestOutlives:
    def test_inner_retries_that_last_longer_than_the_caller_waits(self) -> None:
        [finding] = found(
            edge_to_middle=timed(2.0), middle_to_deep=timed(1.0, retry=retrying(2)), middle_to_db=timed(0.3)
        )

        assert finding == (
            "edge_to_middle: gives up after 2 s, but middle_to_deep may take (2 x 1 s, 1 x 0.1 s of waits) = 2.1 s x 1 "
            "+ 0.2 s for the rest = 2.3 s"
        )

    def test_a_call_made_twice_counts_twice(self) -> None:
        [finding] = found(edge_to_middle=timed(2.0), middle_to_deep=timed(0.5), middle_to_db=timed(1.0))

        assert finding.endswith("middle_to_db may take (1 x 1 s) = 1 s x 2 + 0.2 s for the rest = 2.2 s")

    def test_what_just_fits_is_no_contradiction(self) -> None:
        assert found(edge_to_middle=timed(2.0), middle_to_deep=timed(1.8), middle_to_db=timed(0.9)) == []

    def test_an_inner_call_that_nothing_bounds(self) -> None:
        assert found(edge_to_middle=timed(2.0), middle_to_db=timed(0.3)) == [
            "edge_to_middle: gives up after 2 s, but nothing bounds middle_to_deep below it"
        ]

    def test_one_that_nothing_bounds_does_not_hide_the_next(self) -> None:
        first, second = found(edge_to_middle=timed(2.0), middle_to_deep=timed(2.0))

        assert "nothing bounds middle_to_db" in first
        assert "middle_to_deep may take" in second

    def test_queue_and_the_last_start_are_part_of_the_sum(self) -> None:
        """0.2 s to start + 1.5 s + 0.4 s of queue is 2.1 s, not 2 x 1.5 s."""
        deep = timed(
            1.5,
            retry=replace(retrying(2), start_within_s=0.2),
            bulkhead=BulkheadSettings(max_concurrent=5, max_waiting=1, max_wait_s=0.4),
        )

        [finding] = found(edge_to_middle=timed(2.0), middle_to_deep=deep, middle_to_db=timed(0.3))

        assert "(2 x 1.5 s, 1 x 0.1 s of waits, no attempt begun after 0.2 s, 0.4 s of queue) = 2.1 s x 1" in finding

    def test_a_caller_without_a_timeout_waits_for_anything(self) -> None:
        assert found(middle_to_deep=timed(60.0)) == []


class TestMultiplies:
    def test_retries_on_two_layers_multiply(self) -> None:
        [finding] = found(
            edge_to_middle=LinkSettings(retry=retrying(3)), middle_to_deep=LinkSettings(retry=retrying(2))
        )

        assert finding == (
            "edge_to_middle: one call may become 3 x 2 = 6 at middle_to_deep, more than 4: retry on one layer, next to "
            "what fails"
        )

    def test_four_are_allowed(self) -> None:
        assert (
            found(edge_to_middle=LinkSettings(retry=retrying(2)), middle_to_deep=LinkSettings(retry=retrying(2))) == []
        )

    def test_only_the_path_from_the_edge_is_told(self) -> None:
        """What is called by somebody is counted with its caller."""
        tree = replace(TREE, calls={**TREE.calls, "middle_to_deep": ("deep_to_disk",)})
        tree = replace(tree, usual_s={**TREE.usual_s, "deep_to_disk": 0.1}, per_s={**TREE.per_s, "deep_to_disk": 5})
        links = {
            **BARE,
            "middle_to_deep": LinkSettings(retry=retrying(3)),
            "deep_to_disk": LinkSettings(retry=retrying(2)),
        }

        assert [finding.link for finding in check(links, tree)] == ["edge_to_middle"]


class TestQueue:
    def test_places_that_nobody_is_served_from_in_time(self) -> None:
        queue = BulkheadSettings(max_concurrent=5, max_waiting=11, max_wait_s=0.2)

        assert found(middle_to_db=LinkSettings(bulkhead=queue)) == [
            "middle_to_db: 11 may wait, but 5 slots / 0.1 s = 50 calls/s x 0.2 s serve only 10 of them in time"
        ]

    def test_as_many_places_as_are_served_in_time_are_right(self) -> None:
        queue = BulkheadSettings(max_concurrent=5, max_waiting=10, max_wait_s=0.2)

        assert found(middle_to_db=LinkSettings(bulkhead=queue)) == []

    def test_without_a_queue_there_is_nothing_to_wait_for(self) -> None:
        assert found(middle_to_db=LinkSettings(bulkhead=BulkheadSettings(5, 0, 0.0))) == []


class TestPool:
    def test_pools_that_together_are_larger_than_the_server_allows(self) -> None:
        assert found(middle_to_db=LinkSettings(pool_size=11)) == [
            "middle_to_db: pools of 11 = 11 connections x 3 copies of the shop = 33, but the server allows 30"
        ]

    def test_the_librarys_own_size_counts_where_none_is_set(self) -> None:
        small = replace(TREE, server_connections=29)

        assert [finding.link for finding in check(BARE, small)] == ["middle_to_db"]
        assert check(BARE, TREE) == []

    def test_a_bulkhead_wider_than_its_pool(self) -> None:
        settings = LinkSettings(bulkhead=BulkheadSettings(9, 0, 0.0), pool_size=8)

        assert found(middle_to_db=settings) == [
            "middle_to_db: the bulkhead lets 9 in, the pool holds 8: the rest queues unseen"
        ]
        assert found(middle_to_db=replace(settings, pool_size=9)) == []

    def test_the_sum_is_told_once_however_many_pools_there_are(self) -> None:
        pools = {"middle_to_db": 10, "middle_to_deep": 10}

        [finding] = check(BARE, replace(TREE, pools=pools))

        assert "pools of 10 + 10 = 20 connections x 3 copies of the shop = 60" in finding.arithmetic


class TestNeverOpens:
    @staticmethod
    def breaker(min_calls: int) -> LinkSettings:
        window = TimeWindow(window_s=2.0, min_calls=min_calls, failure_rate=0.5)
        return timed(0.3, breaker=BreakerSettings(window, open_s=1.0, probes=1))

    def test_a_window_that_never_sees_its_minimum_of_calls(self) -> None:
        assert found(middle_to_db=self.breaker(21)) == [
            "middle_to_db: the breaker wants 21 calls, but 10 calls/s x 2 s = 20: it never opens"
        ]

    def test_a_window_that_just_does(self) -> None:
        assert found(middle_to_db=self.breaker(20)) == []

    def test_a_window_of_calls_fills_however_slowly(self) -> None:
        window = CountWindow(calls=100, min_calls=100, failure_rate=0.5)

        assert found(middle_to_db=timed(0.3, breaker=BreakerSettings(window, open_s=1.0, probes=1))) == []


class TestDriver:
    def test_a_client_that_repeats_for_longer_than_an_attempt(self) -> None:
        assert found(middle_to_deep=timed(0.4, command_timeout_s=0.1, library_retries=10)) == [
            "middle_to_deep: the client tries 11 x 0.1 s = 1.1 s, but an attempt ends after 0.4 s"
        ]

    def test_without_repeats_it_is_one_try(self) -> None:
        assert found(middle_to_deep=timed(0.4, command_timeout_s=0.4)) == []
        assert len(found(middle_to_deep=timed(0.4, command_timeout_s=0.5))) == 1


class TestTooTight:
    @pytest.mark.parametrize(
        ("settings", "finding"),
        [
            (timed(0.1), "an attempt ends after 0.1 s, but a call usually takes 0.1 s"),
            (
                timed(0.3, deadline=DeadlineSettings(None, 0.3)),
                "a call is not begun with less than 0.3 s left, but an attempt has 0.3 s",
            ),
            (
                timed(0.3, breaker=BreakerSettings(CountWindow(9, 9, 0.5, 0.1, 0.5), open_s=1.0, probes=1)),
                "the breaker calls 0.1 s slow, but a call usually takes 0.1 s",
            ),
            (timed(0.3, rate_limit=RateLimitSettings(9.9, 5.0)), "9.9 calls/s are allowed, but 10 come"),
        ],
    )
    def test_what_a_healthy_call_meets_already(self, settings: LinkSettings, finding: str) -> None:
        assert found(middle_to_db=settings) == [f"middle_to_db: {finding}"]

    def test_fewer_slots_than_calls_in_flight(self) -> None:
        """Little: rate x time."""
        busy = replace(TREE, per_s={**TREE.per_s, "middle_to_db": 31})
        links = {**BARE, "middle_to_db": LinkSettings(bulkhead=BulkheadSettings(3, 0, 0.0))}

        assert [str(finding) for finding in check(links, busy)] == [
            "middle_to_db: the bulkhead lets 3 in, but 31 calls/s x 0.1 s = 3.1 are in flight at once"
        ]
        assert check(links, replace(TREE, per_s={**TREE.per_s, "middle_to_db": 30})) == []

    def test_what_leaves_a_healthy_call_alone(self) -> None:
        settings = timed(
            0.11,
            deadline=DeadlineSettings(None, 0.109),
            breaker=BreakerSettings(CountWindow(9, 9, 0.5, 0.101, 0.5), open_s=1.0, probes=1),
            rate_limit=RateLimitSettings(10.0, 5.0),
        )

        assert found(middle_to_db=settings) == []
        assert found(middle_to_db=LinkSettings(deadline=DeadlineSettings(None, 9.0))) == []


def test_a_profile_that_contradicts_itself_is_refused_with_every_sum() -> None:
    links = dict(PROFILES["protected"].links)
    links["payments_to_bank"] = LinkSettings(
        attempt_timeout_s=2.0, retry=retrying(3), budget=BudgetSettings(0.1, 1.0, 5.0)
    )
    assert tuple(links) == LINKS

    with pytest.raises(SettingsError) as caught:
        refuse_contradictions("mine", links)

    first, *findings = str(caught.value).splitlines()
    assert first == "profile 'mine' contradicts itself:"
    assert findings[0] == (
        "orders_to_payments: gives up after 1.5 s, but payments_to_bank may take (3 x 2 s, 2 x 0.1 s of waits) "
        "= 6.2 s x 1 + 0.02 s for the rest = 6.22 s"
    )
    assert "2 x 3 = 6 at payments_to_bank" in findings[1]


def test_another_shops_tree_is_what_its_settings_are_held_against() -> None:
    with pytest.raises(SettingsError, match="the server allows 30"):
        refuse_contradictions("theirs", {**BARE, "middle_to_db": LinkSettings(pool_size=11)}, TREE)
