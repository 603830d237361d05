"""Ask one URL and exit 0 on 200: the health check of a container whose image has no curl.

    python -m services.common.probe http://127.0.0.1:18100/readyz

It runs again and again in every container, so it imports nothing but the standard library's smallest client.
"""

import http.client
import sys
from urllib.parse import urlsplit

# Less than the health check's own timeout, so that the answer is this program's and not a kill.
TIMEOUT_S = 1.5


def status_of(url: str, *, timeout_s: float) -> int:
    """Return the status that a GET of `url` answers with; raises OSError or HTTPException."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=timeout_s)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status
    finally:
        connection.close()


def main(arguments: list[str]) -> int:
    """Return 0 where the one argument answers 200, 1 where it does not, 2 where there is no such argument."""
    match arguments:
        case [url] if url.startswith("http://"):
            try:
                status = status_of(url, timeout_s=TIMEOUT_S)
            except (OSError, http.client.HTTPException) as exc:
                sys.stderr.write(f"{url}: {exc}\n")
                return 1
            if status != http.client.OK:
                sys.stderr.write(f"{url}: {status}\n")
                return 1
            return 0
        case _:
            sys.stderr.write("usage: python -m services.common.probe http://host:port/path\n")
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
