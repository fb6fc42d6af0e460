"""Which addresses may be fetched, and what they may lead to."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from aiohttp.abc import ResolveResult
from hypothesis import given
from hypothesis import strategies as st

from bot.sources.web.addresses import (
    MOST_ADDRESSES,
    AddressError,
    Guard,
    SystemResolver,
    checked,
    is_this_machine,
    literal,
    objection,
)
from bot.sources.web.model import Failure, Kind
from tests.sources.web.servers import Names, Server, answer, opened, saying

NOT_PUBLIC = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
    "224.0.0.0/4", "240.0.0.0/4", "::/128", "::1/128", "::/96", "::ffff:127.0.0.0/104", "::ffff:10.0.0.0/104",
    "64:ff9b::7f00:0/104", "64:ff9b::a9fe:a9fe/128", "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:2::/48",
    "2001:db8::/32", "2002::/16", "2002:7f00::/24", "3fff::/20", "fc00::/7", "fd00:ec2::254/128", "fe80::/10",
    "fec0::/10", "ff00::/8",
]  # fmt: skip
PUBLIC = ["93.184.215.14", "1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"]


def within(network: str) -> st.SearchStrategy[IPv4Address | IPv6Address]:
    return st.ip_addresses(network=network)


def spelled(address: IPv4Address) -> list[str]:
    """All that a system may read as the address."""
    a, b, c, d = address.packed
    number = int(address)
    return [
        str(address), f"{address}.", str(number), hex(number), f"0{number:o}", f"{a}.{number & 0xFFFFFF}",
        f"{a}.{b}.{number & 0xFFFF}", f"0{a:o}.0{b:o}.0{c:o}.0{d:o}", f"{a:#x}.{b:#x}.{c:#x}.{d:#x}",
        f"{a:03}.{b:03}.{c:03}.{d:03}", f"{a}。{b}。{c}。{d}", str(address).translate({48 + n: 0xFF10 + n for n in range(10)}),
        f"%{48 + a // 100:x}{str(address)[1:]}", f"[::ffff:{address}]", f"[::{address}]", f"[64:ff9b::{address}]",
        f"[2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1]",
    ]  # fmt: skip


@given(st.sampled_from(NOT_PUBLIC).flatmap(within))
def test_only_public_addresses_are_public(address: IPv4Address | IPv6Address) -> None:
    assert objection(address, private_networks=False)


@given(st.sampled_from([text for text in NOT_PUBLIC if ":" not in text]).flatmap(within))
def test_no_spelling_of_an_address_gets_through(address: IPv4Address) -> None:
    for host in spelled(address):
        with pytest.raises(AddressError):
            url = checked(f"http://{host}/")
            found = literal(url.raw_host or "")
            assert found is not None, host
            Guard(Names(), private_networks=False).check(str(found))


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses(text: str) -> None:
    assert objection(ip_address(text), private_networks=False) == ""


@given(st.ip_addresses())
def test_nothing_is_public_that_python_calls_private(address: IPv4Address | IPv6Address) -> None:
    embeds = isinstance(address, IPv6Address) and (
        address.ipv4_mapped or address in ip_network("64:ff9b::/96")
    )
    if not objection(address, private_networks=False):
        assert embeds or address.is_global


@pytest.mark.parametrize("text", ["127.0.0.1", "10.1.2.3", "192.168.1.1", "100.64.0.1", "::1", "fd00::1"])
def test_private_networks_where_wanted(text: str) -> None:
    assert objection(ip_address(text), private_networks=True) == ""
    assert (
        objection(ip_address(text), private_networks=False)
        == f"the address leads to a private network ({text}), and feeds.private_networks is off"
    )


@pytest.mark.parametrize(
    "text", ["169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254", "0.1.0.0", "224.0.0.1", "ff02::1"]
)
def test_never(text: str) -> None:
    assert objection(ip_address(text), private_networks=True)


# Where a machine is told who it is, and its keys: https://cloud-init.io and the clouds' own manuals.
METADATA = [
    "169.254.169.254", "169.254.170.2", "169.254.170.23", "fd00:ec2::254", "fd00:ec2::23",  # AWS
    "fd20:ce::254",  # Google
    "168.63.129.16",  # Azure
    "100.100.100.200",  # Alibaba
    "192.0.0.192", "fd00:c1::a9fe:a9fe",  # Oracle
    "169.254.0.23", "169.254.10.10",  # Tencent
    "169.254.42.42", "fd00:42::42",  # Scaleway
    "fd00:a9fe:a9fe::1",  # Akamai
    "100.96.0.96",  # Volcano Engine
    "fe80::a9fe:a9fe",  # OpenStack
    "169.254.169.250",  # Rancher
]  # fmt: skip


def spelled_in_six(address: IPv4Address) -> list[IPv6Address]:
    """The IPv6 addresses that may lead to an IPv4 one."""
    number = int(address)
    return [
        *(IPv6Address(f"{prefix}{address}") for prefix in ("::ffff:", "::ffff:0:", "::", "64:ff9b::", "64:ff9b:1::")),
        IPv6Address(0x2002 << 112 | number << 80 | 1),  # 6to4
        IPv6Address(0x20010000 << 96 | number << 64 | 1),  # Teredo, the server
        IPv6Address(0x20010000 << 96 | number ^ 0xFFFFFFFF),  # Teredo, the client
        *(IPv6Address(f"{net}{kind}5efe:{address}") for net in ("fe80::", "fd00::", "2600::") for kind in ("", "200:")),
    ]  # fmt: skip


@pytest.mark.parametrize("private_networks", [False, True])
@pytest.mark.parametrize("text", METADATA)
def test_what_a_cloud_tells_its_machines_is_never_fetched(text: str, private_networks: bool) -> None:
    address = ip_address(text)
    spellings = spelled_in_six(address) if isinstance(address, IPv4Address) else []
    for spelling in [address, *spellings]:
        assert objection(spelling, private_networks=private_networks), spelling


@pytest.mark.parametrize("private_networks", [False, True])
@given(address=within("169.254.0.0/16") | within("fe80::/10"))
def test_no_address_of_one_link_alone_is_fetched(
    address: IPv4Address | IPv6Address, private_networks: bool
) -> None:
    assert "a cloud metadata service" in objection(address, private_networks=private_networks)


@pytest.mark.parametrize("host", ["metadata.google.internal", "METADATA.google.internal.", "metadata"])
def test_the_names_of_a_clouds_own_data_are_refused_wherever_they_lead(host: str) -> None:
    with pytest.raises(AddressError, match="a cloud metadata service"):
        checked(f"http://{host}/computeMetadata/v1/")


@pytest.mark.parametrize("private_networks", [False, True])
@pytest.mark.parametrize(
    "spelling", ["93.184.215.14", "::ffff:93.184.215.14", "64:ff9b::93.184.215.14", "2600::1"]
)
def test_a_public_address_of_the_machine_itself_is_refused(spelling: str, private_networks: bool) -> None:
    mine = {IPv4Address("93.184.215.14"), IPv6Address("2600::1")}
    guard = Guard(Names(), private_networks=private_networks, is_this_machine=mine.__contains__)
    with pytest.raises(AddressError, match="the machine that the bot runs on"):
        guard.check(spelling)
    guard.check("93.184.215.15")


def test_what_the_machine_has_is_its_own() -> None:
    assert is_this_machine(IPv4Address("127.0.0.1"))
    assert not is_this_machine(IPv4Address("192.0.2.1"))
    assert not is_this_machine(IPv6Address("2001:db8::1"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking, suppress(OSError):
        asking.connect(("1.1.1.1", 9))  # sends nothing
        assert is_this_machine(IPv4Address(asking.getsockname()[0])), (
            "the address that it uses towards others"
        )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ftp://feeds.example/", "does not begin with http:// or https://"),
        ("file:///etc/passwd", "does not begin with http:// or https://"),
        ("feeds.example/rss", "does not begin with http:// or https://"),
        ("", "does not begin with http:// or https://"),
        ("http:///rss", "has no host"),
        ("http://user@feeds.example/", "user name or password"),
        ("http://user:secret@feeds.example/", "user name or password"),
        ("http://:secret@feeds.example/", "user name or password"),
        ("http://feeds.example:22/", "port 22 is not allowed"),
        ("http://feeds.example:0/", "port 0 is not allowed"),
        ("http://feeds.example:99999/", "not valid"),
        ("http://feeds.example\r\nX: y/", "characters that are not allowed"),
        ("http://feeds.example/\x00", "characters that are not allowed"),
        ("http://feeds.example/\ud800", "characters that are not allowed"),
        ("http://a b/", "the host is not valid"),
        ("http://a..b/", "the host is not valid"),
        ("http://-a.example/", "the host is not valid"),
        ("http://%6c%6f/", "the host is not valid"),
        ("http://[fe80::1%25eth0]/", "network interface"),
        ("http://127.1/", "an unusual form, which is not allowed"),
        ("http://feeds.example/" + "x" * 2048, "longer than 2048"),
        ("http://feeds.example/" + "ü" * 1024, "longer than 2048"),
    ],
)
def test_addresses_that_cannot_be_fetched(text: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason):
        checked(text)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("https://Feeds.Example/rss#top", "https://feeds.example/rss"),
        (" http://feeds.example:8080 ", "http://feeds.example:8080"),
        ("http://bücher.example/ä?q=ö", "http://xn--bcher-kva.example/%C3%A4?q=%C3%B6"),
        ("http://my_feeds.example/", "http://my_feeds.example/"),
        (
            "http://feeds.example/a%2Fb%40c?u=https%3A%2F%2Fa.example&s=%2b",
            "http://feeds.example/a%2Fb%40c?u=https%3A%2F%2Fa.example&s=%2b",
        ),
        ("http://feeds.example/a b?c d", "http://feeds.example/a%20b?c%20d"),
        ("http://feeds.example/a/./b/../%2e/c", "http://feeds.example/a/%2e/c"),
        ("http://feeds.example//a", "http://feeds.example//a"),
        ("http://feeds.example/100%?q=%zz", "http://feeds.example/100%?q=%zz"),
        ("http://feeds.example?x=1", "http://feeds.example/?x=1"),
        ("http://1.1.1.1/", "http://1.1.1.1/"),
        ("http://1e100.example/", "http://1e100.example/"),
        ("http://[2606:4700::1111]/", "http://[2606:4700::1111]/"),
    ],
)
def test_addresses_as_they_are_asked_for(text: str, asked: str) -> None:
    assert str(checked(text)) == asked


@given(st.text())
def test_any_text_is_an_address_or_refused(text: str) -> None:
    for wanted in (text, f"http://{text}", f"https://{text}.example/{text}"):
        with suppress(AddressError):
            assert checked(wanted).scheme in ("http", "https")


async def test_one_private_address_among_public_ones_is_too_many() -> None:
    guard = Guard(Names({"feeds.example": [["1.1.1.1", "10.0.0.1"]]}), private_networks=False)
    with pytest.raises(AddressError, match=r"10\.0\.0\.1"):
        await guard.resolve("feeds.example", 80)


async def test_names_without_addresses_or_with_too_many() -> None:
    many = [f"1.1.1.{n}" for n in range(100)]
    names = Names({"none.example": [[]], "odd.example": [["what"]], "many.example": [many]})
    guard = Guard(names, private_networks=False)
    with pytest.raises(OSError, match="no address"):
        await guard.resolve("none.example", 80)
    with pytest.raises(AddressError, match="invalid address"):
        await guard.resolve("odd.example", 80)
    assert [found["host"] for found in await guard.resolve("many.example", 80)] == many[:MOST_ADDRESSES]


def test_no_socket_for_an_address_that_was_not_allowed() -> None:
    """Whatever way it got past the checks of names."""
    info = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", 80))
    with pytest.raises(AddressError):
        Guard(Names(), private_networks=False).open(info)
    Guard(Names(), private_networks=True).open(info).close()


class Connections:
    """Stands in for the loop's connecting: notes the addresses, and reaches none."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tried: list[str] = []
        monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", self._connect)

    async def _connect(self, opened: socket.socket, address: tuple[str, int]) -> None:
        self.tried.append(address[0])
        raise ConnectionRefusedError(111, "Connection refused")


