"""A chain of toxics between two sockets that only record."""

import random
from typing import Any, cast

import pytest

from chaos.toxiproxy.server.link import CHUNK_BYTES, Link
from chaos.toxiproxy.server.runtime import Runtime
from chaos.toxiproxy.server.toxics import TYPES
from chaos.toxiproxy.server.toxics.base import Toxic


class Socket:
    """The part of a transport that a link uses."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closing = False
        self.ended = False
        self.reading = True

    @property
    def data(self) -> bytes:
        return b"".join(self.written)

    def write(self, data: bytes) -> None:
        assert not self.closing, "written after the close"
        assert not self.ended, "written after the end"
        self.written.append(data)

    def close(self) -> None:
        self.closing = True

    def write_eof(self) -> None:
        self.ended = True

    def is_closing(self) -> bool:
        return self.closing

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


def toxic(kind: str, **attributes: int) -> Toxic:
    return Toxic(kind, kind, "upstream", 1.0, TYPES[kind].attributes(**attributes))


class Pipe:
    """A link and its two ends."""

    def __init__(self, workshop: Any, *toxics: Toxic) -> None:
        self.source, self.destination = Socket(), Socket()
        self.timeline = workshop.timeline
        runtime = Runtime(cast("Any", self.timeline), self.timeline.now, random.Random(1))  # noqa: S311 - seeded
        self.link = Link(cast("Any", self.source), cast("Any", self.destination), toxics, runtime)


def test_without_toxics_the_chunk_itself_is_written(workshop: Any) -> None:
    """The fast path copies nothing."""
    pipe, chunk = Pipe(workshop), bytes(200_000)
    pipe.link.feed(chunk)
    assert pipe.destination.written[0] is chunk
    pipe.link.end()
    pipe.link.end()
    assert pipe.destination.ended


def test_with_a_toxic_chunks_are_the_original_s_at_most(workshop: Any) -> None:
    pipe = Pipe(workshop, toxic("noop"))
    data = bytes(range(256)) * 400
    pipe.link.feed(data)
    assert pipe.destination.data == data
    assert max(map(len, pipe.destination.written)) == CHUNK_BYTES


def test_an_added_toxic_follows_the_others(workshop: Any) -> None:
    """What a first toxic lets go reaches a toxic that was added while it was held."""
    first = toxic("latency", latency=100)
    pipe = Pipe(workshop, first)
    pipe.link.feed(b"a")
    pipe.link.add(toxic("latency", latency=50))
    pipe.timeline.pass_ms(120)
    assert pipe.destination.data == b""
    pipe.timeline.pass_ms(35)
    assert pipe.destination.data == b"a"


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_removed_toxic_hands_what_it_holds_to_those_behind_it(workshop: Any, place: int) -> None:
    """Wherever it stood, its bytes arrive once and in order with what follows."""
    toxics = [toxic("latency", latency=100) for _ in range(3)]
    pipe = Pipe(workshop, *toxics)
    for data in (b"a", b"b", b"c"):
        pipe.link.feed(data)
        pipe.timeline.pass_ms(60)
    pipe.link.remove(toxics[place])
    pipe.link.feed(b"d")
    pipe.timeline.pass_ms(500)
    assert pipe.destination.data == b"abcd"


def test_an_end_survives_the_removal_of_the_toxic_that_holds_it(workshop: Any) -> None:
    slow = toxic("latency", latency=10_000)
    pipe = Pipe(workshop, slow)
    pipe.link.feed(b"a")
    pipe.link.end()
    assert not pipe.destination.ended
    pipe.link.remove(slow)
    assert pipe.destination.data == b"a"
    assert pipe.destination.ended


def test_nothing_passes_behind_the_end_of_a_removed_timeout(workshop: Any) -> None:
    """The stream is over behind what a later toxic still holds; what the source goes on sending is no part of it."""
    spared, slow = toxic("timeout"), toxic("latency", latency=100)
    spared.toxicity = 0
    pipe = Pipe(workshop, spared, slow)
    pipe.link.feed(b"held")
    pipe.link.remove(spared)
    pipe.link.feed(b"late")
    assert not pipe.destination.closing
    pipe.timeline.pass_ms(150)
    pipe.link.remove(slow)
    pipe.link.feed(b"later")
    assert pipe.destination.data == b"held"
    assert pipe.destination.closing


def test_a_toxic_added_after_the_end_sets_no_timer(workshop: Any) -> None:
    pipe = Pipe(workshop)
    pipe.link.end()
    pipe.link.add(toxic("timeout", timeout=100))
    assert pipe.timeline.pending == []


def test_the_source_waits_for_the_destination(workshop: Any) -> None:
    """A destination that does not keep up stops the reading, and starts it again."""
    pipe = Pipe(workshop)
    pipe.link.destination_full(full=True)
    assert not pipe.source.reading
    pipe.link.destination_full(full=False)
    assert pipe.source.reading


def test_the_source_waits_for_a_full_toxic(workshop: Any) -> None:
    """Bandwidth stops the reading while it holds its bound; removing it starts the reading again."""
    thin = toxic("bandwidth", rate=0)
    pipe = Pipe(workshop, thin)
    pipe.link.feed(bytes(CHUNK_BYTES * 2))
    assert not pipe.source.reading
    pipe.link.remove(thin)
    assert pipe.source.reading
    assert len(pipe.destination.data) == CHUNK_BYTES * 2


def test_the_source_is_read_again_when_a_toxic_has_made_room(workshop: Any) -> None:
    pipe = Pipe(workshop, toxic("bandwidth", rate=1_000))
    pipe.link.feed(bytes(CHUNK_BYTES * 2))
    assert not pipe.source.reading
    pipe.timeline.pass_ms(100)
    assert pipe.source.reading


def test_a_cancelled_link_leaves_no_timer_and_writes_nothing(workshop: Any) -> None:
    """The sockets are gone: held data is dropped."""
    pipe = Pipe(workshop, toxic("latency", latency=100), toxic("timeout", timeout=100))
    pipe.link.feed(b"a")
    pipe.link.cancel()
    assert pipe.timeline.pending == []
    pipe.timeline.pass_ms(1_000)
    assert pipe.destination.data == b""


def test_a_closing_destination_takes_nothing(workshop: Any) -> None:
    """Data that arrives for a socket on its way out is dropped, with toxics and without."""
    for toxics in ((), (toxic("noop"),)):
        pipe = Pipe(workshop, *toxics)
        pipe.destination.close()
        pipe.link.feed(b"a")
        assert pipe.destination.data == b""
