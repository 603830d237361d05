"""compose.yaml as the local engine reads it: whole where it understands it, an error with its line where not."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from chaos.engines.ports import wanted_ports
from chaos.engines.topology import Topology, arm_environment, load_topology
from chaos.errors import TopologyError
from chaos.scenario import Arm
from chaos.scenario.parts import PARTS, Part, part_of_link

COMPOSE = Path(__file__).parents[3] / "compose.yaml"
LINKS = (
    "gateway_to_orders", "gateway_to_inventory", "orders_to_inventory", "orders_to_payments", "payments_to_bank",
    "orders_to_postgres", "inventory_to_postgres", "payments_to_postgres", "inventory_to_redis",
)  # fmt: skip
SERVICE = """\
services:
  web:
    image: x
    command: [python, a.py]
    ports: ["127.0.0.1:80:80"]
    healthcheck: {test: [CMD, python, -m, services.common.probe, "http://127.0.0.1:80/readyz"]}
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a compose file."""

    def compose(text: str) -> Path:
        path = tmp_path / "compose.yaml"
        path.write_text(text)
        return path

    return compose


def shop(*names: str, needs: Sequence[Part] = ()) -> Topology:
    """Return the project's own topology with these arms, each of the profile of its name, and the parts it needs."""
    arms = [Arm(name=name, profile=name) for name in names]
    return load_topology(COMPOSE, arm_environment(arms, needs), names)


def test_the_shop_with_two_arms() -> None:
    """Two arms are ten services, the relay, five components and nine links an arm, all on loopback, no port twice."""
    topology = shop("naive", "protected")

    services = [spec for spec in topology.services.values() if spec.component is None]
    assert len(services) == 11
    assert [spec.component for spec in topology.services.values() if spec.component] == [
        "postgres",
        "redis",
        "toxiproxy",
        "prometheus",
        "grafana",
    ]
    assert [spec.name for spec in topology.services.values() if spec.optional] == ["prometheus", "grafana"]
    assert [link.proxy for link in topology.links] == [f"{arm}.{n}" for arm in ("naive", "protected") for n in LINKS]
    assert len(wanted_ports(topology)) == 11 + 5 + 18
    assert {spec.environment["UVICORN_HOST"] for spec in services} == {"127.0.0.1"}
    assert topology.levels()[0] == ("grafana", "postgres", "prometheus", "redis", "relay", "toxiproxy")


@pytest.mark.parametrize(
    "names", [("solo",), ("protected",), ("third",), ("a-1", "a-2"), ("third", "protected", "naive")]
)
def test_an_arm_sits_in_one_slot_whatever_it_is_called(names: tuple[str, ...]) -> None:
    """A name that is another slot's default does not bring that slot along."""
    topology = shop(*names)

    assert sorted(spec.role for spec in topology.services.values() if spec.arm) == sorted(
        ["bank", "payments", "inventory", "orders", "gateway"] * len(names)
    )
    assert [spec.arm for spec in topology.services.values() if spec.role == "bank"] == list(names)
    assert {link.arm for link in topology.links} == set(names)


def test_a_link_knows_what_its_caller_calls() -> None:
    """A link carries the caller's URL, and that URL past the proxy."""
    links = {link.proxy: link for link in shop("naive").links}

    orders = links["naive.orders_to_postgres"]
    assert (orders.listen, orders.upstream) == ("127.0.0.1:18156", "127.0.0.1:15432")
    assert orders.url == "postgresql://shop@127.0.0.1:18156/shop_a"
    assert orders.direct_url == "postgresql://shop@127.0.0.1:15432/shop_a"
    assert links["naive.inventory_to_redis"].direct_url == "redis://127.0.0.1:16379/0"
    assert links["naive.gateway_to_orders"].url == "http://127.0.0.1:18151"


def test_none_keeps_what_docker_compose_would_start() -> None:
    """Without arms, slot c and the parts wait behind their profiles, as they do for Docker."""
    assert len(load_topology(COMPOSE, {}, None).services) == 16
    assert len(load_topology(COMPOSE, {"COMPOSE_PROFILES": "x,arm-c"}, None).services) == 21
    assert len(load_topology(COMPOSE, {"COMPOSE_PROFILES": "events,catalog"}, None).services) == 16 + 2 * (1 + 2)


