"""The page's own server: on loopback, only reading, for the page that it serves and for nobody else.

A web page elsewhere can make a browser ask 127.0.0.1. So the Host must be this machine's (a name that was bent to
127.0.0.1 is not), and what another site starts is refused.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from chaos.errors import LabError, QueryError, UsageError
from chaos.watch.answers import as_prometheus
from chaos.watch.data import drawn, grid_of, offered
from chaos.watch.state import state_of
from chaos.watch.views import LIVE
from chaos.watch.watch import Watch

WATCH = web.AppKey("watch", Watch)
HERE = Path(__file__).parent
VENDOR = HERE.parent / "report" / "vendor"
STATIC = {
    "/": HERE / "static" / "index.html",
    "/watch.css": HERE / "static" / "watch.css",
    # One look for the report and for this page.
    "/report.css": HERE.parent / "report" / "templates" / "report.css",
    "/uplot.js": VENDOR / "uPlot.iife.min.js",
    "/uplot.css": VENDOR / "uPlot.min.css",
}  # fmt: skip
SCRIPTS = ("charts.js", "figures.js", "looks.js", "panels.js", "series.js", "side.js", "top.js", "watch.js")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
TYPES = {".log": "text/plain", ".yaml": "text/plain", ".csv": "text/plain", ".json": "application/json"}
HOSTS = {"127.0.0.1", "localhost"}
LONGEST_REQUEST = 16_384
MOST_QUERY = 4_000
MOST_POINTS = 500_000

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what does not come from this page, and turn errors of the lab into an answer that says what is wrong."""
    if request.method not in {"GET", "HEAD"}:
        return problem(405, "this page only reads: GET")
    if (request.host.rpartition(":")[0] or request.host) not in HOSTS:
        return problem(421, "this page is for this machine alone: open it as http://127.0.0.1")
    navigation = request.headers.get("Sec-Fetch-Mode") == "navigate"
    if request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"} and not navigation:
        return problem(403, "asked for by another site")
    try:
        answer = await handler(request)
    except UsageError as error:
        answer = problem(404, str(error))
    except LabError as error:
        answer = problem(400, str(error))
    except web.HTTPException as error:
        answer = problem(error.status, error.reason)
    answer.headers.setdefault("X-Content-Type-Options", "nosniff")
    answer.headers.setdefault("Cache-Control", "no-store")
    answer.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    return answer


def problem(status: int, text: str) -> web.Response:
    """Return an error in the shape in which Prometheus tells its own."""
    return web.json_response({"status": "error", "errorType": "bad_data", "error": text}, status=status)


async def boards(request: web.Request) -> web.Response:
    """Answer with every board's JSON, in the order of the tabs."""
    return web.json_response([board.data for board in request.app[WATCH].boards()])


async def library(request: web.Request) -> web.Response:
    """Answer with the scenarios and the runs."""
    found = request.app[WATCH].library
    return web.json_response({"scenarios": found.scenarios(), "runs": found.runs()})


async def state(request: web.Request) -> web.Response:
    """Answer with what is looked at and where it stands."""
    return web.json_response(await state_of(request.app[WATCH], request.query.get("view", LIVE)))


async def data(request: web.Request) -> web.Response:
    """Answer with the series of panels of a board, ready to draw."""
    return web.json_response(await drawn(request.app[WATCH], request.query))


async def values(request: web.Request) -> web.Response:
    """Answer with what the variables of a board can be set to."""
    return web.json_response(await offered(request.app[WATCH], request.query))


async def query_range(request: web.Request) -> web.Response:
    """Answer as Prometheus would, whoever has the samples."""
    query = request.query.get("query", "")
    if not 0 < len(query) <= MOST_QUERY:
        raise QueryError(f"query: 1 to {MOST_QUERY} characters")
    grid = grid_of(request.query, start="start", end="end")
    view = await request.app[WATCH].views.find(request.query.get("view", LIVE))
    if view.source is None:
        raise QueryError("nothing is recorded: start a run, or a lab")
    (answer,) = await view.source.ask([query], grid)
    if isinstance(answer, QueryError):
        raise answer
    if answer.present.sum() > MOST_POINTS:
        raise QueryError(f"more than {MOST_POINTS} points: a larger step, a shorter range, or fewer series")
    return web.json_response(as_prometheus(answer, grid))


async def run_file(request: web.Request) -> web.StreamResponse:
    """Answer with a file of a run: its report, its logs."""
    run = f"{request.match_info['scenario']}/{request.match_info['time']}"
    path = request.app[WATCH].library.file(run, request.match_info["file"])
    headers = {"Content-Type": f"{TYPES[path.suffix]}; charset=utf-8"} if path.suffix in TYPES else {}
    return web.FileResponse(path, headers=headers)


def create_app(watch: Watch) -> web.Application:
    """Build the page's server."""
    app = web.Application(middlewares=[guarded])
    app[WATCH] = watch
    files = STATIC | {f"/{name}": HERE / "static" / name for name in SCRIPTS}
    for path, file in files.items():
        app.router.add_get(path, _static(file))
    for path, handler in (
        ("/api/boards", boards), ("/api/library", library), ("/api/state", state), ("/api/data", data),
        ("/api/values", values),
        ("/api/v1/query_range", query_range), ("/runs/{scenario}/{time}/{file:.+}", run_file),
    ):  # fmt: skip
        app.router.add_get(path, handler)
    return app


def _static(file: Path) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        del request
        return web.FileResponse(file, headers={"Content-Security-Policy": POLICY})

    return answer
