"""Which addresses may be fetched, and which machines they may lead to.

An address is checked three times: its text, the resolved addresses, and at the socket, which connects to exactly the
checked address without a second look-up.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Protocol
from urllib.parse import quote, urljoin, urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from bot.domain.records.identity import MAX_URL
from bot.i18n import tr
from bot.sources.web.sockets import MeteredSocket

MOST_ADDRESSES = 8  # of a name that are tried
LOOKUPS = 64  # at once; a name server that does not answer holds one for half a minute

_HOST = re.compile(
    r"(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*"
)
_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")  # systems read such a host as an IPv4 address
_ALLOWED = "%!$&'()*+,;=:@/?-._~"  # characters besides letters and digits in a path or query

_PRIVATE = [
    ip_network(text)
    for text in (
        "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15", "::1/128",
        "fc00::/7",
    )
]  # fmt: skip
# Cloud metadata services, which give machines their keys. Never allowed, not even with private networks. Most clouds use
# a link-local address: AWS, Azure, Google, Oracle, IBM, DigitalOcean, Hetzner, OpenStack, Tencent, Scaleway,
# and nearly every other.
_METADATA = [
    ip_network(text)
    for text in (
        "169.254.0.0/16", "fe80::/10",
        "fd00:ec2::/32",  # AWS
        "fd20:ce::/32",  # Google
        "168.63.129.16/32",  # Azure
        "100.100.100.200/32",  # Alibaba
        "100.96.0.96/32",  # Volcano Engine
        "192.0.0.192/32", "fd00:c1::/32",  # Oracle
        "fd00:42::/32",  # Scaleway
        "fd00:a9fe:a9fe::/48",  # Akamai (Linode)
        "192.80.8.124/32",  # Equinix
    )
]  # fmt: skip
_METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "metadata.goog", "instance-data"})
# Not public although newer or older lists of `ipaddress` differ.
_SPECIAL = [
    ip_network(text)
    for text in (
        "0.0.0.0/8", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/3", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
    )
]  # fmt: skip
_PUBLIC_6 = ip_network("2000::/3")
_NAT64 = ip_network("64:ff9b::/96")
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})  # precedes the IPv4 address in any network
FEED_SETTING = "feeds.private_networks"
FORWARD_SETTING = "forwards.private_networks"
_ANY_PORT = 9  # nothing is sent to it


class AddressError(Exception):
    """An address that may not be fetched; the text says why."""


class Resolver(Protocol):
    """Resolves names; raises OSError if there is no address."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> Sequence[ResolveResult]:
        """The addresses, each with the port."""

    async def close(self) -> None:
        """Free its resources."""


def checked(text: str) -> URL:
    """The address in the form of a request. Raises `AddressError` if its text is not allowed."""
    text = text.strip()
    if len(text) > MAX_URL:
        raise AddressError(tr("the address is longer than {most} characters", most=MAX_URL))
    if not text.isprintable():
        raise AddressError(tr("the address contains characters that are not allowed"))
    try:
        url = _permitted(URL(text))
        url = _with_original_escapes(url, text)
    except ValueError as error:  # IDNA's and Unicode's are ValueErrors
        raise AddressError(tr("the address is not valid")) from error
    if len(str(url)) > MAX_URL:
        raise AddressError(tr("the address is longer than {most} characters", most=MAX_URL))
    return url


def _with_original_escapes(url: URL, text: str) -> URL:
    """The address with its original percent-escapes: servers that sign addresses compare every character."""
    original = urlsplit(text)
    path = _escaped(original.path)
    if "/." in path and not path.startswith("//"):
        path = urlsplit(urljoin("http://any/", path)).path  # without dot segments
    return URL.build(
        scheme=url.scheme,
        authority=url.raw_authority,
        path=path,
        query_string=_escaped(original.query),
        encoded=True,
    )


def _escaped(text: str) -> str:
    """The text with invalid characters escaped; existing escapes stay."""
    return quote(text, safe=_ALLOWED)


def _permitted(url: URL) -> URL:
    """The address without its fragment. Raises `AddressError` if it is not allowed."""
    if url.scheme not in ("http", "https"):
        raise AddressError(tr("the address does not begin with http:// or https://"))
    if url.raw_user is not None or url.raw_password is not None:
        raise AddressError(tr("the address contains a user name or password"))
    host = url.raw_host
    if not host:
        raise AddressError(tr("the address has no host"))
    if url.port not in (80, 443) and (url.port or 0) < 1024:
        raise AddressError(tr("port {port} is not allowed", port=url.port))
    if literal(host) is None and host.lower().rstrip(".") in _METADATA_NAMES:
        raise AddressError(tr("the address leads to a cloud metadata service, which is not allowed"))
    return url.with_fragment(None)


