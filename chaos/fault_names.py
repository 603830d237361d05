"""What a fault is called: its toxic on a proxy, the proxy of a link, and the whole of it in words."""

from chaos.scenario import Down, Fault, Toxic


def proxy_name(arm: str, link: str) -> str:
    """Return the name of the proxy that carries a link of an arm."""
    return f"{arm}.{link}"


def toxic_name(fault: Toxic) -> str:
    """Return a name that says what the toxic does, so that two faults on one link stand apart."""
    settings = [f"{name}{value}" for name, value in sorted(fault.attributes.items())]
    return "_".join([fault.type, fault.stream, *settings, *([f"p{fault.toxicity:g}"] if fault.toxicity < 1 else [])])


def title(fault: Fault) -> str:
    """Return a fault in words, e.g. `latency 800 ms on orders_to_postgres, inventory_to_postgres`."""
    links = ", ".join(fault.links)
    if isinstance(fault, Down):
        return f"down: {links}"
    stream = " upstream" if fault.stream == "upstream" else ""
    share = f", {fault.toxicity * 100:g} % of connections" if fault.toxicity < 1 else ""
    return f"{_effect(fault)}{stream} on {links}{share}"


def _effect(fault: Toxic) -> str:
    given = fault.attributes
    match fault.type:
        case "latency":
            jitter = given.get("jitter", 0)
            return f"latency {given.get('latency', 0)} ms" + (f" ± {jitter} ms" if jitter else "")
        case "bandwidth":
            return f"bandwidth {given.get('rate', 0)} KB/s"
        case "timeout":
            wait_ms = given.get("timeout", 0)
            return f"silence, then close after {wait_ms} ms" if wait_ms else "silence"
        case "reset_peer":
            wait_ms = given.get("timeout", 0)
            return f"reset after {wait_ms} ms" if wait_ms else "reset"
