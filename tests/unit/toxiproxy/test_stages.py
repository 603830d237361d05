"""Toxics on a clock that the test moves."""

import math
from dataclasses import replace
from typing import Any

import pytest

from chaos.toxiproxy.server.bodies import Fields
from chaos.toxiproxy.server.errors import ApiError
from chaos.toxiproxy.server.toxics import TYPES
from chaos.toxiproxy.server.toxics.bandwidth import BandwidthAttributes, BandwidthStage
from chaos.toxiproxy.server.toxics.base import Stage
from chaos.toxiproxy.server.toxics.latency import HELD_CHUNKS_MAX, LatencyAttributes, LatencyStage
from chaos.toxiproxy.server.toxics.noop import NoopAttributes, NoopStage
from chaos.toxiproxy.server.toxics.reset_peer import ResetPeerAttributes, ResetPeerStage
from chaos.toxiproxy.server.toxics.timeout import TimeoutAttributes, TimeoutStage

NEVER_MS = math.inf


def update(stage: Stage[Any], toxicity: float = 1.0, **attributes: int) -> None:
    stage.toxic.attributes = replace(stage.toxic.attributes, **attributes)
    stage.toxic.toxicity = toxicity
    stage.update()


def test_noop_passes_chunks_and_the_end(workshop: Any) -> None:
    stage = workshop.stage(NoopStage, NoopAttributes())
    workshop.feed(stage, b"a")
    stage.end()
    assert (workshop.out.data, workshop.out.ended_ms) == (b"a", 0)


class TestLatency:
    def test_each_chunk_leaves_at_arrival_plus_delay(self, workshop: Any) -> None:
        """Chunks 20 ms apart stay 20 ms apart, and none leaves before its time."""
        stage = workshop.stage(LatencyStage, LatencyAttributes(latency=100))
        for number in range(5):
            workshop.feed(stage, bytes([number]))
            workshop.timeline.pass_ms(20)
        workshop.timeline.pass_ms(200)
        assert workshop.out.data == bytes(range(5))
        for number, (at_ms, _) in enumerate(workshop.out.chunks):
            assert 100 + 20 * number <= at_ms + 1e-6 <= 102 + 20 * number

    def test_the_end_waits_behind_data_and_alone_does_not(self, workshop: Any) -> None:
        held = workshop.stage(LatencyStage, LatencyAttributes(latency=100))
        workshop.feed(held, b"a")
        held.end()
        assert workshop.out.ended_ms == NEVER_MS
        workshop.timeline.pass_ms(150)
        assert workshop.out.data == b"a"
        assert workshop.out.ended_ms >= 100

    def test_a_bare_end_passes_at_once(self, workshop: Any) -> None:
        workshop.stage(LatencyStage, LatencyAttributes(latency=100)).end()
        assert workshop.out.ended_ms == 0

    def test_two_add_up_exactly(self, workshop: Any) -> None:
        """The second one counts from the instant at which the first one should let go, not from when it did."""
        second = workshop.stage(LatencyStage, LatencyAttributes(latency=50))
        first = workshop.stage(LatencyStage, LatencyAttributes(latency=100), sink=second)
        workshop.feed(first, b"a")
        workshop.timeline.pass_ms(300)
        assert workshop.out.times_ms[0] in (150, 151)

    def test_jitter_spreads_within_its_bounds_and_keeps_order(self, workshop: Any) -> None:
        stage = workshop.stage(LatencyStage, LatencyAttributes(latency=50, jitter=20))
        for number in range(100):
            workshop.feed(stage, bytes([number]))
            workshop.timeline.pass_ms(200)
        delays = [at_ms - 200 * number for number, (at_ms, _) in enumerate(workshop.out.chunks)]
        assert workshop.out.data == bytes(range(100))
        assert 30 - 1e-6 <= min(delays) < 40
        assert 60 < max(delays) <= 72

    def test_negative_delay_passes_at_once(self, workshop: Any) -> None:
        stage = workshop.stage(LatencyStage, LatencyAttributes(latency=-50))
        workshop.feed(stage, b"a")
        assert workshop.out.times_ms == [0]

    def test_removal_lets_everything_go_in_order(self, workshop: Any) -> None:
        stage = workshop.stage(LatencyStage, LatencyAttributes(latency=60_000))
        for data in (b"a", b"b", b"c"):
            workshop.feed(stage, data)
        stage.end()
        stage.remove()
        assert (workshop.out.data, workshop.out.ended_ms) == (b"abc", 0)
        assert workshop.timeline.pending == []

    def test_update_sends_the_head_and_times_the_rest_anew(self, workshop: Any) -> None:
        stage = workshop.stage(LatencyStage, LatencyAttributes(latency=1_000))
        workshop.feed(stage, b"a")
        workshop.feed(stage, b"b")
        workshop.timeline.pass_ms(10)
        update(stage, latency=100)
        assert workshop.out.data == b"a"
        workshop.timeline.pass_ms(95)
        assert workshop.out.data == b"ab"

    def test_it_is_full_at_its_bound(self, workshop: Any) -> None:
        """The source is stopped at the bound, and told when there is room."""
        stage = workshop.stage(LatencyStage, LatencyAttributes(latency=100))
        for _ in range(HELD_CHUNKS_MAX):
            assert not stage.full
            workshop.feed(stage, b"x")
        assert stage.full
        workshop.timeline.pass_ms(110)
        assert not stage.full
        assert workshop.moved > 0
        for _ in range(33):
            workshop.feed(stage, bytes(1_024 * 1_024))
        assert stage.full

    def test_a_century_of_latency_is_a_timer_like_any_other(self, workshop: Any) -> None:
        stage = workshop.stage(LatencyStage, LatencyAttributes(latency=2**62))
        workshop.feed(stage, b"a")
        workshop.timeline.pass_ms(3_600_000 * 5)
        assert workshop.out.data == b""
        assert len(workshop.timeline.pending) == 1


