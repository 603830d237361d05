"""toxiproxy-python, used as its own documentation says: others' clients will work too."""

import pytest
import toxiproxy
import toxiproxy.proxy
import toxiproxy.server
from toxiproxy.api import APIConsumer
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

from tests.conformance.servers import Server


@pytest.fixture
def package(server: Server, monkeypatch: pytest.MonkeyPatch) -> toxiproxy.Toxiproxy:
    monkeypatch.setattr(APIConsumer, "host", "127.0.0.1")
    monkeypatch.setattr(APIConsumer, "port", server.port)
    # The lab's client puts a class of its own in this place; here the package is to be as it comes.
    for module in (toxiproxy.server, toxiproxy.proxy):
        monkeypatch.setattr(module, "APIConsumer", APIConsumer)
    return toxiproxy.Toxiproxy()


def test_it_creates_reads_and_destroys(package: toxiproxy.Toxiproxy) -> None:
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


def test_it_populates_and_destroys_all(package: toxiproxy.Toxiproxy) -> None:
    """Several proxies at once, then none."""
    wanted = [{"name": name, "upstream": "127.0.0.1:1", "listen": "127.0.0.1:0"} for name in ("a", "b")]
    assert [proxy.name for proxy in package.populate(wanted)] == ["a", "b"]
    assert sorted(package.proxies()) == ["a", "b"]
    package.destroy_all()
    assert package.proxies() == {}
