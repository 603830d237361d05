"""The files around the boards fit together: what is scraped, what Grafana is given, and what compose.yaml mounts."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.boards import BOARDS
from dashboards.grafana import SOURCE_UID

ROOT = Path(__file__).parents[3]


def read(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def compose() -> Any:
    return read("compose.yaml")


@pytest.fixture(scope="module")
def source() -> Any:
    (found,) = read("dashboards/provisioning/datasources.yaml")["datasources"]
    return found


def test_prometheus_scrapes_every_service_that_has_metrics(compose: Any) -> None:
    """Each of ours listens on UVICORN_PORT, under the name that it has in compose.yaml."""
    ours = {
        f"{name}:{service['environment']['UVICORN_PORT']}": name
        for name, service in compose["services"].items()
        if "UVICORN_PORT" in service.get("environment", {})
    }
    jobs = {
        job["job_name"]: [target for group in job["static_configs"] for target in group["targets"]]
        for job in read("dashboards/prometheus.yml")["scrape_configs"]
    }

    assert jobs.keys() == {"shop", "relay"}
    assert sorted(jobs["shop"] + jobs["relay"]) == sorted(ours)
    assert [ours[target] for target in jobs["relay"]] == ["relay"]


def test_a_scrape_ends_before_the_next_one_begins(source: Any) -> None:
    config = read("dashboards/prometheus.yml")["global"]

    assert config == {"scrape_interval": "1s", "scrape_timeout": "900ms", "evaluation_interval": "1s"}
    assert source["jsonData"]["timeInterval"] == config["scrape_interval"]


def test_the_data_source_is_the_one_that_the_boards_name_and_nobody_edits_it(source: Any) -> None:
    assert (source["uid"], source["url"], source["editable"]) == (SOURCE_UID, "http://prometheus:9090", False)


def test_every_board_is_mounted_where_grafana_looks_and_it_opens_on_experiment(compose: Any) -> None:
    grafana = compose["services"]["grafana"]
    (provider,) = read("dashboards/provisioning/dashboards.yaml")["providers"]
    mounted = {
        one["target"]: compose["configs"][one["source"]]["file"].removeprefix("./") for one in grafana["configs"]
    }
    boards = {
        f"{provider['options']['path']}/{board.uid}.json": f"dashboards/json/{board.uid}.json" for board in BOARDS
    }

    assert {target: file for target, file in mounted.items() if file.startswith("dashboards/json/")} == boards
    assert grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == next(iter(boards))
    assert next(iter(boards)).endswith("/experiment.json")
    assert provider["allowUiUpdates"] is False
    assert "dashboards/provisioning/datasources.yaml" in mounted.values()
    assert "dashboards/provisioning/dashboards.yaml" in mounted.values()