class TestBandwidth:
    def test_large_chunks_leave_in_slices_at_the_rate(self, workshop: Any) -> None:
        """50 000 bytes at 100 KB/s: 10 000 bytes every 100 ms, done after half a second."""
        stage = workshop.stage(BandwidthStage, BandwidthAttributes(rate=100))
        workshop.feed(stage, bytes(30_000))
        workshop.feed(stage, bytes(20_000))
        workshop.timeline.pass_ms(99)
        assert workshop.out.data == b""
        workshop.timeline.pass_ms(2)
        assert len(workshop.out.data) == 10_000
        workshop.timeline.pass_ms(500)
        assert len(workshop.out.data) == 50_000
        assert 499 <= workshop.out.times_ms[-1] <= 503

    def test_small_chunks_cost_their_size(self, workshop: Any) -> None:
        """A hundred chunks of 100 bytes at 10 KB/s take a second, whatever each timer's error."""
        stage = workshop.stage(BandwidthStage, BandwidthAttributes(rate=10))
        for _ in range(100):
            workshop.feed(stage, bytes(100))
        stage.end()
        workshop.timeline.pass_ms(2_000)
        assert len(workshop.out.data) == 10_000
        assert 995 <= workshop.out.ended_ms <= 1_010

    def test_rate_zero_holds_data_and_end(self, workshop: Any) -> None:
        stage = workshop.stage(BandwidthStage, BandwidthAttributes())
        workshop.feed(stage, b"a")
        stage.end()
        workshop.timeline.pass_ms(10_000)
        assert (workshop.out.data, workshop.out.ended_ms) == (b"", NEVER_MS)
        stage.remove()
        assert (workshop.out.data, workshop.out.ended_ms) == (b"a", 10_000)

    def test_update_sends_the_head_and_goes_on_at_the_new_rate(self, workshop: Any) -> None:
        stage = workshop.stage(BandwidthStage, BandwidthAttributes())
        workshop.feed(stage, bytes(500))
        workshop.feed(stage, bytes(1_000))
        update(stage, rate=10)
        assert len(workshop.out.data) == 500
        workshop.timeline.pass_ms(99)
        assert len(workshop.out.data) == 500
        workshop.timeline.pass_ms(3)
        assert len(workshop.out.data) == 1_500

    def test_it_is_full_after_one_chunk_of_the_original(self, workshop: Any) -> None:
        stage = workshop.stage(BandwidthStage, BandwidthAttributes(rate=1_000))
        workshop.feed(stage, bytes(32 * 1_024))
        assert stage.full
        workshop.timeline.pass_ms(34)
        assert not stage.full
        assert workshop.moved > 0


class TestTimeout:
    def test_it_drops_and_closes_after_silence(self, workshop: Any) -> None:
        """Every dropped chunk restarts the timer."""
        stage = workshop.stage(TimeoutStage, TimeoutAttributes(timeout=400))
        for _ in range(6):
            workshop.timeline.pass_ms(200)
            workshop.feed(stage, b"x")
        assert workshop.out.ended_ms == NEVER_MS
        workshop.timeline.pass_ms(500)
        assert workshop.out.data == b""
        assert 1_600 <= workshop.out.ended_ms + 1e-6 <= 1_602

    def test_the_timer_starts_with_the_connection(self, workshop: Any) -> None:
        workshop.stage(TimeoutStage, TimeoutAttributes(timeout=400))
        workshop.timeline.pass_ms(500)
        assert workshop.out.ended_ms < NEVER_MS

    def test_zero_never_closes_and_an_end_does(self, workshop: Any) -> None:
        stage = workshop.stage(TimeoutStage, TimeoutAttributes())
        workshop.feed(stage, b"x")
        workshop.timeline.pass_ms(100_000)
        assert workshop.out.ended_ms == NEVER_MS
        stage.end()
        assert workshop.out.ended_ms < NEVER_MS

    @pytest.mark.parametrize("toxicity", [0, 1])
    def test_removal_closes_even_what_was_spared(self, workshop: Any, toxicity: float) -> None:
        stage = workshop.stage(TimeoutStage, TimeoutAttributes(timeout=400), toxicity=toxicity)
        stage.remove()
        assert workshop.out.ended_ms == 0
        assert workshop.timeline.pending == []

    def test_update_does_not_close(self, workshop: Any) -> None:
        stage = workshop.stage(TimeoutStage, TimeoutAttributes(timeout=400))
        workshop.timeline.pass_ms(300)
        update(stage, timeout=1_000)
        workshop.timeline.pass_ms(990)
        assert workshop.out.ended_ms == NEVER_MS
        workshop.timeline.pass_ms(20)
        assert workshop.out.ended_ms < NEVER_MS


