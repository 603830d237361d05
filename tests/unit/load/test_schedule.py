"""The schedule of arrivals: what every arm, and every repetition with the same seed, meets."""

import math
from dataclasses import replace
from itertools import islice, pairwise

import pytest

from loadtests.schedule import REPEAT_AFTER_S, SKUS, Arrival, key_for, schedule, sending_orders

SEEDS = (1, 7, 1234)
SHARE = 0.05


def instants(arrivals: tuple[Arrival, ...], kind: str) -> list[float]:
    return [arrival.intended_s for arrival in arrivals if arrival.kind == kind]


def distance_from_exponential(gaps: list[float], per_s: float) -> float:
    """Return the Kolmogorov-Smirnov distance between gaps and the exponential distribution of a rate."""
    n = len(gaps)
    model = [1 - math.exp(-per_s * gap) for gap in sorted(gaps)]
    return max(max(at - i / n, (i + 1) / n - at) for i, at in enumerate(model))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_rate_of_each_kind_is_the_one_asked_for(seed: int) -> None:
    arrivals = schedule(seed, checkout_per_s=40, browse_per_s=80, repeat_share=0.0, duration_s=200)

    # A Poisson count has the standard deviation of its root: five of them are never left by chance.
    assert abs(len(instants(arrivals, "checkout")) - 8_000) < 5 * math.sqrt(8_000)
    assert abs(len(instants(arrivals, "browse")) - 16_000) < 5 * math.sqrt(16_000)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("kind", "per_s"), [("checkout", 40.0), ("browse", 80.0)])
def test_the_gaps_of_a_kind_are_exponential(seed: int, kind: str, per_s: float) -> None:
    found = instants(schedule(seed, 40, 80, 0.0, 100), kind)
    gaps = [later - earlier for earlier, later in pairwise([0.0, *found])]

    # The distance that a true sample exceeds once in a thousand.
    assert distance_from_exponential(gaps, per_s) < 1.95 / math.sqrt(len(gaps))


def test_regular_gaps_are_not_taken_for_exponential() -> None:
    assert distance_from_exponential([1 / 40] * 4_000, 40) > 1.95 / math.sqrt(4_000)


def test_the_two_kinds_do_not_come_in_each_others_rhythm() -> None:
    arrivals = schedule(7, 50, 50, 0.0, 400)

    counts = {
        kind: [sum(second <= at < second + 1 for at in instants(arrivals, kind)) for second in range(400)]
        for kind in ("checkout", "browse")
    }
    mean = {kind: sum(each) / 400 for kind, each in counts.items()}
    pairs = zip(counts["checkout"], counts["browse"], strict=True)
    covariance = sum((c - mean["checkout"]) * (b - mean["browse"]) for c, b in pairs) / 400
    assert abs(covariance) / 50 < 4 / math.sqrt(400)


def test_the_same_seed_gives_the_same_arrivals() -> None:
    assert schedule(7, 40, 80, SHARE, 30) == schedule(7, 40, 80, SHARE, 30)


def test_another_seed_gives_other_arrivals() -> None:
    assert instants(schedule(7, 40, 0, SHARE, 30), "checkout") != instants(schedule(8, 40, 0, SHARE, 30), "checkout")


def test_the_schedule_of_a_seed_never_changes() -> None:
    """A run is repeated by its seed, with a later version of the lab too."""
    first = schedule(7, 40, 80, SHARE, 30)[0]

    assert (first.kind, first.sku, f"{first.intended_s:.6f}") == ("checkout", "sku-0139", "0.017575")


def test_browsing_faster_leaves_the_instants_of_checkouts_as_they_were() -> None:
    slow, fast = schedule(7, 40, 10, SHARE, 30), schedule(7, 40, 200, SHARE, 30)

    assert instants(slow, "checkout") == instants(fast, "checkout")


def test_a_longer_run_begins_as_the_shorter_one() -> None:
    short, long = schedule(7, 40, 80, SHARE, 10), schedule(7, 40, 80, SHARE, 20)

    assert long[: len(short)] == short


def test_arrivals_are_numbered_in_the_order_of_their_instants_within_the_duration() -> None:
    arrivals = schedule(7, 40, 80, SHARE, 30)

    assert [arrival.seq for arrival in arrivals] == list(range(len(arrivals)))
    assert all(earlier.intended_s <= later.intended_s for earlier, later in pairwise(arrivals))
    assert arrivals[0].intended_s >= 0
    assert arrivals[-1].intended_s < 30


def test_customers_want_every_product() -> None:
    assert {arrival.sku for arrival in schedule(7, 40, 80, SHARE, 60)} == set(SKUS)


@pytest.mark.parametrize(("checkout_per_s", "browse_per_s", "duration_s"), [(0, 0, 30), (40, 80, 0)])
def test_no_rate_or_no_time_has_no_arrivals(checkout_per_s: float, browse_per_s: float, duration_s: float) -> None:
    assert schedule(7, checkout_per_s, browse_per_s, SHARE, duration_s) == ()


def test_a_negative_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="checkout_per_s=-1"):
        schedule(7, -1, 80, SHARE, 30)


@pytest.mark.parametrize("share", [-0.01, 1.01, math.nan])
def test_a_share_beyond_none_and_all_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="repeat_share="):
        schedule(7, 40, 80, share, 30)


