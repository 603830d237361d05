"""The routes of the API in one table, and what each of them does with the registry."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import web

from chaos.toxiproxy.server.printing import dump
from chaos.toxiproxy.server.registry import Registry
from chaos.toxiproxy.server.toxics import EXTENSIONS

ORIGINAL_VERSION = "2.12.0"
VERSION = f"{ORIGINAL_VERSION}-embedded"
# Fields of a toxic that the original does not know.
FIELDS = ("ttl_s",)

Answer = web.StreamResponse
Handler = Callable[[Registry, bytes, list[str]], Awaitable[Answer]]


def json_answer(value: object, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    """Return a JSON answer, as the original prints it."""
    return web.Response(body=dump(value).encode(), status=status, content_type="application/json")


def text_answer(text: str, status: HTTPStatus) -> Answer:
    """Return a plain text, the way Go's http.Error sends one."""
    headers = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}
    return web.Response(body=f"{text}\n".encode(), status=status, headers=headers)


def _nothing() -> Answer:
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def _version(registry: Registry, body: bytes, names: list[str]) -> Answer:  # noqa: ARG001 - a route's signature
    text = f'{{"version": "{ORIGINAL_VERSION if registry.runtime.strict else VERSION}"}}\n'
    return web.Response(body=text.encode(), headers={"Content-Type": "application/json;charset=utf-8"})


async def _reset(registry: Registry, body: bytes, names: list[str]) -> Answer:  # noqa: ARG001
    await registry.reset()
    return _nothing()


async def _populate(registry: Registry, body: bytes, names: list[str]) -> Answer:  # noqa: ARG001
    populated = await registry.populate(body)
    status = populated.error.status if populated.error else HTTPStatus.CREATED
    return json_answer(populated.as_json(), status)


async def _proxies(registry: Registry, body: bytes, names: list[str]) -> Answer:  # noqa: ARG001
    return json_answer(registry.as_json())


async def _create_proxy(registry: Registry, body: bytes, names: list[str]) -> Answer:  # noqa: ARG001
    return json_answer((await registry.create(body)).as_json(), HTTPStatus.CREATED)


async def _proxy(registry: Registry, body: bytes, names: list[str]) -> Answer:  # noqa: ARG001
    return json_answer(registry.get(names[0]).as_json())


async def _update_proxy(registry: Registry, body: bytes, names: list[str]) -> Answer:
    return json_answer((await registry.update(names[0], body)).as_json())


async def _delete_proxy(registry: Registry, body: bytes, names: list[str]) -> Answer:  # noqa: ARG001
    await registry.delete(names[0])
    return _nothing()


async def _extensions(registry: Registry, body: bytes, names: list[str]) -> Answer:  # noqa: ARG001
    return json_answer({"fields": list(FIELDS), "toxics": list(EXTENSIONS)})


async def _toxics(registry: Registry, body: bytes, names: list[str]) -> Answer:  # noqa: ARG001
    return json_answer(registry.get(names[0]).chain.as_json())


async def _add_toxic(registry: Registry, body: bytes, names: list[str]) -> Answer:
    proxy = registry.get(names[0])
    toxic = proxy.chain.add(body)
    await proxy.turn_door()
    return json_answer(toxic.as_json())


async def _toxic(registry: Registry, body: bytes, names: list[str]) -> Answer:  # noqa: ARG001
    return json_answer(registry.get(names[0]).chain.get(names[1]).as_json())


async def _update_toxic(registry: Registry, body: bytes, names: list[str]) -> Answer:
    return json_answer(registry.get(names[0]).chain.update(names[1], body).as_json())


async def _remove_toxic(registry: Registry, body: bytes, names: list[str]) -> Answer:  # noqa: ARG001
    proxy = registry.get(names[0])
    proxy.chain.remove(names[1])
    await proxy.turn_door()
    return _nothing()


# "*" stands for a name, which is never empty.
ROUTES: dict[tuple[str, ...], dict[str, Handler]] = {
    ("version",): {"GET": _version},
    ("extensions",): {"GET": _extensions},
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
