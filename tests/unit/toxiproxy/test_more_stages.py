"""slow_close, slicer, limit_data, packet_loss and the drawn latencies, on a clock that the test moves."""

import random
from typing import Any

import pytest

from chaos.toxiproxy.server.errors import ApiError
from chaos.toxiproxy.server.toxics import TYPES
from chaos.toxiproxy.server.toxics.latency_distributions import DrawnAttributes
from chaos.toxiproxy.server.toxics.slicer import pieces
from tests.unit.toxiproxy.conftest import NEVER_MS, Workshop

DRAWS = 20_000


def stage(workshop: Workshop, kind: str, **attributes: float) -> Any:
    return workshop.stage(TYPES[kind].stage, TYPES[kind].attributes(**attributes))


class TestSlowClose:
    def test_data_passes_and_the_end_waits(self, workshop: Workshop) -> None:
        slow = stage(workshop, "slow_close", delay=700)
        workshop.feed(slow, b"a")
        slow.end()
        workshop.timeline.pass_ms(690)
        assert (workshop.out.data, workshop.out.ended_ms) == (b"a", NEVER_MS)
        workshop.timeline.pass_ms(20)
        assert workshop.out.ended_ms == pytest.approx(700, abs=2)

    def test_removal_passes_the_end_at_once(self, workshop: Workshop) -> None:
        slow = stage(workshop, "slow_close", delay=700)
        slow.end()
        slow.remove()
        assert workshop.out.ended_ms == 0
        assert workshop.timeline.pending == []


class TestLimitData:
    def test_exactly_the_limit_passes_and_the_connection_closes(self, workshop: Workshop) -> None:
        limit = stage(workshop, "limit_data", bytes=10)
        workshop.feed(limit, b"x" * 6)
        assert workshop.out.ended_ms == NEVER_MS
        workshop.feed(limit, b"y" * 6)
        assert (workshop.out.data, workshop.out.ended_ms) == (b"xxxxxxyyyy", 0)

    def test_zero_closes_at_the_first_data(self, workshop: Workshop) -> None:
        limit = stage(workshop, "limit_data")
        assert workshop.out.ended_ms == NEVER_MS
        workshop.feed(limit, b"x")
        assert (workshop.out.data, workshop.out.ended_ms) == (b"", 0)

    def test_an_update_keeps_the_count_and_closes_with_the_next_data(self, workshop: Workshop) -> None:
        limit = stage(workshop, "limit_data", bytes=100)
        workshop.feed(limit, b"x" * 20)
        limit.toxic.attributes = TYPES["limit_data"].attributes(bytes=5)  # type: ignore[call-arg]
        limit.update()
        assert workshop.out.ended_ms == NEVER_MS
        workshop.feed(limit, b"y")
        assert (workshop.out.data, workshop.out.ended_ms) == (b"x" * 20, 0)


class TestSlicer:
    def test_pieces_leave_one_after_the_other(self, workshop: Workshop) -> None:
        """A delay after each, the last too; the end waits for it."""
        slicer = stage(workshop, "slicer", average_size=25, delay=20_000)
        workshop.feed(slicer, b"x" * 100)
        slicer.end()
        workshop.timeline.pass_ms(200)
        assert [len(data) for _, data in workshop.out.chunks] == [25] * 4
        assert workshop.out.times_ms == pytest.approx([0, 20, 40, 60], abs=2)
        assert workshop.out.ended_ms == pytest.approx(80, abs=2)

    def test_without_a_delay_each_piece_is_a_write_of_its_own(self, workshop: Workshop) -> None:
        slicer = stage(workshop, "slicer", average_size=25)
        workshop.feed(slicer, b"x" * 100)
        assert workshop.out.data == b"x" * 25
        workshop.timeline.pass_ms(1)
        assert len(workshop.out.chunks) == 4

    @pytest.mark.parametrize("way_out", ["remove", "update"])
    def test_the_rest_leaves_in_one_piece(self, workshop: Workshop, way_out: str) -> None:
        slicer = stage(workshop, "slicer", average_size=25, delay=20_000)
        data = bytes(range(100))
        workshop.feed(slicer, data)
        getattr(slicer, way_out)()
        assert workshop.out.data == data
        assert [len(piece) for _, piece in workshop.out.chunks] == [25, 75]

    def test_removal_loses_nothing_of_chunks_that_wait(self, workshop: Workshop) -> None:
        slicer = stage(workshop, "slicer", average_size=25, delay=20_000)
        for number in range(5):
            workshop.feed(slicer, bytes([number]) * 50)
        slicer.end()
        slicer.remove()
        assert workshop.out.data == b"".join(bytes([number]) * 50 for number in range(5))
        assert workshop.out.ended_ms == 0

    def test_it_asks_for_no_more_when_enough_is_held(self, workshop: Workshop) -> None:
        slicer = stage(workshop, "slicer", average_size=25, delay=20_000)
        workshop.feed(slicer, bytes(32_768))
        workshop.feed(slicer, bytes(32_768))
        assert slicer.full

    @pytest.mark.parametrize(("average", "variation"), [(100, 20), (1, 0), (1_000, 999)])
    def test_pieces_add_up_and_none_is_too_long(self, average: int, variation: int) -> None:
        data = random.Random(1).randbytes(32_768)  # noqa: S311 - a seeded test
        cut = list(pieces(data, average, variation, random.Random(2)))  # noqa: S311
        assert b"".join(cut) == data
        assert max(map(len, cut)) <= average + variation

    @pytest.mark.parametrize(("average", "variation"), [(0, 0), (-1, 0), (10, 10)])
    def test_sizes_that_end_the_original_cut_nothing(self, average: int, variation: int) -> None:
        assert list(pieces(b"x" * 100, average, variation, random.Random(1))) == [b"x" * 100]  # noqa: S311


