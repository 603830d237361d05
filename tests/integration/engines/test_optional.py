"""Prometheus and Grafana beside a lab: there where they can be, and never a reason for it to fail."""

import asyncio
import json
import os
import shutil
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from chaos.engines.waiting import until
from tests.integration.engines.tiny import REPOSITORY, Tiny

pytestmark = pytest.mark.integration

# Plays either: says a version, then serves 200 on its port and shows what it was told; or does what BEHAVE says.
FAKE = """
import http.server, json, os, sys
if sys.argv[-1] in ("--version", "-version", "-v"):
    print("version 9.9.9")
    sys.exit(0)
behave = os.environ.get("TZ", "")
if behave == "fail":
    print("cannot open my database", flush=True)
    sys.exit(3)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503 if behave == "deaf" else 200)
        self.end_headers()
        self.wfile.write(json.dumps({"argv": sys.argv[1:], "environment": dict(os.environ)}).encode())
        if self.path == "/die":
            os._exit(1)
    def log_message(self, *words):
        pass
listen = [word.rpartition(":")[2] for word in sys.argv if word.startswith("--web.listen-address=")]
port = int(listen[0] if listen else os.environ["GF_SERVER_HTTP_PORT"])
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


@pytest.fixture
def fakes(tmp_path: Path) -> Path:
    """Return a folder to put on the path: both programs, and a home for Grafana."""
    folder = tmp_path / "opt" / "bin"
    folder.mkdir(parents=True)
    for name in ("prometheus", "grafana"):
        program = folder / name
        program.write_text(f"#!{sys.executable}\n{FAKE}")
        program.chmod(0o755)
    (folder.parent / "conf").mkdir()
    (folder.parent / "conf" / "defaults.ini").touch()
    return folder


def environment(folder: Path, **more: str) -> dict[str, str]:
    # TZ is one of the few variables of ours that a child gets: it tells the fake how to behave.
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", **more}


async def get(url: str) -> Any:
    """Return the JSON of a GET."""

    def ask() -> Any:
        with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310 - loopback
            return json.load(response)

    return await asyncio.to_thread(ask)


@pytest.fixture
def prometheus() -> Path:
    """Return the folder of a real Prometheus."""
    unpacked = REPOSITORY / ".lab" / "prometheus" / "usr" / "bin"
    found = shutil.which("prometheus") or shutil.which("prometheus", path=str(unpacked))
    if found is None:
        pytest.skip("no Prometheus on this machine: make components")
    return Path(found).parent


async def test_a_real_prometheus_scrapes_what_the_compose_file_names(tiny: Tiny, prometheus: Path) -> None:
    """It is up with the lab, knows the jobs under loopback addresses and the rules, and is gone with its data."""
    tiny.components("prometheus")
    tiny.service("front")
    tiny.configs["prometheus"] = {
        "content": "rule_files: [rules.yml]\nscrape_configs:\n- job_name: shop\n  static_configs:\n"
        f'  - targets: ["front:{tiny.ports["front"]}"]\n'
    }
    api = f"http://127.0.0.1:{tiny.ports['prometheus']}/api/v1"

    async with tiny.engine(env=environment(prometheus)) as lab:
        config = (await get(f"{api}/status/config"))["data"]["yaml"]
        rules = (await get(f"{api}/rules"))["data"]["groups"]
        state = tiny.state()
        assert [one.name for one in lab.components] == ["prometheus"]
        assert [one.name for one in lab.services] == ["front"]

    assert f"- 127.0.0.1:{tiny.ports['front']}\n" in config
    assert rules
    assert state is not None
    pages = {child.name: (child.url, child.page) for child in state.children}
    assert pages["prometheus"] == (None, f"http://127.0.0.1:{tiny.ports['prometheus']}")
    assert tiny.nothing_left()
    assert not [word for word in tiny.lines if "left out" in word]


async def test_grafana_gets_the_provisioning_of_the_compose_file(tiny: Tiny, fakes: Path) -> None:
    """Its folders hold what the containers' hold, the paths in them are ours, the data source is on loopback."""
    tiny.components("prometheus", "grafana")

    async with tiny.engine(env=environment(fakes)):
        told = await get(f"http://127.0.0.1:{tiny.ports['grafana']}/api/health")
        provisioning = Path(told["environment"]["GF_PATHS_PROVISIONING"])
        home = Path(told["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
        source = (provisioning / "datasources" / "prometheus.yaml").read_text()
        provider = (provisioning / "dashboards" / "lab.yaml").read_text()
        boards = {path.name for path in home.parent.iterdir()}
        board = json.loads(await asyncio.to_thread(home.read_text))

    assert told["argv"] == ["server", "--homepath", str(fakes.parent)]
    assert told["environment"]["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"
    assert provisioning.is_relative_to(tiny.root)
    assert "url: http://127.0.0.1:9090" in source
    assert f"path: {home.parent}" in provider
    assert home.name == "experiment.json"
    assert board
    assert boards == {path.name for path in (REPOSITORY / "dashboards" / "json").glob("*.json")}
    assert tiny.nothing_left()


@pytest.mark.parametrize(("behave", "why"), [("fail", "exit code 3: cannot open my database"), ("deaf", "not ready")])
async def test_one_that_does_not_start_is_left_out(
    tiny: Tiny, fakes: Path, behave: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lab is ready without it, says why in one line, and leaves nothing running."""
    monkeypatch.setattr("chaos.engines.starting.OPTIONAL_TIMEOUT_S", 1.0 if behave == "deaf" else 20.0)
    tiny.components("prometheus")
    tiny.service("front")

    async with tiny.engine(env=environment(fakes, TZ=behave)) as lab:
        assert lab.components == ()
        left_out = lab.supervisor.children["prometheus"]
        assert await until(lambda: left_out.exit_code() is not None, poll_s=0.01, timeout_s=20)
        assert lab.supervisor.children["front"].exit_code() is None

    (line,) = [line for line in tiny.lines if "left out" in line]
    assert line.startswith("prometheus is left out: ")
    assert why in line
    assert "\n" not in line
    assert tiny.nothing_left()


async def test_one_whose_port_is_taken_is_left_out(tiny: Tiny, fakes: Path) -> None:
    """Somebody's own Prometheus stays where it is."""
    tiny.components("prometheus")
    tiny.service("front")
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", tiny.ports["prometheus"])

    async with server, tiny.engine(env=environment(fakes)) as lab:
        assert [service.name for service in lab.services] == ["front"]

    assert any(f"prometheus is left out: port {tiny.ports['prometheus']} is taken by pid" in one for one in tiny.lines)


async def test_those_that_are_not_here_are_one_line(tiny: Tiny) -> None:
    """A machine without either runs the lab, and is told once where to look."""
    tiny.components("prometheus", "grafana")
    tiny.service("front")

    # Without a PATH there is no `nice` either.
    async with tiny.engine(env={**os.environ, "PATH": str(tiny.root)}, nice=0):
        pass

    assert [line for line in tiny.lines if "prometheus" in line] == [
        "without prometheus and grafana, optional: `lab doctor` says how to get them"
    ]


async def test_one_that_ends_takes_nobody_along(tiny: Tiny, fakes: Path) -> None:
    """A Prometheus that is killed in the middle of a run is no end of the run."""
    tiny.components("prometheus")
    tiny.service("front")

    async with tiny.engine(env=environment(fakes)) as lab:
        watch = asyncio.create_task(lab.watch())
        await get(f"http://127.0.0.1:{tiny.ports['prometheus']}/die")
        child = lab.supervisor.children["prometheus"]
        assert await until(lambda: child.exit_code() is not None, poll_s=0.01, timeout_s=20)
        await asyncio.sleep(0.2)
        assert not watch.done()
        watch.cancel()