class TestResetPeer:
    @pytest.mark.parametrize("trigger", ["data", "end"])
    def test_it_closes_after_the_first_data_or_the_end(self, workshop: Any, trigger: str) -> None:
        stage = workshop.stage(ResetPeerStage, ResetPeerAttributes(timeout=300))
        workshop.timeline.pass_ms(1_000)
        assert workshop.out.ended_ms == NEVER_MS
        if trigger == "data":
            workshop.feed(stage, b"x")
            workshop.timeline.pass_ms(200)
            workshop.feed(stage, b"y")
            workshop.timeline.pass_ms(110)
        else:
            stage.end()
            workshop.timeline.pass_ms(310)
        assert workshop.out.data == b""
        assert workshop.out.ended_ms >= 1_300 - 1e-6

    def test_removal_closes_only_a_stream_with_a_hole(self, workshop: Any) -> None:
        untouched = workshop.stage(ResetPeerStage, ResetPeerAttributes(timeout=300))
        untouched.remove()
        assert workshop.out.ended_ms == NEVER_MS
        counting = workshop.stage(ResetPeerStage, ResetPeerAttributes(timeout=300))
        workshop.feed(counting, b"x")
        counting.remove()
        assert workshop.out.ended_ms == 0


AT_WORK: dict[str, dict[str, float]] = {
    "latency": {"latency": 100},
    "latency_uniform": {"minimum": 100, "maximum": 200},
    "latency_normal": {"mean": 100, "deviation": 1},
    "latency_lognormal": {"median": 100, "p99": 101},
    "latency_pareto": {"minimum": 100, "p99": 200},
    "packet_loss": {"loss_rate": 1.0},
    "timeout": {"timeout": 100},
}
# They work on something else than data, or on how it is cut.
PASSING = ("noop", "slow_close", "slicer", "connect_delay", "connect_hang", "refuse")


@pytest.mark.parametrize("kind", sorted(TYPES))
def test_a_spared_connection_passes_everything_until_an_update_rolls_again(workshop: Any, kind: str) -> None:
    """At toxicity 0 every toxic passes data; at 1 after an update some do so at once, the others do not."""
    attributes = AT_WORK.get(kind, {})
    stage = workshop.stage(TYPES[kind].stage, TYPES[kind].attributes(**attributes), toxicity=0)
    workshop.feed(stage, b"a")
    assert workshop.out.data == b"a"
    update(stage)
    workshop.feed(stage, b"b")
    assert workshop.out.data == (b"ab" if kind in PASSING else b"a")


@pytest.mark.parametrize("kind", ["latency", "bandwidth"])
def test_an_update_to_toxicity_zero_lets_go_what_is_held(workshop: Any, kind: str) -> None:
    attributes = {"latency": 10_000} if kind == "latency" else {}
    stage = workshop.stage(TYPES[kind].stage, TYPES[kind].attributes(**attributes))
    workshop.feed(stage, b"a")
    workshop.feed(stage, b"b")
    update(stage, toxicity=0)
    assert workshop.out.data == b"ab"
    workshop.feed(stage, b"c")
    assert workshop.out.data == b"abc"


@pytest.mark.parametrize("kind", sorted(TYPES))
def test_after_the_end_nothing_passes_and_no_timer_stays(workshop: Any, kind: str) -> None:
    """A stage that has finished takes data and a second end without a word."""
    stage = workshop.stage(TYPES[kind].stage, TYPES[kind].attributes())
    workshop.feed(stage, b"")
    stage.finish()
    before = workshop.out.data
    workshop.feed(stage, b"late")
    stage.end()
    stage.finish()
    assert workshop.out.data == before
    assert workshop.timeline.pending == []


@pytest.mark.parametrize(
    ("kind", "attribute", "value", "bound"),
    [
        ("bandwidth", "rate", -1, "from 0 to"),
        ("latency", "jitter", 2**62, "to 1000000000000000"),
        ("packet_loss", "loss_rate", 1.5, "from 0 to 1"),
    ],
)
def test_attributes_outside_their_bounds_are_refused(kind: str, attribute: str, value: float, bound: str) -> None:
    """The message names attribute, bound and value; without the check they are taken, as by the original."""
    attributes = TYPES[kind].attributes.read(Fields({attribute: value}, "T"))
    with pytest.raises(ApiError, match=f"attribute {attribute} must be .*{bound}.* not {value}"):
        attributes.check()