def literal(host: str) -> IPv4Address | IPv6Address | None:
    """The IP address that a host is; None for a name. Raises `AddressError` if it is neither."""
    try:
        if ":" in host:
            if "%" in host:
                raise AddressError(tr("the address contains a network interface"))
            return IPv6Address(host)
        if _NUMBER.fullmatch(host.removesuffix(".")):
            return IPv4Address(host)
    except ValueError as error:
        raise AddressError(tr("the host is a number in an unusual form, which is not allowed")) from error
    if not _HOST.fullmatch(host.removesuffix(".")):
        raise AddressError(tr("the host is not valid"))
    return None


def objection(
    address: IPv4Address | IPv6Address, *, private_networks: bool, setting: str = FEED_SETTING
) -> str:
    """Why the address may not be reached; empty if it may. `setting` is what `private_networks` is called in the configuration."""
    inner = _inner(address)
    if any(inner in network for network in _METADATA):
        return tr(
            "the address leads to a cloud metadata service ({address}), which is not allowed", address=address
        )
    if any(inner in network for network in _PRIVATE):
        if private_networks:
            return ""
        return tr(
            "the address leads to a private network ({address}), and {setting} is off",
            address=address,
            setting=setting,
        )
    if not _is_public(inner):
        return tr("the address leads to {address}, which is not a public address", address=address)
    return ""


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address embedded in an IPv6 address; any other address as it is."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64 or int(address) >> 32 & 0xFFFFFFFF in _ISATAP:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    # 6to4, Teredo and all else that embeds an IPv4 address is outside what is public here.
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if any(address in network for network in _SPECIAL):
        return False
    return address.version == 4 or address in _PUBLIC_6


def is_this_machine(address: IPv4Address | IPv6Address) -> bool:
    """Whether the address belongs to this machine: then the system would connect from the same address. Sends nothing.

    Address translation by a cloud or router cannot be detected.
    """
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(address), _ANY_PORT))
            return ip_address(probe.getsockname()[0].partition("%")[0]) == address
    except OSError:  # there is no route
        return False


class Guard(AbstractResolver):
    """Resolves names for the connector. All addresses of a name must be allowed.

    `setting` is what `private_networks` is called in the configuration, for the error where it is off.
    `is_this_machine` returns whether an address belongs to this machine.
    """

    def __init__(
        self,
        resolver: Resolver,
        *,
        private_networks: bool,
        setting: str = FEED_SETTING,
        is_this_machine: Callable[[IPv4Address | IPv6Address], bool] = is_this_machine,
    ) -> None:
        self._resolver = resolver
        self._private_networks = private_networks
        self._setting = setting
        self._is_this_machine = is_this_machine

    def check(self, address: str) -> None:
        """Raise `AddressError` unless the address may be fetched from."""
        try:
            parsed = ip_address(address)
        except ValueError as error:
            raise AddressError(tr("the host name resolves to an invalid address")) from error
        if reason := objection(parsed, private_networks=self._private_networks, setting=self._setting):
            raise AddressError(reason)
        inner = _inner(parsed)
        if _is_public(inner) and self._is_this_machine(inner):
            raise AddressError(
                tr(
                    "the address leads to the machine that the bot runs on ({address}), which is not allowed",
                    address=parsed,
                )
            )

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of the name. Raises `AddressError` or OSError."""
        results = await self._resolver.resolve(host, port, family)
        if not results:
            raise OSError("the host name has no address")
        for result in results:
            self.check(result["host"])
        return list(results[:MOST_ADDRESSES])

    def open(self, info: Any) -> MeteredSocket:
        """A socket for a connection to the address. All connections come through here."""
        family, kind, protocol, _, address = info
        self.check(address[0])
        return MeteredSocket(family, kind, protocol)

    async def close(self) -> None:
        """Free the resources of the resolver."""
        await self._resolver.close()


class SystemResolver:
    """The system's resolver in its own threads, so that slow name servers do not block other work."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOKUPS, "lookup")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses in the system's order, without link-scoped ones."""
        loop = asyncio.get_running_loop()
        results = await loop.run_in_executor(self._threads, _look_up, host, port, family)
        return [
            ResolveResult(
                hostname=host, host=str(address[0]), port=port, family=kind, proto=protocol, flags=socket.AI_NUMERICHOST
            )
            for kind, _, protocol, _, address in results
            if kind in (socket.AF_INET, socket.AF_INET6) and "%" not in str(address[0]) and not any(address[3:])
        ]  # fmt: skip

    async def close(self) -> None:
        """Shut down without waiting for running look-ups."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int, family: socket.AddressFamily) -> list[Any]:
    return socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