class TestPacketLoss:
    def test_the_share_is_lost(self, workshop: Workshop) -> None:
        loss = stage(workshop, "packet_loss", loss_rate=0.3)
        for _ in range(DRAWS):
            workshop.feed(loss, b"x")
        assert len(workshop.out.chunks) / DRAWS == pytest.approx(0.7, abs=0.02)

    def test_correlation_makes_bursts(self, workshop: Workshop) -> None:
        """With p after a chunk that passed and p + c after a lost one, p / (1 - c) of all are lost."""
        loss = stage(workshop, "packet_loss", loss_rate=0.1, correlation=0.5)
        for _ in range(DRAWS):
            workshop.feed(loss, b"x")
        assert 1 - len(workshop.out.chunks) / DRAWS == pytest.approx(0.2, abs=0.02)

    def test_a_rate_of_zero_loses_nothing(self, workshop: Workshop) -> None:
        loss = stage(workshop, "packet_loss", correlation=1)
        for _ in range(100):
            workshop.feed(loss, b"x")
        assert len(workshop.out.chunks) == 100


@pytest.mark.parametrize(
    ("kind", "attributes", "p50_ms", "p99_ms"),
    [
        ("latency_uniform", {"minimum": 100, "maximum": 200}, 150, 199),
        ("latency_normal", {"mean": 100, "deviation": 10}, 100, 123.3),
        ("latency_lognormal", {"median": 50, "p99": 400}, 50, 400),
        # Its exponent is ln 100 / ln 10 = 2, so its median is the minimum times the root of 2.
        ("latency_pareto", {"minimum": 20, "p99": 200}, 28.3, 200),
    ],
)
def test_a_distribution_has_the_quantiles_that_were_asked_for(
    kind: str, attributes: dict[str, int], p50_ms: float, p99_ms: float
) -> None:
    drawn = TYPES[kind].attributes(**attributes)
    assert isinstance(drawn, DrawnAttributes)
    drawn.check()
    rng = random.Random(3)  # noqa: S311 - a seeded test
    delays = sorted(drawn.draw_ms(rng) for _ in range(DRAWS))
    assert delays[DRAWS // 2] == pytest.approx(p50_ms, rel=0.05)
    assert delays[DRAWS * 99 // 100] == pytest.approx(p99_ms, rel=0.15)


@pytest.mark.parametrize("kind", ["latency_uniform", "latency_normal", "latency_lognormal", "latency_pareto"])
def test_nothing_given_is_no_delay(workshop: Workshop, kind: str) -> None:
    drawn = stage(workshop, kind)
    workshop.feed(drawn, b"x")
    assert workshop.out.times_ms == [0]


def test_drawn_delays_keep_the_order(workshop: Workshop) -> None:
    drawn = stage(workshop, "latency_pareto", minimum=1, p99=500)
    for number in range(200):
        workshop.feed(drawn, bytes([number]))
        workshop.timeline.pass_ms(1)
    workshop.timeline.pass_ms(90_000_000)
    assert workshop.out.data == bytes(range(200))


@pytest.mark.parametrize(
    ("kind", "attributes", "words"),
    [
        ("slicer", {}, "average_size must be at least 1"),
        ("slicer", {"average_size": 10, "size_variation": 10}, "size_variation must be below average_size"),
        ("latency_lognormal", {"median": 5, "p99": 4}, "p99 must be at least median"),
        ("latency_uniform", {"maximum": 90_000_000}, "maximum must be from 0 to 86400000"),
        ("packet_loss", {"correlation": 2.0}, "correlation must be from 0 to 1"),
    ],
)
def test_settings_without_sense_are_refused(kind: str, attributes: dict[str, float], words: str) -> None:
    with pytest.raises(ApiError, match=words):
        TYPES[kind].attributes(**attributes).check()
