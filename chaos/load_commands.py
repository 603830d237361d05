"""`lab locust` and `lab load`: Locust against the lab that is up, with its web UI or without."""

import json
from argparse import Namespace
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, NoReturn

from chaos import locust_words
from chaos.doors import Door, door_of, doors, lab_up
from chaos.engines.addresses import LOOPBACK
from chaos.engines.ports import check_ports, is_free
from chaos.engines.state import LAB_FOLDER, live_lab
from chaos.errors import LoadFailed, PortTaken, UsageError
from chaos.interrupt import run_interruptible
from chaos.locust_processes import Locust, first_ended, free_port, locusts
from chaos.locust_words import Wanted
from chaos.option_numbers import number, whole
from chaos.run_folder import RunFolder
from resilience.clock import SystemClock

# Also enforced by the locustfile, for whoever types into the web UI; a test holds that they agree.
MAX_RATE_PER_S = 1000.0
MAX_USERS = 2000
MAX_DURATION_S = 3600.0
MAX_WORKERS = 8
SHAPES = ("steady", "step", "spike", "ramp")
# Who asks an inventory directly, by what it must run.
HANDLERS = {"AsyncHandler": "async", "DefHandler": "def", "BlockingHandler": "blocking"}
CLASSES = ("OpenArrivals", "PacedBrowsing", "Browsing", "Buying", *HANDLERS)
WEB_PORT = 8089
DEFAULT_RATE_PER_S = 40.0
# To start, to connect the workers, the last customer's patience, to write the files.
AROUND_S = 60.0
WORKERS_WITHIN_S = 20
ASK_S = 1.0
PAGE_BYTES = 100_000


def add_parsers(todo: Any) -> None:
    """Add both commands to the command line."""
    locust = todo.add_parser("locust", help="open Locust's own web UI against the lab that is up")
    locust.add_argument("--arm", metavar="ARM", help="whom to ask (default: protected)")
    locust.add_argument("--port", type=whole(1, 65_535), default=WEB_PORT, help=f"of the web UI (default: {WEB_PORT})")
    locust.set_defaults(do=locust_web)

    load = todo.add_parser("load", help="send load to the lab that is up, and leave Locust's files and one summary")
    load.add_argument("--rate", type=number(0.1, MAX_RATE_PER_S), metavar="PER_S", help="open arrivals (default: 40)")
    load.add_argument("--duration", type=number(1, MAX_DURATION_S), default=30.0, metavar="S", help="(default: 30)")
    load.add_argument("--arm", metavar="ARM", help="whom to ask (default: protected)")
    load.add_argument("--users", type=whole(1, MAX_USERS), help="users who wait, instead of open arrivals")
    load.add_argument("--shape", choices=SHAPES, default="steady", help="how the load changes (default: steady)")
    load.add_argument("--workers", type=whole(1, MAX_WORKERS), help="spread it over this many processes")
    load.add_argument("--seed", type=whole(0, 2**31), default=7, help="of the arrivals (default: 7)")
    load.add_argument("--class", choices=CLASSES, dest="user_class", help="another of the locustfile's classes")
    load.set_defaults(do=load_headless)


def locust_web(options: Namespace) -> int:
    """Keep Locust's web UI open until a signal comes; raises LabError."""
    root = _root(options)
    found, door, mark = _target(root, options.arm)
    _need_port(options.port)
    try:
        run_interruptible(_web(root, found, door, mark, options.port))
    except LoadFailed as error:
        raise (_unless_lab_is_gone(root, mark) or error) from None


def load_headless(options: Namespace) -> int:
    """Send a load and print what it came to; raises LabError."""
    root = _root(options)
    wanted = _wanted(options)
    found, door, mark = _target(root, options.arm)
    _need_handler(HANDLERS.get(options.user_class or ""), found)
    started_at = datetime.fromtimestamp(SystemClock().wall(), UTC)
    folder = RunFolder.create(options.runs or root / "runs", "load", started_at)
    with folder.kept_if_used():
        base = [*locust_words.base(root), *locust_words.targets(found, door)]
        print(f"to {door.arm}, {door.gateway}: {wanted.words()} ...", flush=True)
        try:
            run_interruptible(_send(base, wanted, folder, options.workers or 0, mark))
        except LoadFailed as error:
            raise (_unless_lab_is_gone(root, mark) or error) from None
        summary_file = folder.path / "summary.json"
        if not summary_file.is_file():
            raise LoadFailed(f"Locust ended without a summary; its log: {folder.shown()}/logs/locust.log")
        summary = json.loads(summary_file.read_text())
        folder.make_latest()
    for line in locust_words.summary_lines(summary, wanted, door.gateway):
        print(line)
    for line in locust_words.written(folder.path, folder.shown()):
        print(line)
    return 0


