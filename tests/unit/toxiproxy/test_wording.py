"""The small readers and writers of the embedded server: addresses, bodies, flags, routes."""

import json
from typing import Any

import pytest

from chaos.toxiproxy.server.addresses import join, port_number, resolve, split
from chaos.toxiproxy.server.bodies import Fields, first_value, single_precision
from chaos.toxiproxy.server.errors import ApiError
from chaos.toxiproxy.server.flags import parse
from chaos.toxiproxy.server.printing import dump, plain_number
from chaos.toxiproxy.server.routes import ROUTES, match


@pytest.mark.parametrize(
    ("address", "parts"),
    [("", ("", "0")), (":80", ("", "80")), ("h:80", ("h", "80")), ("[::1]:80", ("::1", "80")), ("h:", ("h", ""))],
)
def test_an_address_is_host_and_port(address: str, parts: tuple[str, str]) -> None:
    assert split(address) == parts


@pytest.mark.parametrize("address", ["h", "::1", "a:b:1", "[::1]", "[::1", "[::1]x:1"])
def test_an_address_without_a_clear_port_is_refused(address: str) -> None:
    with pytest.raises(ApiError, match=r"address .* in address"):
        split(address)


@pytest.mark.parametrize("port", ["65536", "-1", "99999999999999999999", "nosuchport", "8 0"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(ApiError, match=r"invalid port|unknown port"):
        port_number(port)


@pytest.mark.parametrize(
    ("address", "resolved"), [("127.0.0.1:80", "127.0.0.1:80"), ("[0:0::1]:80", "[::1]:80"), (":80", ":80"), ("", ":0")]
)
async def test_addresses_resolve_to_what_a_listener_shows(address: str, resolved: str) -> None:
    assert await resolve(address) == resolved
    assert join("::1", 80) == "[::1]:80"


@pytest.mark.parametrize("body", [b"{} more", b' \n{"a":1}{"b":2}', b"null junk"])
def test_only_the_first_value_of_a_body_counts(body: bytes) -> None:
    assert first_value(body) in ({}, {"a": 1}, None)


@pytest.mark.parametrize("body", [b"NaN", b"Infinity", b"-", b"{'a':1}", b"[" * 100_000, b"1" * 10_000, b"\xff"])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ApiError, match="bad request body"):
        first_value(body)


@pytest.mark.parametrize("number", [0.2, 0.1, 0.3, 1 / 3, 1e-7, 7.0, -1.0])
def test_a_toxicity_prints_as_it_was_written(number: float) -> None:
    """A 32-bit float is shown by the shortest decimal that names it."""
    kept = single_precision(number)
    assert kept == pytest.approx(number, rel=1e-6)
    assert len(str(kept)) <= 12
    assert single_precision(kept) == kept


def test_numbers_print_like_go() -> None:
    assert json.dumps([plain_number(1.0), plain_number(0.25)]) == "[1, 0.25]"
    assert dump({"a": ["<&>", "ä", 1]}) == '{"a":["\\u003c\\u0026\\u003e","ä",1]}'


def test_a_toxicity_beyond_32_bits_is_refused() -> None:
    for number in (b"1e300", b"1e999", b"1" * 300):
        with pytest.raises(ApiError, match=r"number 1\w+ into Go struct field T.toxicity of type float32"):
            Fields({"toxicity": first_value(number)}, "T").real("toxicity", 1.0)


@pytest.mark.parametrize(
    "argv",
    [
        ["-host=h", "-port=1", "-config=f", "-seed=7"],
        ["-host", "h", "-port", "1", "-config", "f", "-seed", "7"],
        ["--host=h", "--port", "1", "--config=f", "--seed=7"],
    ],
)
def test_flags_are_go_s(argv: list[str]) -> None:
    """One dash or two, `=` or a space."""
    flags = parse(argv)
    assert (flags.host, flags.port, str(flags.config), flags.seed, flags.version) == ("h", 1, "f", 7, False)


def test_flags_have_toxiproxy_s_defaults() -> None:
    flags = parse([])
    assert (flags.host, flags.port, flags.config, flags.seed, flags.version) == ("localhost", 8474, None, None, False)


@pytest.mark.parametrize("argv", [["-hos=h"], ["-port=70000"], ["-port=-1"], ["extra"], ["-nonsense"]])
def test_flags_that_are_not_known_are_refused(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(argv)
    assert ended.value.code == 2
    assert capsys.readouterr().err


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/version", []),
        ("/proxies/a", ["a"]),
        ("/proxies/toxics/toxics", ["toxics"]),
        ("/proxies/a b/toxics/c", ["a b", "c"]),
    ],
)
def test_a_path_names_its_proxy_and_toxic(path: str, names: list[str]) -> None:
    found = match(path)
    assert found is not None
    assert found[1] == names


@pytest.mark.parametrize("path", ["/", "", "/proxies/", "/proxies//toxics", "/proxies/a/b", "/proxies/a/toxics/b/c"])
def test_other_paths_have_no_route(path: str) -> None:
    assert match(path) is None


def test_every_route_has_a_handler_of_its_own() -> None:
    """POST and PATCH share one; no other two do."""
    handlers: list[Any] = []
    for methods in ROUTES.values():
        handlers += {id(handler): handler for handler in methods.values()}.values()
    assert len(handlers) == len(set(handlers))
