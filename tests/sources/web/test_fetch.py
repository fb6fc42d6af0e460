"""Fetching from servers that mean well."""

from __future__ import annotations

import asyncio
import gzip
import shutil
import socket
import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web as aiohttp_web
from aiohttp.abc import ResolveResult

from bot.sources.web.fetch import Web
from bot.sources.web.model import FEEDS, Failure, Kind, Response
from tests.sources.web.servers import (
    Clock,
    Names,
    Server,
    answer,
    answering,
    endless,
    opened,
    saying,
    silent_after,
)

FEED = b"<rss/>"


def fields(head: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in head.strip().split("\r\n")[1:])


async def test_a_good_answer() -> None:
    good = answer(
        FEED,
        etag='"1"',
        last_modified="Mon, 05 Jan 2026 10:00:00 GMT",
        content_type="text/xml; charset=utf-8",
        cache_control="max-age=60",
    )
    async with Server(saying(good)).serving() as server, opened() as web:
        assert await web.get(server.url("/rss?a=b#top")) == Response(
            200,
            server.url("/rss?a=b"),
            body=FEED,
            etag='"1"',
            last_modified="Mon, 05 Jan 2026 10:00:00 GMT",
            content_type="text/xml; charset=utf-8",
            max_age=timedelta(seconds=60),
        )
        assert server.requests[0].startswith("GET /rss?a=b HTTP/1.1\r\n")
        assert fields(server.requests[0]) == {
            "Host": f"feeds.example:{server.port}",
            "User-Agent": "Topicwire tests",
            "Accept": FEEDS,
            "Accept-Encoding": "gzip, deflate",
            "Connection": "close",
        }


async def test_against_a_complete_server() -> None:
    async def feed(request: aiohttp_web.Request) -> aiohttp_web.StreamResponse:
        if request.headers.get("If-None-Match") == '"1"':
            return aiohttp_web.Response(status=304)
        response = aiohttp_web.StreamResponse(headers={"ETag": '"1"', "Set-Cookie": "a=b"})
        response.enable_compression(aiohttp_web.ContentCoding.gzip)
        response.enable_chunked_encoding()
        await response.prepare(request)
        for _ in range(100):
            await response.write(FEED * 100)
        assert "Cookie" not in request.headers
        return response

    app = aiohttp_web.Application()
    app.router.add_get("/feed", feed)
    runner = aiohttp_web.AppRunner(app)
    await runner.setup()
    site = aiohttp_web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://feeds.example:{runner.addresses[0][1]}/feed"
    async with opened() as web:
        for _ in range(2):
            found = await web.get(url)
            assert isinstance(found, Response)
            assert (found.body, found.etag) == (FEED * 10_000, '"1"')
        again = await web.get(url, etag='"1"')
        assert isinstance(again, Response)
        assert (again.status, again.body) == (304, b"")
    await runner.cleanup()


@pytest.mark.parametrize("status", [201, 202, 204, 205, 304, 400, 403, 404, 410, 429, 500, 503, 999])
async def test_every_status_is_an_answer_without_a_body(status: int) -> None:
    body = b"" if status in (204, 205, 304) else b"words"
    async with Server(saying(answer(body, status, retry_after="120"))).serving() as server:
        async with opened() as web:
            assert await web.get(server.url()) == Response(
                status, server.url(), retry_after=timedelta(minutes=2)
            )


@pytest.mark.parametrize("status", [200, 203, 206, 226])
async def test_these_have_what_was_asked_for(status: int) -> None:
    async with Server(saying(answer(FEED, status))).serving() as server, opened() as web:
        assert await web.get(server.url()) == Response(status, server.url(), body=FEED)


