"""What the API answers before it looks at a proxy: paths, methods, browsers, the version."""

import httpx
import pytest

from tests.conformance.api import TEXT
from tests.conformance.servers import Server


async def test_version(http: httpx.AsyncClient, server: Server) -> None:
    """The version is an object with one key, a space after the colon, a newline at the end."""
    answer = await http.get("/version")
    assert answer.headers["content-type"] == "application/json;charset=utf-8"
    assert answer.text == f'{{"version": "{answer.json()["version"]}"}}\n'
    number, _, word = answer.json()["version"].partition("-")
    assert word == ("embedded" if server.differs("version-text") else "")
    # Clients ask for 2.6.0 or later before they send PATCH; the original says `git` where Go built it from source.
    assert number == "git" or tuple(map(int, number.split("."))) >= (2, 6, 0)


@pytest.mark.parametrize("path", ["/", "/proxies/", "/proxies/a/b", "/nothing", "/metrics", "/proxies/a%2Fb"])
async def test_unknown_paths(http: httpx.AsyncClient, path: str) -> None:
    """A path without a route is 404 in Go's words; a final slash makes another path."""
    answer = await http.get(path)
    assert (answer.status_code, answer.text, answer.headers["content-type"]) == (404, "404 page not found\n", TEXT)


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/proxies"), ("HEAD", "/proxies"), ("OPTIONS", "/version"), ("GET", "/reset"), ("DELETE", "/populate")],
)
async def test_a_wrong_method_is_405_without_a_word(http: httpx.AsyncClient, method: str, path: str) -> None:
    """A known path with a wrong method is 405, with neither body nor Allow."""
    answer = await http.request(method, path)
    assert (answer.status_code, answer.content) == (405, b"")
    assert "allow" not in answer.headers


async def test_a_doubled_slash_is_redirected(http: httpx.AsyncClient) -> None:
    """A path is cleaned by a redirect."""
    answer = await http.get(str(http.base_url).rstrip("/") + "//proxies")
    assert (answer.status_code, answer.headers["location"]) == (301, "/proxies")


async def test_browsers_are_refused(http: httpx.AsyncClient) -> None:
    """A page in a browser cannot drive the API."""
    answer = await http.get("/proxies", headers={"User-Agent": "Mozilla/5.0"})
    assert (answer.status_code, answer.text) == (403, "User agent not allowed\n")
