"""A reader that went away (`| head`) must not end a run, nor make Python complain when it leaves."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO


def silence(stream: IO[str]) -> None:
    """Send what is still written to a stream nowhere."""
    with suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(null, stream.fileno())
        finally:
            os.close(null)


@contextmanager
def silent_when_broken(stream: IO[str]) -> Iterator[None]:
    """Silence the stream when its reader turns out to have gone."""
    try:
        yield
    except BrokenPipeError:
        silence(stream)
