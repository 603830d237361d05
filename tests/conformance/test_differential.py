"""The same random API calls to the embedded server and to the original: the same answers, but for the table."""

import asyncio
import contextlib
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings

from tests.conformance.calls import Call, calls
from tests.conformance.servers import TLS, real_binary, running

HEADERS = ("content-type", "x-content-type-options", "allow", "location")
EXAMPLES = settings(
    max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[str, str]]:
    if not real_binary():
        pytest.skip("the real Toxiproxy was not tested: there is none to compare with")
    with contextlib.ExitStack() as stack:
        yield {kind: stack.enter_context(running(kind)).url for kind in ("embedded", "strict", "real")}


def plain(answer: httpx.Response) -> tuple[Any, ...]:
    """Return what has to be equal: ports are the system's choice."""
    text = re.sub(r"((?:127\.0\.0\.1|\[::\]):)\d{4,5}\b", r"\1N", answer.text)
    return answer.status_code, *(answer.headers.get(name) for name in HEADERS), text


async def replay(url: str, sequence: list[Call]) -> list[tuple[Any, ...]]:
    """Return the answers of a server that has no proxies before and none after."""
    listens: dict[str, str] = {}
    answers = []
    async with httpx.AsyncClient(base_url=url, trust_env=False, verify=TLS, timeout=30) as http:
        for call in sequence:
            answers.append((call.method, call.path, call.body, *plain(await call.send(http, listens))))
            proxies = (await http.get("/proxies")).json()
            listens = {name: proxy["listen"] for name, proxy in proxies.items()}
        answers.append(("end", plain(await http.get("/proxies"))))
        for name in (await http.get("/proxies")).json():
            await http.delete(f"/proxies/{quote(name, safe='')}")
    return answers


async def both(first: str, second: str, sequence: list[Call]) -> None:
    # One after the other: a port that one has just given back must not be met by the other.
    assert await replay(first, sequence) == await replay(second, sequence)


@EXAMPLES
@given(sequence=calls(absurd=False))
def test_the_embedded_one_answers_as_the_original(urls: dict[str, str], sequence: list[Call]) -> None:
    """With numbers that both take, every answer is the same."""
    asyncio.run(both(urls["embedded"], urls["real"], sequence))


@EXAMPLES
@given(sequence=calls(absurd=True))
def test_the_strict_one_answers_as_the_original(urls: dict[str, str], sequence: list[Call]) -> None:
    """With --strict, absurd numbers and half-read updates too."""
    asyncio.run(both(urls["strict"], urls["real"], sequence))