def test_what_is_there_to_watch_with_can_be_left_out() -> None:
    """Prometheus and Grafana are chosen by default, LAB_WATCH=0 leaves them out; Locust somebody else starts."""
    chosen = {name: load_topology(COMPOSE, {"COMPOSE_PROFILES": name}, None).services for name in ("", "watch", "load")}
    assert all({"prometheus", "grafana"} <= services.keys() for services in chosen.values())
    assert not any("locust" in services for services in chosen.values())
    assert chosen["watch"]["grafana"].page == "http://127.0.0.1:3000"
    assert chosen["watch"]["relay"].page is None

    without = load_topology(COMPOSE, {"LAB_WATCH": "0", "COMPOSE_PROFILES": "watch"}, None).services
    assert chosen["watch"].keys() - without.keys() == {"prometheus", "grafana"}


def test_the_links_ports_belong_to_the_links() -> None:
    """Compose publishes all slots' link ports; of an arm that is not there nobody wants them."""
    topology = shop("naive")

    assert topology.services["toxiproxy"].ports == (8474,)
    assert {port for port in wanted_ports(topology) if 18150 < port < 18400 and port % 100 > 50} == set(
        range(18151, 18160)
    )


def test_a_service_says_where_it_is() -> None:
    """URL and role come from the file; a component has no URL."""
    services = shop("naive").services

    assert (services["bank-a"].url, services["bank-a"].role) == ("http://127.0.0.1:18140", "bank")
    assert services["bank-a"].ready_url == "http://127.0.0.1:18140/readyz"
    assert (services["postgres"].url, services["postgres"].role) == (None, "postgres")


@pytest.mark.parametrize(
    ("added", "line", "reason"),
    [
        ("    restart: always\n", 7, "services.web.restart: the local engine does not understand this key"),
        ("    x-locla: {component: redis}\n", 7, "services.web.x-locla"),
        ("    x-local: {component: oracle}\n", 7, "services.web.x-local.component"),
        ("    x-local:\n      component: redis\n      port: 1\n", 9, "services.web.x-local.port"),
        ("    command: [python]\n", 7, "the key command stands here twice"),
        ("    environment:\n      A: 1\n      B: true\n", 7, "quote it"),
        ("    environment:\n      A: 1\n      B: ${NONE}\n", 9, "services.web.environment.B: .*NONE is not set"),
        ("    depends_on: [db]\n", 7, "no service of that name"),
        ("    depends_on: {web: {condition: service_healthy}}\n", 1, "wait for each other"),
        ("    depends_on: {web: {condition: service_completed_successfully}}\n", 7, "condition"),
        ("    configs: [{source: none, target: /x}]\n", 7, "there is no config none"),
        ("networks: {}\nsecrets: {}\n", 8, "secrets: the local engine does not understand"),
        ("    volumes: [data:/x]\n", 7, "nowhere to mount"),
        ("    volumes: [/etc:/x:ro]\n", 7, "cannot read the volume '/etc:/x:ro'"),
        ("    volumes: [./code:/x]\n", 7, "cannot read the volume"),
        ("volumes: {data: {external: true}}\n", 7, "external"),
        ("    x-local: {component: redis, started_by: me}\n", 7, "exactly one of component and started_by"),
        ("    x-local: {optional: true}\n", 7, "exactly one of component and started_by"),
        (
            "    depends_on: [db]\n  db: {x-local: {component: prometheus, optional: true}}\n",
            7,
            "optional, so nothing may need it",
        ),
        ("configs:\n  a: {content: x, file: y}\n", 8, "exactly one"),
        ("configs:\n  a: {external: true}\n", 8, "external"),
        ("   x: [\n", 7, "not YAML"),
    ],
)
def test_what_the_engine_cannot_honour_is_refused_with_its_line(
    write: Write, added: str, line: int, reason: str
) -> None:
    """An unknown key or value is an error that names file, line and key."""
    path = write(SERVICE + added)

    with pytest.raises(TopologyError, match=rf"compose.yaml:{line}: .*{reason}|compose.yaml:{line}: {reason}"):
        load_topology(path, {}, None)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("127.0.0.1:80:80", "127.0.0.1:81:80", "publishes 80 as 81"),
        ("127.0.0.1:80:80", "80", "cannot read the port"),
        ("[CMD, python, -m, services.common.probe, ", "[CMD, curl, ", "reads only"),
        ("    healthcheck: {test", "    labels: {test", "needs a healthcheck"),
        ("    command: [python, a.py]\n", "", "web.command"),
        ("services:\n", "service:\n", "service: the local engine does not understand"),
    ],
)
def test_a_service_that_cannot_run_as_a_plain_process_is_refused(write: Write, old: str, new: str, reason: str) -> None:
    """One port inside and outside, a readiness URL and a command are needed."""
    path = write(SERVICE.replace(old, new))

    with pytest.raises(TopologyError, match=rf"compose.yaml:\d+: .*{reason}"):
        load_topology(path, {}, None)


