"""Run in a process of its own, on a page's app beside the files its section Copy lists: every route once.

    python -I run_app.py FOLDER PROJECT [--construct]

FOLDER holds app.py and resilience/; PROJECT is the checkout, which must stay out of it although it is installed. Prints
one line a route; an exception of the app, or a module that is not the copy, ends it with a traceback.
"""

import asyncio
import importlib
import re
import sys
from pathlib import Path
from typing import Any

ANSWER_S = 10.0


def take_the_copy(folder: Path, project: Path) -> None:
    """Let `resilience` be the one in the folder; the editable install has put the project on the path."""
    sys.path[:] = [str(folder)] + [entry for entry in sys.path if Path(entry or ".").resolve() != project]


def foreign(folder: Path) -> list[str]:
    """Return what was imported of the project, and not from the copy."""
    return [
        f"{name} from {module.__file__}"
        for name, module in sys.modules.items()
        if name.split(".")[0] in {"resilience", "services", "chaos"}
        and getattr(module, "__file__", None)
        and not Path(str(module.__file__)).resolve().is_relative_to(folder)
    ]


async def ask(app: Any, client: Any) -> None:
    """Call each of the app's own routes once, with a value for every parameter of its path."""
    for route in app.routes:
        if not hasattr(route, "dependant"):  # the documentation's own
            continue
        method = "GET" if "GET" in route.methods else min(route.methods)
        path = re.sub(r"\{[^}]+\}", "1", route.path)
        body: dict[str, str] | None = None if method == "GET" else {}
        headers = {"idempotency-key": "key-1"}
        answer = await asyncio.wait_for(client.request(method, path, json=body, headers=headers), ANSWER_S)
        print(method, path, answer.status_code)  # noqa: T201 -- the test reads it


async def serve(app: Any) -> None:
    """Start the app, with its lifespan, and ask it."""
    # Here, so that a page whose app is only constructed needs no client.
    import httpx  # noqa: PLC0415

    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://app") as client,
    ):
        await ask(app, client)


def main(folder: Path, project: Path, *, construct: bool) -> None:
    """Import the app from the folder and, unless it is only to be constructed, ask it."""
    take_the_copy(folder, project)
    app = importlib.import_module("app").app
    if not construct:
        asyncio.run(serve(app))
    strangers = foreign(folder)
    if strangers:
        raise SystemExit("not the copy: " + ", ".join(strangers))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), construct="--construct" in sys.argv[3:])
