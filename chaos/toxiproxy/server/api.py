"""The HTTP API: one table of routes, and what the original answers to requests that match none."""

import logging
import posixpath
import secrets
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from urllib.parse import unquote

from aiohttp import web

from chaos.toxiproxy.server.bodies import dump
from chaos.toxiproxy.server.errors import ApiError
from chaos.toxiproxy.server.registry import Registry

VERSION = "2.12.0-embedded"

log = logging.getLogger(__name__)

Answer = web.StreamResponse
Handler = Callable[[Registry, bytes, list[str]], Awaitable[Answer]]


def _json(value: object, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    return web.Response(body=dump(value).encode(), status=status, content_type="application/json")


def _text(text: str, status: HTTPStatus) -> Answer:
    headers = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}
    return web.Response(body=f"{text}\n".encode(), status=status, headers=headers)


def _nothing() -> Answer:
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def _version(registry: Registry, body: bytes, names: list[str]) -> Answer:  # noqa: ARG001 - a route's signature
    text = f'{{"version": "{VERSION}"}}\n'
    return web.Response(body=text.encode(), headers={"Content-Type": "application/json;charset=utf-8"})


async def _reset(registry: Registry, body: bytes, names: list[str]) -> Answer:  # noqa: ARG001
    await registry.reset()
    return _nothing()


async def _populate(registry: Registry, body: bytes, names: list[str]) -> Answer:  # noqa: ARG001
    populated = await registry.populate(body)
    status = populated.error.status if populated.error else HTTPStatus.CREATED
    return _json(populated.as_json(), status)


async def _proxies(registry: Registry, body: bytes, names: list[str]) -> Answer:  # noqa: ARG001
    return _json(registry.as_json())


async def _create_proxy(registry: Registry, body: bytes, names: list[str]) -> Answer:  # noqa: ARG001
    return _json((await registry.create(body)).as_json(), HTTPStatus.CREATED)


async def _proxy(registry: Registry, body: bytes, names: list[str]) -> Answer:  # noqa: ARG001
    return _json(registry.get(names[0]).as_json())


async def _update_proxy(registry: Registry, body: bytes, names: list[str]) -> Answer:
    return _json((await registry.update(names[0], body)).as_json())


async def _delete_proxy(registry: Registry, body: bytes, names: list[str]) -> Answer:  # noqa: ARG001
    await registry.delete(names[0])
    return _nothing()


async def _toxics(registry: Registry, body: bytes, names: list[str]) -> Answer:  # noqa: ARG001
    return _json(registry.get(names[0]).chain.as_json())


async def _add_toxic(registry: Registry, body: bytes, names: list[str]) -> Answer:
    return _json(registry.get(names[0]).chain.add(body).as_json())


async def _toxic(registry: Registry, body: bytes, names: list[str]) -> Answer:  # noqa: ARG001
    return _json(registry.get(names[0]).chain.get(names[1]).as_json())


async def _update_toxic(registry: Registry, body: bytes, names: list[str]) -> Answer:
    return _json(registry.get(names[0]).chain.update(names[1], body).as_json())


async def _remove_toxic(registry: Registry, body: bytes, names: list[str]) -> Answer:  # noqa: ARG001
    registry.get(names[0]).chain.remove(names[1])
    return _nothing()


# "*" stands for a name, which is never empty.
ROUTES: dict[tuple[str, ...], dict[str, Handler]] = {
    ("version",): {"GET": _version},
    ("reset",): {"POST": _reset},
    ("populate",): {"POST": _populate},
    ("proxies",): {"GET": _proxies, "POST": _create_proxy},
    ("proxies", "*"): {"GET": _proxy, "POST": _update_proxy, "PATCH": _update_proxy, "DELETE": _delete_proxy},
    ("proxies", "*", "toxics"): {"GET": _toxics, "POST": _add_toxic},
    ("proxies", "*", "toxics", "*"): {
        "GET": _toxic,
        "POST": _update_toxic,
        "PATCH": _update_toxic,
        "DELETE": _remove_toxic,
    },
}


def match(path: str) -> tuple[dict[str, Handler], list[str]] | None:
    """Return the handlers of a decoded path and the names in it; None where no route matches."""
    parts = path.split("/")[1:]
    for pattern, methods in ROUTES.items():
        if len(pattern) == len(parts):
            pairs = list(zip(pattern, parts, strict=True))
            if all(part if wanted == "*" else part == wanted for wanted, part in pairs):
                return methods, [part for wanted, part in pairs if wanted == "*"]
    return None


class Api:
    """Answers requests on a registry of proxies; `handle` is what the HTTP server calls."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def handle(self, request: web.BaseRequest) -> Answer:
        """Answer one request; an ApiError becomes its status and body."""
        path = unquote(request.rel_url.raw_path)
        clean = posixpath.normpath(path).replace("//", "/")
        if clean != path and clean != path.rstrip("/"):
            return web.Response(status=HTTPStatus.MOVED_PERMANENTLY, headers={"Location": clean})
        found = match(path)
        if found is None:
            return _text("404 page not found", HTTPStatus.NOT_FOUND)
        methods, names = found
        if request.method not in methods:
            return web.Response(status=HTTPStatus.METHOD_NOT_ALLOWED)
        answer = await self._answer(request, methods[request.method], names)
        answer.headers["X-Toxiproxy-Request-Id"] = secrets.token_hex(10)
        return answer

    async def _answer(self, request: web.BaseRequest, handler: Handler, names: list[str]) -> Answer:
        # A page in a browser could otherwise drive the API of the machine that shows it.
        if request.headers.get("User-Agent", "").startswith("Mozilla/"):
            return _text("User agent not allowed", HTTPStatus.FORBIDDEN)
        try:
            return await handler(self._registry, await request.read(), names)
        except ApiError as error:
            return _text(dump(error.body()), error.status)
