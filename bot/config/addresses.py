"""Addresses in place of Discord's, as settings have them."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

API_VERSION = 10  # of Discord's API, as the client speaks it
# Names that no public network has: https://www.iana.org/assignments/special-use-domain-names
PRIVATE_SUFFIXES = (".localhost", ".local", ".internal", ".home.arpa")
_VERSION = re.compile(r"/v(\d+)$")


class _Kind(NamedTuple):
    """What an address is for, its schemes (the encrypted one first), and an example."""

    name: str
    schemes: tuple[str, str]
    example: str


_API = _Kind("Discord's API", ("https", "http"), "http://localhost:8080/api")
_GATEWAY = _Kind("Discord's gateway", ("wss", "ws"), "ws://localhost:7878")


def api_address(value: str) -> str:
    """The base of all requests, with the version of the API and no slash at its end; empty for Discord itself.

    Without a path, `/api` is meant, as at Discord. Raises ValueError with what is wrong.

    >>> api_address("http://localhost:8080/")
    'http://localhost:8080/api/v10'
    """
    if not (value := value.strip()):
        return ""
    parts = _parts(value, _API)
    path = parts.path.rstrip("/") or "/api"
    if (version := _VERSION.search(path)) is None:
        path = f"{path}/v{API_VERSION}"
    elif int(version[1]) != API_VERSION:
        raise ValueError(f"the bot speaks version {API_VERSION} of Discord's API; leave the version off")
    return f"{parts.scheme}://{parts.netloc}{path}"


def gateway_address(value: str) -> str:
    """The address of all connections to the gateway; empty for Discord itself. Raises ValueError with what is wrong.

    >>> gateway_address("ws://localhost:7878")
    'ws://localhost:7878/'
    """
    if not (value := value.strip()):
        return ""
    parts = _parts(value, _GATEWAY)
    return f"{parts.scheme}://{parts.netloc}{parts.path or '/'}"


def _parts(value: str, kind: _Kind) -> SplitResult:
    encrypted, plain = kind.schemes
    try:
        parts = urlsplit(value)
        is_address = parts.scheme in kind.schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port or an IPv6 address that is none
        is_address = False
    if not is_address or any(character.isspace() for character in value):
        raise ValueError(
            f"write the address of a proxy for {kind.name}, with {encrypted}:// or {plain}://: {kind.example}"
        )
    if "@" in parts.netloc or parts.query or parts.fragment or "?" in value or "#" in value:
        raise ValueError(
            f"write the address without a user, a password, a query and a fragment: {kind.example}"
        )
    if parts.scheme == plain and not _is_private(parts.hostname or ""):
        raise ValueError(
            f"{plain}:// would send the bot's token unencrypted over the internet; write {encrypted}://, or the name or address "
            "of a host in this machine or a private network"
        )
    return parts


def _is_private(host: str) -> bool:
    """Whether a host is in no public network: by its address, or by a name that only a private network has."""
    try:
        address = ip_address(host)
    except ValueError:
        name = host.rstrip(".").lower()
        # One that begins with a digit may be an address as well: 134744072 is 8.8.8.8.
        is_local = "." not in name and not name[:1].isdecimal()
        return is_local or name.endswith(PRIVATE_SUFFIXES)
    address = getattr(address, "ipv4_mapped", None) or address
    return not address.is_global and not address.is_multicast