async def test_a_name_that_changes_its_mind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Public when it is checked, the loopback when it is connected to: there is no second look-up."""
    names = Names({"feeds.example": [["93.184.215.14", "2606:4700::1111"], ["127.0.0.1"]]})
    async with Server(saying(answer(b"secret"))).serving() as server:
        async with opened(names, private_networks=False) as web:
            connections = Connections(monkeypatch)
            assert await web.get(server.url()) == Failure(
                Kind.PASSING, "the server cannot be reached (Connection refused)"
            )
            assert names.asked == ["feeds.example"]
            assert set(connections.tried) == {"93.184.215.14", "2606:4700::1111"}
            connections.tried.clear()
            found = await web.get(server.url())
            assert isinstance(found, Failure)
            assert found.kind is Kind.REFUSED
            assert found.reason == (
                "the address leads to a private network (127.0.0.1), and feeds.private_networks is off"
            )
            assert (connections.tried, server.requests) == ([], [])


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "127.1"])
async def test_addresses_in_figures_are_checked_without_a_resolver(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names()
    async with opened(names, private_networks=False) as web:
        connections = Connections(monkeypatch)
        found = await web.get(f"http://{host}:8080/")
    assert isinstance(found, Failure)
    assert found.kind is Kind.REFUSED
    assert (connections.tried, names.asked, names.closed) == ([], [], True)


async def test_the_systems_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: object, **__: object) -> list[object]:
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2606:4700::1111", 443, 0, 0)),
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fe80::1", 443, 0, 2)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("1.1.1.1", 443)),
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    resolver = SystemResolver()
    found = await resolver.resolve("feeds.example", 443)
    await resolver.close()
    assert found == [
        ResolveResult(
            hostname="feeds.example",
            host=host,
            port=443,
            family=family,
            proto=6,
            flags=socket.AI_NUMERICHOST,
        )
        for host, family in (("2606:4700::1111", socket.AF_INET6), ("1.1.1.1", socket.AF_INET))
    ]