async def test_times_are_measured_by_the_servers_clock() -> None:
    noon, later = "Mon, 05 Jan 2026 12:00:00 GMT", "Mon, 05 Jan 2026 12:10:00 GMT"
    answers = {
        "/told": answer(b"", 503, date=noon, retry_after=later, expires=later),
        "/untold": answer(b"", 503, retry_after=later),
    }
    async with Server(answering(answers)).serving() as server, opened() as web:
        told = await web.get(server.url("/told"), now=datetime(2000, 1, 1, tzinfo=UTC))
        assert isinstance(told, Response)
        assert told.retry_after == told.max_age == timedelta(minutes=10)
        untold = await web.get(server.url("/untold"), now=datetime(2026, 1, 5, 12, 9, tzinfo=UTC))
        assert isinstance(untold, Response)
        assert untold.retry_after == timedelta(minutes=1)


async def test_conditions_go_to_the_host_that_they_are_of_alone() -> None:
    async with Server(saying(answer(FEED, etag='"theirs"'))).serving() as other:
        answers = {
            "/rss": answer(status=302, location="/feed.xml"),
            "/feed.xml": answer(status=302, location=other.url("/feed", host="other.example")),
        }
        async with Server(answering(answers)).serving() as server, opened() as web:
            found = await web.get(server.url("/rss"), etag='"1"', last_modified="yesterday")
            conditions = [
                (fields(head).get("If-None-Match"), fields(head).get("If-Modified-Since"))
                for head in [*server.requests, *other.requests]
            ]
            assert conditions == [('"1"', "yesterday"), ('"1"', "yesterday"), (None, None)]
            assert isinstance(found, Response)
            assert (found.body, found.etag) == (FEED, "")
            assert "Referer" not in fields(other.requests[0])


@pytest.mark.parametrize(
    "path",
    [
        "/signed/a%40b%28c%29?u=https%3A%2F%2Fa.example%2Ff&sig=x%2Fy%3D",
        "/a%2fb?x=%41&y=%7e&z=%2B+",
        "/%E4%BD%A0?=&&a",
        "/~user/*!$'(a),b:c@d/",
    ],
)
async def test_an_address_is_asked_for_as_it_was_given(path: str) -> None:
    async with Server(saying(answer(FEED))).serving() as server, opened() as web:
        found = await web.get(server.url(path))
        assert isinstance(found, Response)
        assert found.url == server.url(path)
        assert server.requests[0].startswith(f"GET {path} HTTP/1.1\r\n")


async def test_conditions_with_a_line_break_are_not_sent() -> None:
    async with Server(saying(answer(FEED))).serving() as server, opened() as web:
        assert isinstance(await web.get(server.url(), etag='"1"\r\nX-Evil: 1'), Response)
        assert "Evil" not in server.requests[0]


REDIRECTS = {
    "/moved": answer(status=301, location="/new"),
    "/moved-twice": answer(status=308, location="/moved#top"),
    "/lent": answer(status=302, location="/moved"),
    "/moved-then-lent": answer(status=301, location="/lent-on"),
    "/lent-on": answer(status=307, location="/new"),
    "/moved-away": answer(status=301, location="/gone"),
    "/see": answer(status=303, location="new"),
    "/new": answer(FEED, etag='"1"'),
    "/gone": answer(status=404),
    "/circle": answer(status=302, location="/circle-2"),
    "/circle-2": answer(status=302, location="/circle"),
    "/self": answer(status=301, location="/self#top"),
    "/empty": answer(status=301, location=""),
    "/no-target": answer(status=301),
    "/bad-target": answer(status=301, location="http://a:99999999/"),
    "/script": answer(status=302, location="javascript:alert(1)"),
    "/login": answer(status=302, location="http://user:secret@feeds.example/"),
    "/ssh": answer(status=302, location="http://feeds.example:22/"),
    "/inside": answer(status=302, location="http://169.254.169.254/latest/meta-data/"),
    "/numbers": answer(status=302, location="//2130706433/"),
    "/nowhere": b"HTTP/1.1 301 M\r\nLocation: /a\tb\r\nContent-Length: 0\r\n\r\n",
    "/half": answer(status=301, location="http://["),
} | {f"/{number}": answer(status=301, location=f"/{number + 1}") for number in range(20)}


