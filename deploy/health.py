"""`python health.py`: exit code 0 if the bot in this container is healthy, and 1 with the reason otherwise.

Asks /healthz at the address in TOPICWIRE_HTTP__LISTEN. Only the standard library is used, and no proxy.
"""

from __future__ import annotations

import http.client
import os
import sys

TIMEOUT = 8.0  # seconds; less than that of the HEALTHCHECK in the Dockerfile


def problem(address: str) -> str:
    """What is wrong with the bot that listens on this address (`HOST:PORT`). Empty if it is healthy."""
    host, _, port = address.rpartition(":")
    if not host:
        return "TOPICWIRE_HTTP__LISTEN is not set, so there is no /healthz to ask"
    connection = http.client.HTTPConnection(host, int(port), timeout=TIMEOUT)
    try:
        connection.request("GET", "/healthz")
        response = connection.getresponse()
        body = response.read(2_000).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return f"no answer from http://{address}/healthz: {error}"
    finally:
        connection.close()
    return "" if response.status == http.client.OK else body


if __name__ == "__main__":
    sys.exit(problem(os.environ.get("TOPICWIRE_HTTP__LISTEN", "")) or 0)
