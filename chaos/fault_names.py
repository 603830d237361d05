"""What a fault is called: its toxic on a proxy, the proxy of a link, and the whole of it in words."""

from chaos.scenario import Down, Fault, Kill, Messages, Pause, SlowCall, Toxic

_EXTENSIONS = {
    "latency_uniform": "latency {minimum} to {maximum} ms, uniform",
    "latency_normal": "latency {mean} ± {deviation} ms, normal",
    "latency_lognormal": "latency of median {median} and p99 {p99} ms, log-normal",
    "latency_pareto": "latency from {minimum} ms with p99 {p99} ms, Pareto",
    "connect_delay": "new connections {delay} ms late",
    "connect_hang": "new connections hang",
    "refuse": "new connections refused",
}


def proxy_name(arm: str, link: str) -> str:
    """Return the name of the proxy that carries a link of an arm."""
    return f"{arm}.{link}"


def door_name(service: str) -> str:
    """Return what the lab's own way to a service's door is called in the probes; it leads past Toxiproxy."""
    return f"lab_to_{service}"


def toxic_name(fault: Toxic) -> str:
    """Return a name that says what the toxic does, so that two faults on one link stand apart."""
    settings = [f"{name}{value}" for name, value in sorted(fault.attributes.items())]
    return "_".join([fault.type, fault.stream, *settings, *([f"p{fault.toxicity:g}"] if fault.toxicity < 1 else [])])


def title(fault: Fault) -> str:
    """Return a fault in words, e.g. `latency 800 ms on orders_to_postgres, inventory_to_postgres`."""
    links = ", ".join(fault.targets)
    if isinstance(fault, SlowCall):
        return f"a slow call of {fault.attributes.call_ms} ms in each reservation of {links}"
    if isinstance(fault, Kill):
        down_ms = fault.attributes.down_ms
        return f"SIGKILL of {links}" + (f", started again after {down_ms / 1000:g} s" if down_ms else "")
    if isinstance(fault, Messages):
        return f"{messages_in_words(fault)} in the topic {links}"
    if isinstance(fault, Pause):
        return f"SIGSTOP of {links}"
    if isinstance(fault, Down):
        return f"down: {links}"
    stream = " upstream" if fault.stream == "upstream" else ""
    share = f", {fault.toxicity * 100:g} % of connections" if fault.toxicity < 1 else ""
    return f"{_effect(fault)}{stream} on {links}{share}"


def messages_in_words(fault: Messages) -> str:
    """Return what is written into a topic, e.g. `5 messages that nobody can read and 100 a second time`."""
    told = fault.attributes
    poison = [f"{told.poison} messages that nobody can read"] if told.poison else []
    repeated = [f"{told.repeated} {'' if poison else 'messages '}a second time"] if told.repeated else []
    return " and ".join([*poison, *repeated])


def _effect(fault: Toxic) -> str:
    given = fault.attributes
    if fault.type in _EXTENSIONS:
        return _EXTENSIONS[fault.type].format(**given)
    match fault.type:
        case "latency":
            jitter = given.get("jitter", 0)
            return f"latency {given.get('latency', 0)} ms" + (f" ± {jitter} ms" if jitter else "")
        case "bandwidth":
            return f"bandwidth {given.get('rate', 0)} KB/s"
        case "timeout":
            wait_ms = given.get("timeout", 0)
            return f"silence, then close after {wait_ms} ms" if wait_ms else "silence"
        case _:  # reset_peer
            wait_ms = given.get("timeout", 0)
            return f"reset after {wait_ms} ms" if wait_ms else "reset"