@pytest.mark.parametrize(
    ("path", "final", "permanent"),
    [
        ("/new", "/new", ""),
        ("/moved", "/new", "/new"),
        ("/moved-twice", "/new", "/new"),
        ("/lent", "/new", ""),
        ("/moved-then-lent", "/new", "/lent-on"),
        ("/see", "/new", ""),
        ("/moved-away", "/gone", ""),
    ],
)
async def test_redirects(path: str, final: str, permanent: str) -> None:
    async with Server(answering(REDIRECTS)).serving() as server, opened() as web:
        found = await web.get(server.url(path))
        assert isinstance(found, Response)
        assert found.url == server.url(final)
        assert found.permanent == (server.url(permanent) if permanent else "")
        assert found.etag == ('"1"' if final == "/new" else "")


@pytest.mark.parametrize(
    ("path", "kind", "reason"),
    [
        ("/circle", Kind.PASSING, "the server redirects in a loop"),
        ("/self", Kind.PASSING, "the server redirects in a loop"),
        ("/0", Kind.PASSING, "the server redirects more than 5 times"),
        ("/no-target", Kind.PASSING, "the redirect has no target"),
        ("/empty", Kind.PASSING, "the redirect has no target"),
        ("/bad-target", Kind.PASSING, "the redirect has no target"),
        ("/nowhere", Kind.PASSING, "the redirect has no target"),
        ("/half", Kind.PASSING, "the redirect has no target"),
        ("/script", Kind.REFUSED, "after a redirect: the address does not begin with http:// or https://"),
        ("/login", Kind.REFUSED, "after a redirect: the address contains a user name or password"),
        ("/ssh", Kind.REFUSED, "after a redirect: port 22 is not allowed"),
        (
            "/inside",
            Kind.REFUSED,
            "after a redirect: the address leads to a cloud metadata service (169.254.169.254), which is not allowed",
        ),
        (
            "/numbers",
            Kind.REFUSED,
            "after a redirect: the host is a number in an unusual form, which is not allowed",
        ),
    ],
)
async def test_redirects_that_are_not_followed(path: str, kind: Kind, reason: str) -> None:
    async with Server(answering(REDIRECTS)).serving() as server, opened() as web:
        assert await web.get(server.url(path)) == Failure(kind, reason)


@pytest.mark.parametrize(
    ("location", "asked"),
    [
        (b"/new feed.xml", "/new%20feed.xml"),
        (b"  /padded\t", "/padded"),
        ("/käse?q=é".encode(), "/k%C3%A4se?q=%C3%A9"),
        (b"/caf\xe9", "/caf%E9"),
        (
            b"/a%2Fb%40c%28d?u=https%3A%2F%2Fa.example%2F&s=x%2By%3D",
            "/a%2Fb%40c%28d?u=https%3A%2F%2Fa.example%2F&s=x%2By%3D",
        ),
        (b"/lower%2fcase?a=%c3%a9", "/lower%2fcase?a=%c3%a9"),
        (b"/100%", "/100%"),
        (b'/q"<x>|{y}', "/q%22%3Cx%3E%7C%7By%7D"),
        (b"feed.xml", "/dir/feed.xml"),
        (b"./feed.xml", "/dir/feed.xml"),
        (b"../up%40/feed.xml", "/up%40/feed.xml"),
        (b"?format=feed", "/dir/start?format=feed"),
        (b"/a#part", "/a"),
        (b"/a;v=1,2?x[]=1&y=a+b", "/a;v=1,2?x%5B%5D=1&y=a+b"),
    ],
)
async def test_a_redirect_is_asked_for_as_it_was_given(location: bytes, asked: str) -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n"
    async with (
        Server(answering({"/dir/start": moved, asked: answer(FEED)})).serving() as server,
        opened() as web,
    ):
        found = await web.get(server.url("/dir/start"))
        assert isinstance(found, Response)
        assert (found.body, found.url) == (FEED, server.url(asked))
        assert server.requests[1].startswith(f"GET {asked} HTTP/1.1\r\n")


async def test_a_redirect_may_leave_out_the_scheme() -> None:
    async with Server(saying(answer(FEED))).serving() as other:
        moved = answer(status=301, location=other.url("/x%20y", host="other.example").removeprefix("http:"))
        async with Server(saying(moved)).serving() as server, opened() as web:
            found = await web.get(server.url())
            assert isinstance(found, Response)
            assert found.permanent == other.url("/x%20y", host="other.example")


