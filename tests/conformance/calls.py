"""Random API calls, valid and not: what the differential test and the test for leaks are fed with.

A body is text; `@a` in it stands for where proxy `a` listens, which differs between servers.
"""

import json
from dataclasses import dataclass
from typing import Any

import httpx
from hypothesis import strategies as st

NAMES = ["a", "b", "ü &"]
KINDS = ["latency", "bandwidth", "slow_close", "timeout", "reset_peer", "limit_data", "noop"]
ATTRIBUTES = {
    "latency": ["latency", "jitter"],
    "bandwidth": ["rate"],
    "slow_close": ["delay"],
    "timeout": ["timeout"],
    "reset_peer": ["timeout"],
    "limit_data": ["bytes"],
    "noop": [],
}
LISTENS = ["127.0.0.1:0", "localhost:0", "@a", "@b", "bad", "127.0.0.1:99999", "a:b:c", "", "1.2.3.4:5"]
WRONG: list[Any] = [5, True, None, "x", [], {}, 1.5, 10**20]
JUNK = ["", " ", "null", "[]", "{", "x", '"a"', "5", "{}", '{"name"', "[null]", "[5]", '{"a":1} trailing', "\u0000"]


@dataclass(frozen=True)
class Call:
    """One request; `path` is quoted already."""

    method: str
    path: str
    body: str

    async def send(self, http: httpx.AsyncClient, listens: dict[str, str]) -> httpx.Response:
        """Send it, with the addresses of this server."""
        body = self.body
        for name in ("a", "b"):
            body = body.replace(f"@{name}", listens.get(name, "127.0.0.1:0"))
        return await http.request(self.method, self.path, content=body.encode())


def _quoted(name: str) -> str:
    return str(httpx.URL("http://x/").copy_with(path=f"/{name}").raw_path.decode())[1:]


def _maybe_wrong(value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(value, value, value, value, value, st.sampled_from(WRONG))


def _proxy() -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {},
        optional={
            "name": _maybe_wrong(st.sampled_from(NAMES)),
            "upstream": _maybe_wrong(st.sampled_from(["x:1", "127.0.0.1:1", ""])),
            "listen": _maybe_wrong(st.sampled_from(LISTENS[:4])) | st.sampled_from(LISTENS),
            "enabled": st.booleans(),
        },
    )


def _whole_proxy() -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {
            "name": st.sampled_from(NAMES),
            "upstream": st.sampled_from(["x:1", "y:1"]),
            "listen": st.sampled_from(LISTENS[:4]),
        },
        optional={"enabled": st.booleans()},
    )


def _toxic(numbers: st.SearchStrategy[Any], toxicities: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    def of(kind: str) -> st.SearchStrategy[Any]:
        # One attribute at most: which of several is decoded first is the order of the text.
        attributes = st.one_of(
            st.just({}), *(st.fixed_dictionaries({name: numbers}) for name in ATTRIBUTES.get(kind, []))
        )
        return st.fixed_dictionaries(
            {"type": st.just(kind)},
            optional={
                "name": st.sampled_from(["t", "u", ""]),
                "stream": st.sampled_from(["upstream", "downstream", "UpStream", "", "sideways"]),
                "toxicity": toxicities,
                "attributes": attributes,
            },
        )

    return st.sampled_from([*KINDS, *KINDS, "Latency", "nope", ""]).flatmap(of)


def calls(*, absurd: bool) -> st.SearchStrategy[list[Call]]:
    """Return a strategy of sequences; `absurd` numbers are those that only the original takes."""
    numbers = _maybe_wrong(st.integers(-(2**63), 2**61) if absurd else st.integers(0, 1_000))
    toxicities = st.sampled_from([0, 1, 0.5, 0.2, *([7, -1, 1e-7, 3e38] if absurd else [])])
    toxic = _toxic(numbers, toxicities).map(json.dumps)
    proxy = st.sampled_from(NAMES).map(lambda name: f"/proxies/{_quoted(name)}")
    toxic_path = st.tuples(proxy, st.sampled_from(["t", "u", "latency_downstream", "noop_downstream"])).map(
        lambda pair: f"{pair[0]}/toxics/{pair[1]}"
    )
    junk = st.sampled_from(JUNK)
    none = st.just("")
    update = st.sampled_from(["POST", "PATCH"])
    whole = _whole_proxy().map(json.dumps)
    one = st.one_of(
        st.builds(Call, st.just("POST"), st.just("/proxies"), whole),
        st.builds(Call, st.just("POST"), st.just("/proxies"), _proxy().map(json.dumps) | junk),
        st.builds(Call, st.just("POST"), proxy.map(lambda path: f"{path}/toxics"), toxic),
        st.builds(Call, st.just("POST"), proxy.map(lambda path: f"{path}/toxics"), toxic | junk),
        st.builds(Call, update, proxy, _proxy().map(json.dumps) | junk),
        st.builds(Call, update, toxic_path, toxic | junk),
        st.builds(Call, st.sampled_from(["GET", "DELETE"]), proxy | toxic_path, none),
        st.builds(Call, st.just("GET"), st.just("/proxies") | proxy.map(lambda path: f"{path}/toxics"), none),
        st.builds(Call, st.just("POST"), st.just("/reset"), junk),
        st.builds(
            Call,
            st.just("POST"),
            st.just("/populate"),
            st.lists(_whole_proxy(), max_size=3).map(json.dumps) | junk,
        ),
        st.builds(
            Call,
            st.sampled_from(["PUT", "OPTIONS", "GET", "DELETE"]),
            st.sampled_from(["/", "/nope", "/reset", "/populate", "/version/", "/proxies/a/b", "/proxies/"]),
            none,
        ),
    )
    return st.lists(one, min_size=1, max_size=12)
