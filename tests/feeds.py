"""A web site on the loopback with feeds in it, and the feeds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.utils import format_datetime
from hashlib import blake2b
from html import escape

from aiohttp import web

from bot.sources.web.fetch import Web
from bot.sources.web.model import FetchLimits
from tests.loopback import Handler, answering
from tests.make import at
from tests.sources.web.servers import Names

QUICK = FetchLimits(gap=timedelta())


@dataclass(frozen=True)
class Entry:
    """An item of a feed. Its link ends in a number of its own unless another is given."""

    title: str
    hours: float | None = 0
    text: str = ""
    link: str = ""
    guid: str = ""

    def xml(self) -> str:
        """As RSS."""
        link = self.link or f"https://paper.example/{blake2b(self.title.encode(), digest_size=6).hexdigest()}"
        date = f"<pubDate>{format_datetime(at(self.hours))}</pubDate>" if self.hours is not None else ""
        guid = f'<guid isPermaLink="false">{escape(self.guid)}</guid>' if self.guid else ""
        return (
            f"<item><title>{escape(self.title)}</title><link>{escape(link)}</link>{date}{guid}"
            f"<description>{escape(self.text)}</description></item>"
        )


def rss(*entries: Entry | str, title: str = "The Paper", more: str = "") -> bytes:
    """A feed of these items."""
    items = "".join((entry if isinstance(entry, Entry) else Entry(entry)).xml() for entry in entries)
    return (
        f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>{escape(title)}</title>'
        f"<link>https://paper.example/</link>{more}{items}</channel></rss>"
    ).encode()


@dataclass
class Page:
    """What stands at an address. With an `etag` it is not given twice."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    etag: str = ""


@dataclass
class Site:
    """Pages by path; a path may have a handler of its own. `asked` are the requests, with their headers."""

    pages: dict[str, Page | Handler] = field(default_factory=dict)
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    port: int = 0

    def url(self, path: str = "/feed", host: str = "paper.example") -> str:
        """The address of a page, under any host's name."""
        return f"http://{host}:{self.port}{path}"

    @property
    def paths(self) -> list[str]:
        """The paths that were asked for."""
        return [path for path, _ in self.asked]

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Site]:
        """Serve the pages meanwhile."""
        async with answering(self._answer) as self.port:
            yield self

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.path, dict(request.headers)))
        page = self.pages.get(request.path, Page(b"not found", 404))
        if not isinstance(page, Page):
            return await page(request)
        headers = dict(page.headers) | ({"ETag": page.etag} if page.etag else {})
        headers.setdefault("Content-Type", "application/rss+xml")
        if page.etag and request.headers.get("If-None-Match") == page.etag:
            return web.Response(status=304, headers=headers)
        return web.Response(body=page.body, status=page.status, headers=headers)


def reader(*, private_networks: bool = True, names: Names | None = None, **limits: object) -> Web:
    """A client for which every name leads to the loopback, unless `names` say otherwise."""
    return Web(
        user_agent="Topicwire/test (+https://topicwire.example)",
        private_networks=private_networks,
        resolver=names or Names(),
        limits=replace(QUICK, **limits),  # type: ignore[arg-type]  # what Limits has
    )