@pytest.mark.parametrize(
    ("refresh", "content_type", "followed"),
    [
        ("0; url=/new", "text/html", True),
        ("0;URL='/new'", "text/html; charset=utf-8", True),
        ("1, url=/new", "", True),
        ("0; url=/new", "application/rss+xml", False),
        ("300; url=/new", "text/html", False),
        ("0; url=/page", "text/html", False),
        ("5", "text/html", False),
        ("0; url=", "text/html", False),
    ],
)
async def test_a_page_that_sends_its_readers_on_at_once_redirects(
    refresh: str, content_type: str, followed: bool
) -> None:
    answers = {"/page": answer(b"<html>", refresh=refresh, content_type=content_type), "/new": answer(FEED)}
    async with Server(answering(answers)).serving() as server, opened() as web:
        found = await web.get(server.url("/page"))
        assert isinstance(found, Response)
        assert (found.body, found.permanent) == (FEED if followed else b"<html>", "")


async def test_where_a_page_sends_its_readers_is_checked_as_a_redirect_is() -> None:
    names = Names({"inside.example": [["10.0.0.1"]], "feeds.example": [["127.0.0.1"]]})
    for target in ("http://169.254.169.254/", "file:///etc/passwd", "http://u:p@feeds.example/"):
        page = answer(b"<html>", refresh=f"0; url={target}")
        async with Server(saying(page)).serving() as server, opened(names) as web:
            found = await web.get(server.url())
        assert isinstance(found, Failure)
        assert found.kind is Kind.REFUSED


async def test_as_many_redirects_as_allowed() -> None:
    async with Server(answering(REDIRECTS | {"/5": answer(FEED)})).serving() as server, opened() as web:
        found = await web.get(server.url("/0"))
        assert isinstance(found, Response)
        assert (len(server.requests), found.permanent) == (6, server.url("/5"))


async def test_every_hop_is_looked_up_and_checked() -> None:
    names = Names({"inside.example": [["10.0.0.1"]], "feeds.example": [["127.0.0.1"]]})
    moved = answer(status=301, location="http://metadata.example:8080/")
    names.known["metadata.example"] = [["127.0.0.1", "169.254.169.254"]]
    async with Server(saying(moved)).serving() as server, opened(names) as web:
        found = await web.get(server.url())
    assert isinstance(found, Failure)
    assert found.kind is Kind.REFUSED
    assert names.asked == ["feeds.example", "metadata.example"]


async def test_a_host_gets_its_gap_and_the_wait_costs_no_time() -> None:
    clock = Clock()
    started: list[float] = []

    class Timed(Names):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
        ) -> list[ResolveResult]:
            started.append(clock.time)
            return await super().resolve(host, port, family)

    async with (
        Server(saying(answer(FEED))).serving() as server,
        opened(Timed(), clock=clock, gap=50, total=5) as web,
    ):
        found = await asyncio.gather(*(web.get(server.url(f"/{number}")) for number in range(4)))
        other = await web.get(server.url(host="other.example"))
    assert all(isinstance(each, Response) for each in [*found, other])
    assert started == [0, 50, 100, 150, 150]


async def test_the_wait_for_a_turn_can_be_given_up() -> None:
    async with Server(silent_after(b"")).serving() as server, opened(per_host=1) as web:
        first, second = (asyncio.create_task(web.get(server.url())) for _ in range(2))
        await server.asked.wait()
        for task in (second, first):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await asyncio.wait_for(server.gone.wait(), 5)


async def test_many_hosts_at_once() -> None:
    async with Server(saying(answer(FEED))).serving() as server, opened(connections=20) as web:
        urls = [server.url(host=f"h{number}.example") for number in range(200)]
        found = await asyncio.gather(*map(web.get, urls))
    assert [each.url for each in found if isinstance(each, Response)] == urls