async def _web(root: Path, found: dict[str, Door], door: Door, mark: str, port: int) -> NoReturn:
    log = root / LAB_FOLDER / "locust.log"
    log.unlink(missing_ok=True)
    argv = [*locust_words.base(root), *locust_words.targets(found, door), *locust_words.web(port)]
    async with locusts([Locust(argv, log)], mark) as (only,):
        await only.answers(port)
        print(f"Locust: http://127.0.0.1:{port}  (host: {door.gateway}, arm {door.arm}; Ctrl-C ends it)", flush=True)
        await only.ended()
        raise LoadFailed(f"Locust ended by itself; its log: {log}")


async def _send(base: list[str], wanted: Wanted, folder: RunFolder, workers: int, mark: str) -> None:
    test = [*locust_words.headless(wanted, folder.path, workers or 1), *wanted.user_classes]
    wanted_processes = [Locust([*base, *test], folder.logs / "locust.log")]
    if workers:
        port = free_port()
        argv = [*base, *locust_words.master(port, workers, WORKERS_WITHIN_S), *test]
        wanted_processes = [Locust(argv, folder.logs / "locust.log")]
        argv = [*base, *locust_words.worker(port)]
        wanted_processes += [Locust(argv, folder.logs / f"worker-{number + 1}.log") for number in range(workers)]
    async with locusts(wanted_processes, mark) as started:
        await first_ended(started, wanted.duration_s + AROUND_S)


def _need_port(port: int) -> None:
    if not is_free(port) and _is_locust(port):
        raise PortTaken(f"a Locust is there already: http://{LOOPBACK}:{port} (`docker compose up` starts one, too)")
    check_ports({port: "Locust's web UI (--port takes another)"})


def _is_locust(port: int) -> bool:
    connection = HTTPConnection(LOOPBACK, port, timeout=ASK_S)
    try:
        connection.request("GET", "/")
        return b"<title>Locust</title>" in connection.getresponse().read(PAGE_BYTES)
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _need_handler(handler: str | None, found: dict[str, Door]) -> None:
    there = {door.handler for door in found.values()}
    if handler is not None and handler not in there:
        raise UsageError(f"no inventory of this lab has {handler} handlers; there is: {', '.join(sorted(there))}")


def _unless_lab_is_gone(root: Path, mark: str) -> LoadFailed | None:
    """Return the better reason for Locust's end where the lab it asked is gone: it ends with its lab."""
    state = live_lab(root)
    return None if state is not None and state.mark == mark else LoadFailed("the lab went down, and Locust with it")


def _target(root: Path, arm: str | None) -> tuple[dict[str, Door], Door, str]:
    state = lab_up(root)
    found = doors(state)
    return found, door_of(found, arm), state.mark


def _wanted(options: Namespace) -> Wanted:
    rate = options.rate
    if options.user_class and options.user_class != "OpenArrivals" and options.users is None:
        raise UsageError(f"--class {options.user_class} is of users who wait: say how many with --users")
    if options.user_class == "OpenArrivals" and options.users is not None:
        raise UsageError("--class OpenArrivals and --users: open arrivals have a --rate, and no number of users")
    if options.users is None and rate is None:
        rate = DEFAULT_RATE_PER_S
    classes = (options.user_class,) if options.user_class else ()
    return Wanted(options.duration, rate, options.users, options.shape, options.seed, classes)


def _root(options: Namespace) -> Path:
    root: Path = options.root.resolve()
    if not (root / "compose.yaml").is_file():
        raise UsageError(f"{root}: no compose.yaml here; go into the checkout, or name it with --root")
    return root
