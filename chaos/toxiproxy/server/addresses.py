"""Listen and upstream addresses as Toxiproxy writes them: `host:port`, `[v6]:port`, `:port`, or nothing at all."""

import asyncio
import errno
import ipaddress
import os
import socket

from chaos.toxiproxy.server.errors import ApiError, bad_address

MAX_PORT = 65_535
BACKLOG = 4_096  # What Go asks for on Linux: a burst of connects must not be refused by a short queue.


def split(address: str) -> tuple[str, str]:
    """Return (host, port) as text; "" stands for any host on any port.

    Raises:
        ApiError: no port, or colons outside brackets.
    """
    if not address:
        return "", "0"
    if address.startswith("["):
        host, bracket, rest = address[1:].partition("]")
        if not bracket:
            raise bad_address(f"address {address}: missing ']' in address")
        if not rest.startswith(":"):
            raise bad_address(f"address {address}: missing port in address")
        return host, rest[1:]
    host, colon, port = address.rpartition(":")
    if not colon:
        raise bad_address(f"address {address}: missing port in address")
    if ":" in host:
        raise bad_address(f"address {address}: too many colons in address")
    return host, port


def port_number(port: str) -> int:
    """Return the number of a port that is written as digits or as a service name.

    Raises:
        ApiError: above 65535, or a name that the system does not know.
    """
    if port.lstrip("-").isdigit():
        number = int(port)
        if not 0 <= number <= MAX_PORT:
            raise bad_address(f"address {port}: invalid port")
        return number
    try:
        return socket.getservbyname(port, "tcp") if port else 0
    except OSError:
        raise bad_address(f"lookup tcp/{port}: unknown port") from None


def join(host: str, port: int) -> str:
    """Return `host:port`, with brackets round an IPv6 host."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def resolve(address: str) -> str:
    """Return the address with its host as an IP, IPv4 first, the way a listener would show it.

    Raises:
        ApiError: malformed, or the name does not resolve.
    """
    host, port_text = split(address)
    port = port_number(port_text)
    if not host:
        return f":{port}"
    try:
        return join(ipaddress.ip_address(host).compressed, port)
    except ValueError:
        pass
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        raise bad_address(f"lookup {host}: no such host") from None
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    return join(str(found[0][4][0]), port)


async def bound_socket(address: str) -> socket.socket:
    """Return a non-blocking socket that is bound and does not listen; the caller closes it.

    A wildcard host, IPv4's too, stands for both families where the system has both, as in the original.

    Raises:
        ApiError: as `resolve`, or the port is taken, forbidden, or the host is not of this machine.
    """
    try:
        resolved = await resolve(address)
    except ApiError as error:
        raise bad_address(f"listen tcp: {error}") from None
    host, port = split(resolved)
    wildcard = not host or ipaddress.ip_address(host).is_unspecified
    dual = wildcard and socket.has_dualstack_ipv6()
    target = ("::" if dual else "0.0.0.0") if wildcard else host  # noqa: S104 - asked for by the address itself
    bound = socket.socket(socket.AF_INET6 if ":" in target else socket.AF_INET)
    try:
        bound.settimeout(0)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if bound.family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if dual else 1)
        bound.bind((target, int(port)))
    except OSError as error:
        bound.close()
        raise cannot_bind(resolved, error) from None
    return bound


def cannot_bind(address: str, error: OSError) -> ApiError:
    """Return the API's error of a bind or listen that failed."""
    reason = os.strerror(error.errno or errno.EINVAL).lower()
    return bad_address(f"listen tcp {address}: bind: {reason}")


async def listening_socket(address: str) -> socket.socket:
    """Return a `bound_socket` that listens. Raises ApiError."""
    bound = await bound_socket(address)
    try:
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        raise cannot_bind(address, error) from None
    return bound


def bound_address(listener: socket.socket) -> str:
    """Return where a socket is bound."""
    host, port, *_ = listener.getsockname()
    return join(host, port)