def by_key(arrivals: tuple[Arrival, ...]) -> dict[str, list[Arrival]]:
    """Return the arrivals of each key, in their order."""
    found: dict[str, list[Arrival]] = {}
    for arrival in arrivals:
        if arrival.kind == "checkout":
            found.setdefault(arrival.key, []).append(arrival)
    return found


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("share", [0.05, 0.5])
def test_the_asked_share_of_checkouts_is_sent_twice(seed: int, share: float) -> None:
    customers = by_key(schedule(seed, 40, 80, share, 200))

    twice = sum(len(each) == 2 for each in customers.values())
    n = len(customers)
    assert abs(twice - share * n) < 5 * math.sqrt(n * share * (1 - share))
    assert {len(each) for each in customers.values()} == {1, 2}


@pytest.mark.parametrize(("share", "times"), [(0.0, {1}), (1.0, {2})])
def test_nobody_or_everybody_may_click_twice(share: float, times: set[int]) -> None:
    arrivals = schedule(7, 40, 80, share, 60)
    # A second click that would come after the end is not sent.
    customers = [each for each in by_key(arrivals).values() if each[0].intended_s < 60 - REPEAT_AFTER_S[1]]

    assert {len(each) for each in customers} == times


def test_a_repeat_is_the_same_purchase_under_the_same_key_a_moment_later() -> None:
    pairs = [each for each in by_key(schedule(7, 40, 80, 0.5, 200)).values() if len(each) == 2]

    assert {(first.sku, first.key) == (again.sku, again.key) for first, again in pairs} == {True}
    assert {first.key for first, _ in pairs} == {f"7-{first.seq}" for first, _ in pairs}
    waits = [again.intended_s - first.intended_s for first, again in pairs]
    least, most = REPEAT_AFTER_S
    assert least <= min(waits) < least + 0.05
    assert most - 0.05 < max(waits) <= most
    # The mean of a uniform sample: five standard errors.
    assert abs(sum(waits) / len(waits) - (least + most) / 2) < 5 * (most - least) / math.sqrt(12 * len(waits))


def test_repeats_leave_the_first_customers_as_they_were() -> None:
    without, few, many = (schedule(7, 40, 80, share, 30) for share in (0.0, 0.05, 0.5))

    for repeated in (few, many):
        firsts = [each[0] for each in by_key(repeated).values()]
        assert [(each.intended_s, each.sku) for each in firsts] == [
            (each.intended_s, each.sku) for each in without if each.kind == "checkout"
        ]
        assert instants(repeated, "browse") == instants(without, "browse")
    assert set(instants(few, "checkout")) < set(instants(many, "checkout"))


def test_each_customer_has_a_key_of_its_own_at_each_arm() -> None:
    arrivals = schedule(7, 40, 80, 0.0, 30)

    keys = [
        key_for(arrival, arm) for arrival in arrivals for arm in ("naive", "protected") if arrival.kind == "checkout"
    ]
    assert len(set(keys)) == len(keys)
    assert "" not in keys


def test_who_only_looks_has_no_key() -> None:
    assert {key_for(arrival, "naive") for arrival in schedule(7, 0, 80, SHARE, 5)} == {""}


def test_no_arm_is_always_first() -> None:
    orders = list(sending_orders(7, ("a", "b", "c"), 3_000))

    for arm in ("a", "b", "c"):
        firsts = sum(order[0] == arm for order in orders)
        assert abs(firsts - 1_000) < 5 * math.sqrt(3_000 * 1 / 3 * 2 / 3)
    assert all(sorted(order) == ["a", "b", "c"] for order in orders)


def test_the_order_of_the_arms_repeats_with_the_seed() -> None:
    assert list(sending_orders(7, ("a", "b"), 50)) == list(islice(sending_orders(7, ("a", "b"), 100), 50))
    assert list(sending_orders(7, ("a", "b"), 50)) != list(sending_orders(8, ("a", "b"), 50))


def test_those_who_list_change_nobody_elses_instants() -> None:
    """So every older scenario meets the customers that it always met, whatever the new kind does."""
    without, with_lists = schedule(7, 40, 80, SHARE, 20), schedule(7, 40, 80, SHARE, 20, list_per_s=30)

    assert [(one.kind, one.intended_s, one.sku) for one in without] == [
        (one.kind, one.intended_s, one.sku) for one in with_lists if one.kind != "list"
    ]
    assert abs(len(instants(with_lists, "list")) - 600) < 5 * math.sqrt(600)
    assert {one.key for one in with_lists if one.kind == "list"} == {""}


def test_a_run_has_keys_of_its_own_and_the_same_customers() -> None:
    """A shop that stays up must not take the second run's customers for those of the first."""
    first, second = (schedule(7, 40, 80, SHARE, 30, run=run) for run in ("one", "two"))

    assert not {each.key for each in first if each.key} & {each.key for each in second if each.key}
    assert [replace(each, key="") for each in first] == [replace(each, key="") for each in second]


def test_readers_and_searchers_leave_the_others_as_they_were() -> None:
    without, with_them = (
        schedule(7, 40, 80, SHARE, 20),
        schedule(7, 40, 80, SHARE, 20, product_per_s=30, search_per_s=10),
    )

    others = [(one.kind, one.intended_s, one.sku) for one in with_them if one.kind not in {"product", "search"}]
    assert others == [(one.kind, one.intended_s, one.sku) for one in without]
    for kind, per_s in (("product", 30), ("search", 10)):
        assert abs(len(instants(with_them, kind)) - 20 * per_s) < 5 * math.sqrt(20 * per_s)
