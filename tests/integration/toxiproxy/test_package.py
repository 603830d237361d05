"""toxiproxy-python, used as its own documentation says, works against the server: others' clients will too."""

import asyncio
from typing import Any

import pytest
import toxiproxy
import toxiproxy.proxy
import toxiproxy.server
from toxiproxy.api import APIConsumer
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

from chaos.toxiproxy.client import ToxiproxyClient

pytestmark = pytest.mark.integration


@pytest.fixture
def package(toxiproxy_server: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(APIConsumer, "host", "127.0.0.1")
    monkeypatch.setattr(APIConsumer, "port", toxiproxy_server.port)
    for module in (toxiproxy.server, toxiproxy.proxy):
        monkeypatch.setattr(module, "APIConsumer", APIConsumer)
    return toxiproxy.Toxiproxy()


def test_the_package_creates_reads_and_destroys(package: toxiproxy.Toxiproxy) -> None:
    """Its proxies and toxics come and go, and its exceptions are raised for 404, 409 and 400."""
    assert package.running()
    assert b"version" in package.version()
    proxy = package.create(name="shop", upstream="127.0.0.1:1")
    with pytest.raises(ProxyExists):
        package.create(name="shop", upstream="127.0.0.1:1")
    proxy.add_toxic(type="latency", attributes={"latency": 50})
    proxy.add_toxic(type="timeout", stream="upstream", name="mute", toxicity=0.5)
    assert {name: toxic.type for name, toxic in proxy.toxics().items()} == {
        "mute": "timeout",
        "latency_downstream": "latency",
    }
    assert proxy.get_toxic("latency_downstream").attributes == {"latency": 50, "jitter": 0}
    with pytest.raises(InvalidToxic):
        proxy.add_toxic(type="nope")
    assert proxy.destroy_toxic("mute")
    with pytest.raises(NotFound):
        proxy.destroy_toxic("mute")
    with proxy.down():
        assert not package.get_proxy("shop").enabled
    assert package.get_proxy("shop").enabled
    assert package.reset()
    assert proxy.toxics() == {}
    assert proxy.destroy()
    assert package.get_proxy("shop") is None


async def test_the_package_stays_usable_beside_the_client(
    package: toxiproxy.Toxiproxy, second_server: Any, toxiproxy_server: Any
) -> None:
    """A ToxiproxyClient of another server does not redirect code that uses the package directly."""
    async with ToxiproxyClient(second_server.url, timeout_s=10) as client:
        await client.reset()
        await asyncio.to_thread(package.create, name="mine", upstream="127.0.0.1:1")
        assert await client.proxies() == {}
        assert list(await asyncio.to_thread(package.proxies)) == ["mine"]