def test_keys_that_only_docker_needs_are_skipped(write: Write) -> None:
    """Image, limits and hardening change nothing for a plain process, so they are no errors."""
    path = write(
        "name: shop\nx-any: &any {mem_limit: 1m}\n" + SERVICE + "    <<: *any\n    init: true\n    cap_drop: [ALL]\n"
    )

    assert list(load_topology(path, {}, None).services) == ["web"]


def test_a_merge_is_overridden_by_what_stands_beside_it(write: Write) -> None:
    """`<<` brings defaults; a key of the service itself wins, and an unknown merged key has its anchor's line."""
    text = SERVICE.replace("  web:\n", "  web:\n    <<: *base\n")
    ok = write("x-base: &base {command: [other], environment: {A: b}}\n" + text)
    spec = load_topology(ok, {}, None).services["web"]
    assert (spec.command, spec.environment) == (("python", "a.py"), {"A": "b"})

    with pytest.raises(TopologyError, match=r"compose.yaml:2: services.web.tty"):
        load_topology(write("x-base: &base\n  tty: true\n" + text), {}, None)


def test_a_variable_without_a_value_comes_from_the_caller(write: Write) -> None:
    """`NAME:` alone passes the caller's variable on, and nothing where the caller has none."""
    path = write(SERVICE + "    environment: {HERE: , GONE: , NUMBER: 3}\n")

    assert load_topology(path, {"HERE": "h"}, None).services["web"].environment == {"HERE": "h", "NUMBER": "3"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('[{"name": "a.b_to_c", "listen": "0.0.0.0:1", "upstream": "nobody:80"}]', "nobody is no service"),
        ('[{"name": "b_to_c", "listen": "0.0.0.0:1", "upstream": "web:80"}]', "not named ARM"),
        ('[{"name": "a.b_to_c", "listen": "0.0.0.0", "upstream": "web:80"}]', "not host:port"),
        ('[{"name": "a.b_to_c", "listen": "0.0.0.0:1"}]', "upstream"),
        ('[{"name": "a.b_to_c", "listen": "0.0.0.0:1", "upstream": "web:80", "enabled": false}]', "enabled"),
        ("[{]", "JSON"),
    ],
)
def test_a_link_that_cannot_be_is_refused(write: Write, content: str, reason: str) -> None:
    """Toxiproxy's file is held to arm, link name, loopback addresses and known services."""
    proxy = (
        "  proxy:\n    x-local: {component: toxiproxy}\n    command: [-host=0.0.0.0, -config=/l.json]\n"
        "    configs: [{source: links, target: /l.json}]\n    ports: ['127.0.0.1:8474:8474']\n"
    )
    path = write(SERVICE + proxy + f"configs:\n  links: {{content: '{content}'}}\n")

    with pytest.raises(TopologyError, match=rf"compose.yaml:13: configs.links: .*{reason}"):
        load_topology(path, {}, None)


