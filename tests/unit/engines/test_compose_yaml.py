"""compose.yaml as Docker reads it: what nobody notices until it runs on somebody else's machine."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from chaos.engines.compose_file import read_compose_file
from chaos.engines.topology import load_topology

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "compose.yaml").read_text()
FILE = read_compose_file(ROOT / "compose.yaml")
SERVICES: dict[str, dict[str, Any]] = FILE.content["services"]
MIB_A_GIB = 1024


def memory_gib(*profiles: str) -> float:
    """Return the sum of the limits of what starts with these Compose profiles."""
    chosen = [one for one in SERVICES.values() if not one.get("profiles") or set(one["profiles"]) & set(profiles)]
    return sum(int(one["mem_limit"].removesuffix("m")) for one in chosen) / MIB_A_GIB


def more_gib(profile: str) -> str:
    """Return what a Compose profile adds to the shop alone."""
    return f"{memory_gib(profile) - memory_gib():.1f} GiB"


def test_the_memory_it_needs_is_the_sum_of_its_limits() -> None:
    """The figures at its top are computed here from the limits below them."""
    assert f"up to {memory_gib('watch', 'load', 'events', 'catalog'):.1f} GiB of memory" in TEXT
    assert f"tells no Kafka: {memory_gib():.1f} GiB" in TEXT
    assert f"Kafka and notifications, {more_gib('events')}" in TEXT
    assert f"MariaDB and catalog, {more_gib('catalog')}" in TEXT
    assert f"slot c, {more_gib('arm-c')} more; arm-c-events and arm-c-catalog, {more_gib('arm-c-events')} each" in TEXT
    assert more_gib("arm-c-events") == more_gib("arm-c-catalog")


def test_dot_env_starts_all_but_slot_c() -> None:
    """The default is in .env, and names every profile but those of slot c."""
    (line,) = [line for line in (ROOT / ".env").read_text().splitlines() if not line.startswith("#")]
    every = {profile for one in SERVICES.values() for profile in one.get("profiles", [])}

    assert set(line.removeprefix("COMPOSE_PROFILES=").split(",")) == {
        profile for profile in every if not profile.startswith("arm-c")
    }


def test_everything_is_published_on_loopback_only() -> None:
    ports = [port for one in SERVICES.values() for port in one["ports"]]

    assert all(re.fullmatch(r"127\.0\.0\.1:([\d-]+):\1", port) for port in ports)


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_confined(name: str) -> None:
    """Each has a limit, a health check, no way to new privileges, and nowhere to write but where it says."""
    service = SERVICES[name]

    assert service["mem_limit"]
    assert service["healthcheck"]["test"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["cap_drop"] == ["ALL"]
    # Compose copies a config that stands in the file itself into the container, and refuses where it may not write.
    inline = [mount for mount in service.get("configs", ()) if "content" in FILE.content["configs"][mount["source"]]]
    assert service["read_only"] is not bool(inline)


def test_it_needs_no_registry_but_for_pulling_and_no_new_engine() -> None:
    """Images are pinned by tag, not by digest; what a Docker of Debian 12 does not know is not used."""
    images = {one["image"] for one in SERVICES.values()}
    dockerfile = (ROOT / "Dockerfile").read_text()

    assert all(re.fullmatch(r"[\w./-]+:[\w.-]+", image) and not image.endswith(":latest") for image in images)
    for text in (TEXT, dockerfile):
        assert not re.search(r"# *syntax=|@sha256:|start_interval|pull_policy", text)


def test_every_link_has_a_published_port() -> None:
    """The lab's probes reach each link from outside the containers."""
    published = {int(n) for port in SERVICES["toxiproxy"]["ports"] for n in _numbers(port.rpartition(":")[2])}
    arms = {f"LAB_ARM_{slot}": slot.lower() for slot in "ABC"}
    profiles = "arm-c,events,catalog,arm-c-events,arm-c-catalog"
    links = load_topology(ROOT / "compose.yaml", {**arms, "COMPOSE_PROFILES": profiles}, None).links

    assert len(links) == 3 * 17
    assert {int(link.listen.rpartition(":")[2]) for link in links} <= published


def test_prometheus_scrapes_every_service() -> None:
    """Each service of each slot is a target of the job `shop`, the relay of its own job; nobody else is one."""
    config = yaml.safe_load((ROOT / "dashboards" / "prometheus.yml").read_text())
    targets = {
        job["job_name"]: sorted(target for group in job["static_configs"] for target in group["targets"])
        for job in config["scrape_configs"]
    }
    ours = {
        f"{name}:{one['environment']['UVICORN_PORT']}"
        for name, one in SERVICES.items()
        if one["image"] == "chaoslab:dev"
    }
    relay = {target for target in ours if target.startswith("relay:")}

    assert targets == {"shop": sorted(ours - relay), "relay": sorted(relay)}


def test_every_folder_and_file_that_it_mounts_is_there() -> None:
    """Docker would make an empty folder of a file that is not there."""
    files = [one["file"] for one in FILE.content["configs"].values() if "file" in one]
    folders = [one.partition(":")[0] for service in SERVICES.values() for one in service.get("volumes", [])]

    assert files
    assert not [name for name in files if not (ROOT / name).is_file()]
    assert not [name for name in folders if name.startswith("./") and not (ROOT / name).is_dir()]


def _numbers(port: str) -> range:
    first, _, last = port.partition("-")
    return range(int(first), int(last or first) + 1)