async def test_closed_while_asked_and_asked_when_closed() -> None:
    names = Names()
    async with Server(silent_after(b"")).serving() as server, opened(names) as web:
        task = asyncio.create_task(web.get(server.url()))
        await server.asked.wait()
        await web.close()
        assert isinstance(await task, Failure)
        assert await web.get(server.url()) == Failure(Kind.PASSING, "the bot is stopping")
    assert names.closed


async def test_no_proxy_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with Server(saying(answer(FEED))).serving() as server, opened() as web:
        assert isinstance(await web.get(server.url()), Response)


@pytest.mark.parametrize("user_agent", ["", "a\r\nb", "ü"])
def test_a_user_agent_is_needed(user_agent: str) -> None:
    with pytest.raises(ValueError, match="user_agent"):
        Web(user_agent=user_agent)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of feeds.example, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    files = folder / "certificate.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 9 -subj /CN=feeds.example"
    command += f" -addext subjectAltName=DNS:feeds.example -out {files[0]} -keyout {files[1]}"
    subprocess.run(command.split(), check=True, capture_output=True)
    return files


@pytest.fixture
def server_tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


@pytest.fixture
def client_tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate[0])


async def test_over_tls(server_tls: ssl.SSLContext, client_tls: ssl.SSLContext) -> None:
    packed = answer(gzip.compress(FEED), content_encoding="gzip")
    async with Server(saying(packed)).serving(server_tls) as server, opened(tls=client_tls) as web:
        found = await web.get(server.url(scheme="https"))
        assert isinstance(found, Response)
        assert found.body == FEED
        other = await web.get(server.url(scheme="https", host="other.example"))
        assert isinstance(other, Failure)
        assert "certificate is not valid" in other.reason
        assert "other.example" in other.reason


async def test_a_certificate_that_nobody_vouches_for(server_tls: ssl.SSLContext) -> None:
    async with Server(saying(answer(FEED))).serving(server_tls) as server, opened() as web:
        found = await web.get(server.url(scheme="https"))
    assert isinstance(found, Failure)
    assert found.kind is Kind.PASSING
    assert found.reason.startswith("the server's certificate is not valid (self")


async def test_down_from_https_is_followed_but_not_kept(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    async with Server(saying(answer(FEED))).serving() as plain:
        moved = answer(status=301, location=plain.url())
        async with Server(saying(moved)).serving(server_tls) as server, opened(tls=client_tls) as web:
            found = await web.get(server.url(scheme="https"))
    assert isinstance(found, Response)
    assert (found.url, found.permanent) == (plain.url(), "")


async def test_tls_servers_that_never_say_goodbye(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    async with Server(silent_after(b"")).serving(server_tls) as server:
        async with opened(tls=client_tls, idle=0.1) as web:
            found = await web.get(server.url(scheme="https"))
            assert found == Failure(Kind.PASSING, "the server sent nothing for 0.1 s")
            await asyncio.wait_for(server.gone.wait(), 5)


@pytest.mark.parametrize(
    ("start", "more", "reason"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, "the response does not end"),
        (b"HTTP/1.1 200 OK\r\n\r\n", bytes(10_000), "the response is larger than 0.1 MB"),
    ],
)
async def test_without_end_over_tls(
    start: bytes, more: bytes, reason: str, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    async with Server(endless(start, more)).serving(server_tls) as server:
        async with opened(tls=client_tls, body=100_000) as web:
            found = await web.get(server.url(scheme="https"))
            assert found == Failure(Kind.TOO_LARGE, reason)
            await asyncio.wait_for(server.gone.wait(), 5)


async def test_no_tls_where_it_was_expected(client_tls: ssl.SSLContext) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail ready\r\n")
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server, opened(tls=client_tls) as web:
        port = server.sockets[0].getsockname()[1]
        found = await web.get(f"https://feeds.example:{port}/")
        assert isinstance(found, Failure)
        assert found.kind is Kind.PASSING


async def test_an_error_of_a_post_names_the_time_that_it_had() -> None:
    async with opened(Names()) as web:
        failure = await web.post("http://hooks.example/", b"", {}, seconds=0)
    assert failure == Failure(Kind.PASSING, "the server did not answer within 0 s")
