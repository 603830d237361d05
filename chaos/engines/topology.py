"""What runs, where it listens and who reaches whom, read from compose.yaml: the lab's one description of itself.

Pure but for reading files: nothing here starts, binds or asks anything. A key or value that the local engine cannot
honour is a TopologyError with its line, never ignored.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError
from pathlib import Path

from chaos.engines.addresses import loopback, option, split_address
from chaos.engines.compose_file import ComposeFile, read_compose_file
from chaos.engines.compose_model import ComposeService
from chaos.engines.compose_parse import config_texts, parse_compose
from chaos.engines.links import Link, read_links
from chaos.engines.parts import part_variables, parts_behind
from chaos.engines.service_spec import ServiceSpec, Topology
from chaos.errors import TopologyError
from chaos.scenario import Arm
from chaos.scenario.parts import Part, part_of

__all__ = ["SLOTS", "Link", "ServiceSpec", "Topology", "arm_environment", "load_topology"]

SLOTS = ("a", "b", "c")
# The switch of what is optional, to watch a run with: 0 leaves all of it out.
WATCH = "LAB_WATCH"
_PROBE = ["CMD", "python", "-m", "services.common.probe"]


def arm_environment(arms: Sequence[Arm], needs: Collection[Part] = ()) -> dict[str, str]:
    """Return the variables that seat `arms` in the slots of compose.yaml and start the parts it `needs`.

    A slot that stays empty gets a name that no arm can have, or its default would be a second arm of the same name.
    Raises TopologyError for too many arms or two of one name.
    """
    names = [arm.name for arm in arms]
    if not 0 < len(arms) <= len(SLOTS):
        raise TopologyError(f"{len(arms)} arms: compose.yaml has slots for 1 to {len(SLOTS)}")
    if len(set(names)) < len(names):
        raise TopologyError(f"two arms have one name: {', '.join(names)}")
    variables = {f"LAB_ARM_{slot.upper()}": f"unused_{slot}" for slot in SLOTS[len(arms) :]}
    # Services started for a lab may have faults switched on in them; those of a bare `docker compose up` may not.
    variables["LAB_FAULTS"] = "on"
    for slot, arm in zip(SLOTS, arms, strict=False):
        seat = {"ARM": arm.name, "PROFILE": arm.profile, "HANDLER": arm.handler}
        variables |= {f"LAB_{what}_{slot.upper()}": value for what, value in seat.items()}
    return variables | part_variables(needs, slot_c=len(arms) == len(SLOTS))


def load_topology(path: Path, env: Mapping[str, str], arms: Collection[str] | None) -> Topology:
    """Read compose.yaml at `path`, with `env` for its variables.

    `arms` names the arms to keep beside the shared services; None keeps what `docker compose up` would start. A service
    behind a Compose profile needs that profile in COMPOSE_PROFILES, but for two: an arm that is named is seated, so it
    needs only its parts' profiles, and what is optional is chosen unless LAB_WATCH is 0. What somebody else starts is
    never chosen. Raises TopologyError.
    """
    file = read_compose_file(path)
    compose = parse_compose(file, env)
    local = loopback(compose.services)
    texts = {name: local(text) for name, text in config_texts(file, compose).items()}
    chosen: dict[str, ServiceSpec] = {}
    for name, service in compose.services.items():
        spec = _spec(file, name, service, env, texts)
        if _is_chosen(spec, service, env, arms):
            chosen[name] = spec
    _check(file, chosen, arms)
    links = _links(file, chosen, texts)
    # Docker publishes every link's port; a plain Toxiproxy listens only on those of the arms that are there.
    ways = {split_address(link.listen)[1] for link in links}
    for name, spec in chosen.items():
        chosen[name] = replace(spec, ports=tuple(port for port in spec.ports if port not in ways))
    return Topology(chosen, tuple(link for link in links if _is_used(link, chosen.values())), texts)


def _is_used(link: Link, chosen: Collection[ServiceSpec]) -> bool:
    """Return whether the arm is there, and both ends where one of them is of a part that may be absent."""
    own = {spec.role for spec in chosen if spec.arm in {None, link.arm}}
    ends = link.name.split("_to_")
    return link.arm in {spec.arm for spec in chosen} and all(part_of(end) is None or end in own for end in ends)


def _spec(
    file: ComposeFile, name: str, service: ComposeService, env: Mapping[str, str], texts: Mapping[str, str]
) -> ServiceSpec:
    """Turn an entry of the file into what the local engine starts."""
    local = loopback(file.content["services"])
    # A variable without a value is taken from the caller's environment, and is absent where it is absent there.
    values = {key: env.get(key) if value is None else value for key, value in service.environment.items()}
    mounts = {mount.target: mount.source for mount in service.configs}
    for index, mount in enumerate(service.configs):
        if mount.source not in texts:
            raise file.error(("services", name, "configs", index), f"there is no config {mount.source}")
    return ServiceSpec(
        name=name,
        arm=values.get("LAB_ARM"),
        component=service.local.component if service.local else None,
        command=tuple(local(word) for word in service.command),
        environment={key: local(value) for key, value in values.items() if value is not None},
        ports=tuple(service.ports),
        depends_on={other: need.condition for other, need in service.depends_on.items()},
        ready_url=_ready_url(file, name, service),
        mounts=mounts,
        optional=service.local is not None and service.local.optional,
    )


def _ready_url(file: ComposeFile, name: str, service: ComposeService) -> str | None:
    """Return the URL that the healthcheck asks; a component is probed in its own protocol instead."""
    if service.local is not None:
        return None
    key = ("services", name, "healthcheck", "test")
    if not service.command:
        raise file.error((*key[:2], "command"), "a plain process needs one")
    if service.volumes:
        raise file.error((*key[:2], "volumes"), "a plain process has nowhere to mount them")
    if service.healthcheck is None:
        raise file.error(key[:2], "it needs a healthcheck, or nobody can say when it is ready")
    *probe, url = service.healthcheck.test
    if probe != _PROBE:
        raise file.error(key, "the local engine reads only [CMD, python, -m, services.common.probe, URL]")
    return url


def _is_chosen(
    spec: ServiceSpec, service: ComposeService, env: Mapping[str, str], arms: Collection[str] | None
) -> bool:
    if service.local is not None and service.local.started_by is not None:
        return False
    if spec.optional:
        return env.get(WATCH) != "0"
    active = {profile.strip() for profile in env.get("COMPOSE_PROFILES", "").split(",")}
    if spec.arm is not None and arms is not None:
        return spec.arm in arms and parts_behind(service.profiles) <= active
    return not service.profiles or "*" in active or not active.isdisjoint(service.profiles)


def _check(file: ComposeFile, chosen: Mapping[str, ServiceSpec], arms: Collection[str] | None) -> None:
    """Refuse what cannot be started as it is chosen."""
    seats: dict[tuple[str, str], str] = {}
    for name, spec in chosen.items():
        _check_needs(file, spec, chosen)
        if spec.arm is not None:
            twin = seats.setdefault((spec.arm, spec.role), name)
            if twin != name:
                raise file.error(("services", name), f"the arm {spec.arm} is played by two slots: {twin} and {name}")
    if not chosen:
        raise file.error(("services",), "no service is started")
    for arm in arms or ():
        if arm not in {spec.arm for spec in chosen.values()}:
            raise file.error(("services",), f"no service plays the arm {arm} (LAB_ARM_A, LAB_ARM_B, LAB_ARM_C)")
    try:
        Topology(chosen, (), {}).levels()
    except CycleError as error:
        raise file.error(("services",), f"these wait for each other: {', '.join(error.args[1])}") from None


def _check_needs(file: ComposeFile, spec: ServiceSpec, chosen: Mapping[str, ServiceSpec]) -> None:
    """Refuse a need that may not be there."""
    for other in spec.depends_on:
        key = ("services", spec.name, "depends_on", other)
        if other not in chosen:
            raise file.error(key, "no service of that name is started")
        if chosen[other].optional:
            raise file.error(key, "it is optional, so nothing may need it")


def _links(file: ComposeFile, chosen: Mapping[str, ServiceSpec], texts: Mapping[str, str]) -> tuple[Link, ...]:
    """Read the links from the file that the Toxiproxy service mounts and is told of by -config."""
    for name, spec in chosen.items():
        if spec.component != "toxiproxy":
            continue
        target = option(spec.command, "config")
        source = spec.mounts.get(target or "")
        if source is None:
            raise file.error(("services", name, "command"), "-config must name a config that the service mounts")
        try:
            return read_links(texts[source], chosen.values())
        except ValueError as error:
            raise file.error(("configs", source), str(error)) from None
    return ()
