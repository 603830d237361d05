"""Drives a server through chaostoolkit-toxiproxy, as an experiment of the Chaos Toolkit would, in its own Python."""

import sys

from chaostoxi.proxy import actions as proxies  # type: ignore[import-not-found]
from chaostoxi.proxy import probes
from chaostoxi.toxic import actions as toxics  # type: ignore[import-not-found]


def main(url: str) -> None:
    """Create, poison, disable, heal and delete; raise AssertionError at the first surprise."""
    configuration = {"toxiproxy_url": url}
    assert proxies.create_proxy("chaos", "127.0.0.1", 1, listen_host="127.0.0.1", configuration=configuration)
    assert configuration["chaos_PORT"].isdigit()
    assert probes.proxy_exist("chaos", configuration)
    assert not probes.proxy_exist("nobody", configuration)
    assert toxics.create_latency_toxic("chaos", "slow", 100, jitter=10, configuration=configuration)
    assert toxics.create_bandwith_degradation_toxic("chaos", "thin", 100, configuration=configuration)
    assert toxics.create_slow_connection_close_toxic("chaos", "late", 100, configuration=configuration)
    assert toxics.create_slicer_toxic("chaos", "cut", 100, 10, 5, configuration=configuration)
    assert toxics.create_limiter_toxic("chaos", "less", 1000, configuration=configuration)
    assert toxics.create_toxic(
        "chaos", "reset", "reset_peer", toxicity=0.5, attributes={"timeout": 100}, configuration=configuration
    )
    toxics.delete_toxic("chaos", "slow", configuration=configuration)
    assert proxies.disable_proxy("chaos", configuration)
    assert proxies.enable_proxy("chaos", configuration)
    proxies.reset(configuration)
    proxies.delete_proxy("chaos", configuration)
    assert not probes.proxy_exist("chaos", configuration)


if __name__ == "__main__":
    main(sys.argv[1])
