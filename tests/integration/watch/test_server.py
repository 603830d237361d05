"""The page's server: what it answers, to whom, and how it ends."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from tests.integration.watch.board import experiment
from tests.integration.watch.conftest import Served, checkout
from tests.integration.watch.growing import END_S, FAULT, FAULT_S, GrowingRun
from tests.integration.watch.real_prometheus import ROOT
from tests.ports import free_port
from tests.unit.report.synthetic import PLANS, write_folder

pytestmark = pytest.mark.integration

LARGEST_PAGE = 150_000


def ask(served: Served, path: str, **params: object) -> tuple[int, Any]:
    """Return status and body, parsed where it is JSON."""
    url = f"{served.url}{path}?{urlencode(params)}"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own
            body, status, kind = answer.read(), answer.status, answer.headers["Content-Type"]
    except urllib.error.HTTPError as error:
        body, status, kind = error.read(), error.code, error.headers["Content-Type"]
    return status, json.loads(body) if "json" in kind else body.decode()


def plainly(served: Served, method: str = "GET", path: str = "/api/state", **headers: str) -> int:
    """Return the status of a request with these headers."""
    connection = HTTPConnection(urlsplit(served.url).netloc, timeout=10)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        return connection.getresponse().status
    finally:
        connection.close()


def test_where_nothing_runs_the_state_says_what_to_do(served: Served) -> None:
    status, state = ask(served, "/api/state")

    assert status == 200
    assert (state["source"], state["live"], state["phases"]) == (None, False, [])
    assert "make scenario-slow-db" in state["message"]


def test_a_run_that_goes_on_is_what_is_live(served: Served) -> None:
    run = GrowingRun.begun(served.runs, ago_s=12)
    run.write_to(10)
    _, state = ask(served, "/api/state")

    assert (state["view"], state["live"], state["source"], state["verdict"]) == (run.name, True, "recorded", None)
    assert state["phases"] == [["settle", 0, 1], ["baseline", 1, 6], ["fault", 6, 12], ["recovery", 12, 20]]
    assert state["newest"] == pytest.approx(run.t0_s + 10.2)
    assert state["end"] == pytest.approx(run.t0_s + END_S)
    naive, protected = state["arms"]
    assert (naive["name"], protected["name"]) == ("naive", "protected")
    assert naive["figures"]["browse"] == pytest.approx({"offered": 40, "in_time": 0})
    assert protected["figures"]["browse"] == pytest.approx({"offered": 40, "in_time": 40})


def test_a_run_whose_shop_still_starts_is_live_without_a_source(served: Served) -> None:
    run = GrowingRun.begun(served.runs, ago_s=0)
    (run.folder.path / "load.go").unlink()
    _, state = ask(served, "/api/state")

    assert (state["view"], state["live"], state["source"]) == (run.name, True, None)
    assert state["newest"] < state["origin"]
    assert "starts" in state["message"]


def test_a_run_that_was_killed_is_no_longer_live_and_says_so(served: Served) -> None:
    run = GrowingRun.begun(served.runs, ago_s=100)
    run.write_to(12)
    for path in (run.folder.path, *run.folder.path.iterdir()):
        os.utime(path, (run.t0_s, run.t0_s))
    _, state = ask(served, "/api/state", view=run.name)

    assert (state["live"], state["source"]) == (False, "recorded")
    assert "did not finish" in state["message"]


def test_a_board_is_answered_at_once_with_its_fault_window(served: Served) -> None:
    run = GrowingRun.begun(served.runs, ago_s=16)
    run.write_to(15)
    start = round(run.t0_s)
    _, data = ask(
        served, "/api/data", view=run.name, board="experiment", panels="2,4,5", to=start + 15, step=1, **{"from": start}
    )
    requests = {one["name"]: one["values"] for one in data["panels"]["2"]["series"]}
    (breaker,) = data["panels"]["4"]["series"]

    assert data["steps"] == 16
    assert requests["naive"][11] == pytest.approx(4)
    assert requests["protected"][11] == pytest.approx(40)
    assert 2.0 in breaker["values"]
    (band,) = data["bands"]
    assert band["title"] == FAULT
    assert band["from"] - run.t0_s == pytest.approx(FAULT_S[0], abs=1.5)
    assert band["to"] - run.t0_s == pytest.approx(FAULT_S[1], abs=1.5)


def test_a_variable_narrows_a_board(served: Served) -> None:
    run = GrowingRun.begun(served.runs, ago_s=16)
    run.write_to(15)
    start = round(run.t0_s)
    params = {"view": run.name, "board": "experiment", "panels": "2", "from": start, "to": start + 15, "step": 1}
    _, data = ask(served, "/api/data", **params, **{"var-arm": "naive"})

    assert [one["name"] for one in data["panels"]["2"]["series"]] == ["naive"]
    assert ask(served, "/api/data", **params, **{"var-arm": 'x"}'})[0] == 400


def test_the_values_of_a_boards_variables_are_those_of_its_labels(served: Served) -> None:
    run = GrowingRun.begun(served.runs, ago_s=16)
    run.write_to(15)
    start = round(run.t0_s)
    params = {"board": "experiment", "from": start, "to": start + 15, "step": 1}

    assert ask(served, "/api/values", view=run.name, **params)[1]["arm"] == ["naive", "protected"]
    # Nothing is recorded: no values, and no error, for a run may end between two questions of the page.
    status, found = ask(served, "/api/values", view="live", **params)
    assert status == 200
    assert set(found) >= {"arm"}
    assert ask(served, "/api/values", view=run.name, **(params | {"board": "nonsense"}))[0] == 404
    assert ask(served, "/api/values", view=run.name, **(params | {"step": 0}))[0] == 400


def test_query_range_answers_in_prometheus_own_shape(served: Served) -> None:
    run = GrowingRun.begun(served.runs, ago_s=12)
    run.write_to(10)
    at = round(run.t0_s) + 5
    query = 'sum by (arm) (db_pool_waiting{arm="naive"}) + 1'
    status, body = ask(served, "/api/v1/query_range", query=query, start=at, end=at, step=1)

    assert status == 200
    assert body["data"] == {"resultType": "matrix", "result": [{"metric": {"arm": "naive"}, "values": [[at, "1"]]}]}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"query": ""}, "query"), ({"query": "x" * 4_001}, "query"), ({"query": "sum("}, "parenthesis"),
        ({"query": "topk(1, up)"}, "topk"), ({"step": 0}, "step"), ({"start": 0}, "hours"), ({"end": "soon"}, "end"),
    ],
)  # fmt: skip
def test_a_query_out_of_bounds_is_told_what_is_wrong(served: Served, change: dict[str, object], named: str) -> None:
    run = GrowingRun.begun(served.runs, ago_s=12)
    run.write_to(3)
    at = round(run.t0_s)
    params: dict[str, object] = {"query": "up", "start": at, "end": at, "step": 1}
    status, body = ask(served, "/api/v1/query_range", **(params | change))

    assert status == 400
    assert body["status"] == "error"
    assert named in body["error"]


@pytest.mark.parametrize(
    ("params", "status"),
    [({"board": "nonsense"}, 404), ({"panels": "1,x"}, 400), ({"panels": "99"}, 400), ({"view": "slow-db/../.."}, 404)],
)
def test_data_of_what_is_not_there_is_refused(served: Served, params: dict[str, object], status: int) -> None:
    run = GrowingRun.begun(served.runs, ago_s=12)
    run.write_to(3)
    usual = {"view": run.name, "board": "experiment", "panels": "2", "from": 0, "to": 1, "step": 1}

    assert ask(served, "/api/data", **(usual | params))[0] == status


def test_a_broken_panel_leaves_the_others_alone(served: Served) -> None:
    broken = experiment()
    broken["panels"][1]["targets"][0]["expr"] = "topk(3, up)"
    (served.root / "dashboards" / "json" / "experiment.json").write_text(json.dumps(broken))
    run = GrowingRun.begun(served.runs, ago_s=16)
    run.write_to(15)
    start = round(run.t0_s)
    _, data = ask(
        served, "/api/data", view=run.name, board="experiment", panels="2,5", to=start + 15, step=1, **{"from": start}
    )

    assert "topk()" in data["panels"]["2"]["errors"][0]
    assert data["panels"]["5"]["series"]


def test_a_finished_run_is_listed_with_its_verdict_and_its_report(served: Served) -> None:
    folder = served.runs / "slow-db" / "2026-11-25T100000Z"
    write_folder(folder, PLANS["SLOW"])
    (folder / "report.html").write_text("<title>the report</title>")
    _, found = ask(served, "/api/library")
    (run,) = found["runs"]
    status, text = ask(served, f"/runs/{run['run']}/report.html")

    assert (run["verdict"], run["report"]) == ("CONFIRMED", True)
    assert next(one for one in found["scenarios"] if one["name"] == "slow-db")["verdict"] == "CONFIRMED"
    assert (status, text) == (200, "<title>the report</title>")


@pytest.mark.parametrize(
    "path",
    [
        "/runs/slow-db/2026-11-25T100000Z/../../../compose.yaml", "/runs/..%2f..%2fcompose.yaml",
        "/runs/slow-db/2026-11-25T100000Z/..%2f..%2f..%2fcompose.yaml", "/runs/slow-db/latest/report.html",
        "/runs/slow-db/2026-11-25T100000Z/metrics.jsonl.gz", "/../compose.yaml", "/watch.py", "/static/watch.js",
    ],
)  # fmt: skip
def test_no_path_leads_out_of_what_is_shown(served: Served, path: str) -> None:
    write_folder(served.runs / "slow-db" / "2026-11-25T100000Z", PLANS["SLOW"])

    assert plainly(served, path=path) == 404


def test_only_this_machines_own_page_is_answered(served: Served) -> None:
    """A name that was bent to 127.0.0.1 keeps its own Host; a page of another site says so."""
    port = urlsplit(served.url).port

    assert plainly(served) == 200
    assert plainly(served, Host=f"localhost:{port}") == 200
    assert plainly(served, Host=f"evil.example:{port}") == 421
    assert plainly(served, Host="127.0.0.1.evil.example") == 421
    assert plainly(served, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="cors") == 403
    assert plainly(served, Sec_Fetch_Site="same-site", Sec_Fetch_Mode="no-cors") == 403
    assert plainly(served, path="/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate") == 200
    assert plainly(served, Sec_Fetch_Site="same-origin", Sec_Fetch_Mode="cors") == 200
    assert [plainly(served, method) for method in ("POST", "PUT", "DELETE", "OPTIONS")] == [405] * 4


def test_the_whole_page_is_small_and_names_no_other_site(served: Served) -> None:
    _, page = ask(served, "/")
    names = re.findall(r'(?:src|href)="([\w.]+\.(?:js|css))"', page)
    total, todo, seen = len(page), list(names), set(names)
    while todo:
        _, text = ask(served, f"/{todo.pop()}")
        total += len(text.encode())
        assert "//cdn" not in text
        for name in re.findall(r'from "\./([\w.]+)"', text):
            if name not in seen:
                seen.add(name)
                todo.append(name)

    assert {"watch.js", "uplot.js", "report.css", "series.js", "charts.js"} <= seen
    assert total < LARGEST_PAGE


def lab_watch(root: Path, port: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "chaos", "--root", str(root), "watch", "--port", str(port)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_while_a_browser_is_connected(tmp_path: Path, signum: signal.Signals) -> None:
    root, port = checkout(tmp_path / "checkout"), free_port()
    process = lab_watch(root, port)
    assert process.stdout is not None
    try:
        assert f"http://127.0.0.1:{port}" in process.stdout.readline()
        with socket.create_connection(("127.0.0.1", port), timeout=10) as browser:
            browser.sendall(b"GET /api/state HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert browser.recv(100).startswith(b"HTTP/1.1 200")
            began = time.perf_counter()
            process.send_signal(signum)
            output, _ = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()

    assert process.returncode == 128 + signum
    assert "nothing is left running" in output
    assert time.perf_counter() - began < 20
    with socket.create_server(("127.0.0.1", port)):
        """The port is free again."""


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    root = checkout(tmp_path / "checkout")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = lab_watch(root, port)
        output, _ = process.communicate(timeout=60)

    assert process.returncode == 3
    assert output == f"lab: 127.0.0.1:{port} is taken (another `lab watch`?): end that, or name one with --port\n"