def test_arms_are_seated_in_order_and_empty_slots_are_named_so() -> None:
    """The environment seats arms in slots a, b, c; three need the Compose profile of slot c."""
    two = arm_environment([Arm(name="x", profile="naive", handler="def"), Arm(name="y", profile="protected")])
    assert two == {
        "LAB_ARM_A": "x", "LAB_PROFILE_A": "naive", "LAB_HANDLER_A": "def",
        "LAB_ARM_B": "y", "LAB_PROFILE_B": "protected", "LAB_HANDLER_B": "async",
        "LAB_ARM_C": "unused_c", "LAB_FAULTS": "on", "LAB_EVENTS": "off", "COMPOSE_PROFILES": "",
    }  # fmt: skip
    three = arm_environment([Arm(name=name, profile="naive") for name in "xyz"])
    assert three["COMPOSE_PROFILES"] == "arm-c"
    assert three["LAB_ARM_C"] == "z"


@pytest.mark.parametrize(
    ("needs", "count", "profiles", "events"),
    [
        (["events"], 2, "events", "on"),
        (["catalog"], 1, "catalog", "off"),
        (["catalog", "events"], 3, "arm-c,events,catalog,arm-c-events,arm-c-catalog", "on"),
    ],
)
def test_the_parts_that_are_needed_are_compose_profiles(
    needs: list[Part], count: int, profiles: str, events: str
) -> None:
    """Slot c's copies of a part wait behind profiles of their own; without events nobody publishes."""
    found = arm_environment([Arm(name=name, profile="naive") for name in "xyz"[:count]], needs)

    assert (found["COMPOSE_PROFILES"], found["LAB_EVENTS"]) == (profiles, events)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("names", [("naive",), ("a-1", "a-2", "a-3")])
def test_a_part_is_its_services_in_every_arm_and_its_links(part: Part, names: tuple[str, ...]) -> None:
    """What `chaos.scenario.parts` names is what stands behind the profile in compose.yaml, and its links come along."""
    light, more = shop(*names), shop(*names, needs=(part,))
    added = more.services.keys() - light.services.keys()
    component, service = PARTS[part]

    assert added == {component, *(f"{service}-{slot}" for slot in "abc"[: len(names)])}
    assert (light.parts, more.parts) == ((), (part,))
    assert {link.name for link in more.links} - {link.name for link in light.links} == {
        link.name for link in more.links if part_of_link(link.name) == part
    }
    assert len(more.links) > len(light.links) == 9 * len(names)
    assert {spec.component for name, spec in more.services.items() if name in added} == {component, None}


def test_orders_are_told_only_where_events_are() -> None:
    told = {needs: shop("naive", needs=needs).services["orders-a"].environment for needs in ((), ("events",))}

    assert [one["ORDERS_EVENTS"] for one in told.values()] == ["off", "on"]
    assert {one["KAFKA_URL"] for one in told.values()} == {"kafka://127.0.0.1:18181"}


def test_a_topic_is_reached_past_toxiproxy_at_the_brokers_own_address() -> None:
    links = {link.name: link for link in shop("naive", needs=("events",)).links}

    assert links["orders_to_kafka"].direct_url == "kafka://127.0.0.1:19092"
    assert links["notifications_to_kafka"].url == "kafka://127.0.0.1:18182"


@pytest.mark.parametrize("names", [[], ["x", "x"], ["w", "x", "y", "z"]])
def test_arms_that_cannot_be_seated_are_refused(names: list[str]) -> None:
    """None, too many, or two of one name."""
    with pytest.raises(TopologyError):
        arm_environment([Arm(name=name, profile="naive") for name in names])


def test_an_arm_without_services_is_refused() -> None:
    """Asking for an arm that no slot plays names the variables that seat arms."""
    with pytest.raises(TopologyError, match=r"no service plays the arm typo \(LAB_ARM_A"):
        load_topology(COMPOSE, {}, ["typo"])


def test_a_file_that_is_not_there_is_an_error_of_the_user(tmp_path: Path) -> None:
    """No compose.yaml is a TopologyError that names the path."""
    with pytest.raises(TopologyError, match=r"cannot read .*compose.yaml"):
        load_topology(tmp_path / "compose.yaml", {}, None)
