"""A feed over HTTP as a source: one look at it, and where the feeds of a web page are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from xxhash import xxh3_128_hexdigest

from bot.domain.polling import Hints, PollResult
from bot.errors import SourceError
from bot.sources.feeds.discover import common_paths, feed_links
from bot.sources.feeds.parse import MAX_BODY, Document, FeedSpec, NotAFeed, parse
from bot.sources.model import Batch, Progress
from bot.sources.parsing.pool import HERE, Parsers, TooCostlyError, parsed
from bot.sources.web.fetch import Web
from bot.sources.web.model import WITH_CONTENT, Failure, Response

STATE = "http"  # the progress entry: what tells whether a feed has changed
# How often a feed is asked for without conditions: some servers say "unchanged" for ever, and within this time
# what they withhold is still news.
WHOLE_EVERY = timedelta(days=3)
LINKS_TRIED = 3
PATHS_TRIED = 5
_VERSION = 1  # raise it when feeds should be parsed again because more of them can be understood
FILES = frozenset({".xml", ".rss", ".atom", ".rdf"})
_NOTHING_NEW = frozenset({204, 304})  # answers to a request with conditions
_BEGINNING = 4096


@dataclass(frozen=True, slots=True)
class PollOutcome:
    """What one look at a feed brought.

    `batch` is None where it failed, for the `reason` then given. `moved` is the address to use from now
    on, where the server says so. `hints` are what the feed and its server ask for.
    """

    result: PollResult
    reason: str = ""
    batch: Batch | None = None
    document: Document | None = None
    moved: str = ""
    hints: Hints = field(default_factory=Hints)
    retry_after: timedelta | None = None


async def poll_feed(
    web: Web,
    origin: FeedSpec,
    progress: Progress,
    now: datetime,
    parsers: Parsers = HERE,
    server: int = 0,
) -> PollOutcome:
    """Fetch the feed at `origin.url`, and read it unless it is as `progress` remembers it. Never raises.

    `server` is whose people chose the feed; 0: the operator.
    """
    known: Any = progress.get(STATE) or {}
    reader = f"{_VERSION}:{replace(origin, url='')}"
    if known.get("reader") != reader:  # what is read of the same bytes would be something else
        known = {}
    whole = known.get("whole_at")
    due = whole is None or now - datetime.fromisoformat(whole) >= WHOLE_EVERY
    etag, last_modified = ("", "") if due else (known.get("etag", ""), known.get("last_modified", ""))
    answer = await web.get(origin.url, etag=etag, last_modified=last_modified, now=now)
    if isinstance(answer, Failure):
        return PollOutcome(PollResult.FAILED, answer.reason)
    if answer.status in _NOTHING_NEW and (etag or last_modified):
        return _unchanged(answer, known)
    if answer.status not in WITH_CONTENT:
        return _refused(answer)
    # Not a hash of cryptography, which would be ten times the rest: with a collision a site could only hide its own news.
    digest = xxh3_128_hexdigest(answer.body)
    state: dict[str, Any] = {"reader": reader, "digest": digest} | _validators(answer, known, digest)
    if state["etag"] or state["last_modified"]:
        state["whole_at"] = now.isoformat() if due else whole
    if known.get("digest") == digest:
        return _unchanged(answer, known, state)
    try:
        document = await _parsed(parsers, server, answer, origin)
    except (NotAFeed, TooCostlyError) as error:
        return PollOutcome(PollResult.FAILED, str(error))
    hints = Hints(
        max(document.ttl or timedelta(), answer.max_age or timedelta()),
        document.skip_hours,
        document.skip_days,
    )
    state |= {
        "items": len(document.items),
        "ttl": int((document.ttl or timedelta()).total_seconds()),
        "skip_hours": sorted(document.skip_hours),
        "skip_days": sorted(document.skip_days),
    }
    batch = Batch(document.items, document.rejected, progress={STATE: state}, last=True)
    return PollOutcome(PollResult.NEW, batch=batch, document=document, moved=answer.permanent, hints=hints)


def _validators(answer: Response, known: Mapping[str, Any], digest: str) -> dict[str, Any]:
    """What to ask with the next time. Validators that came with two different bodies say nothing, from then on."""
    given = [answer.etag, answer.last_modified]
    before = [known.get("etag", ""), known.get("last_modified", "")]
    distrusted = known.get("distrusted")
    if given != distrusted and any(given) and given == before and digest != known["digest"]:
        distrusted = given
    if given == distrusted:
        return {"etag": "", "last_modified": "", "distrusted": given}
    return {"etag": answer.etag, "last_modified": answer.last_modified}


def _unchanged(answer: Response, known: dict[str, Any], state: dict[str, Any] | None = None) -> PollOutcome:
    entry = known | (state or {})
    ttl = timedelta(seconds=known.get("ttl", 0))
    hints = Hints(
        max(ttl, answer.max_age or timedelta()),
        frozenset(known.get("skip_hours", ())),
        frozenset(known.get("skip_days", ())),
    )
    progress = {STATE: entry} if entry != known else {}
    batch = Batch(unchanged=known.get("items", 0), progress=progress, last=True)
    return PollOutcome(PollResult.NOTHING_NEW, batch=batch, moved=answer.permanent, hints=hints)


_STATUSES = {
    204: "the server sent an empty response (204)",
    304: 'the server answered "not modified" to a request without conditions (304)',
    401: "the server asks for a password (401)",
    403: "the server denies the bot access (403)",
    404: "no page exists at this address (404)",
    410: "the feed was removed permanently (410)",
    429: "the server is rate limiting the bot (429)",
}


def _refused(answer: Response) -> PollOutcome:
    trouble = (
        "the server has an error" if answer.status >= 500 else "the server answered with an unexpected status"
    )
    reason = _STATUSES.get(answer.status, f"{trouble} ({answer.status})")
    got = PollResult.GONE if answer.status == 410 else PollResult.FAILED
    return PollOutcome(got, reason, retry_after=answer.retry_after)


async def _parsed(parsers: Parsers, server: int, answer: Response, origin: FeedSpec) -> Document:
    there = replace(origin, url=answer.url)
    return await parsed(parsers, server, parse, answer.body, there, answer.content_type)


class FeedSource:
    """A feed, read when asked: on the command line. A running bot polls many at once instead."""

    kind = "feed"

    def __init__(self, web: Web, origin: FeedSpec, now: Callable[[], datetime]) -> None:
        self._web = web
        self._origin = origin
        self._now = now

    @property
    def name(self) -> str:
        """The identity: `feed:` and the address as it was given."""
        return f"{self.kind}:{self._origin.url}"

    async def fetch(self, progress: Progress) -> AsyncGenerator[Batch, None]:
        """One batch. Raises SourceError where the feed cannot be had."""
        found = await poll_feed(self._web, self._origin, progress, self._now())
        if found.batch is None:
            raise SourceError(f"{self._origin.url}: {found.reason}")
        yield found.batch

    async def changes(self) -> AsyncGenerator[None, None]:
        """Nobody watches it this way."""
        yield


@dataclass(frozen=True, slots=True)
class Found:
    """A feed that was found: where it is, and what is in it."""

    url: str
    document: Document


async def find(web: Web, origin: FeedSpec, parsers: Parsers = HERE, server: int = 0) -> Found:
    """The feed at an address, or that the web page there names. Raises SourceError that says what to do.

    `server` is whose people gave the address; 0: the operator.
    """
    try:
        return await _find(web, origin, parsers, server)
    except TooCostlyError as error:
        raise SourceError(f"{origin.url}: {error}") from error


async def _find(web: Web, origin: FeedSpec, parsers: Parsers, server: int) -> Found:
    answer = await web.get(origin.url)
    if isinstance(answer, Failure):
        raise SourceError(f"{origin.url}: {answer.reason}")
    if answer.status not in WITH_CONTENT:
        raise SourceError(f"{origin.url}: {_refused(answer).reason}")
    try:
        return Found(answer.permanent or origin.url, await _parsed(parsers, server, answer, origin))
    except NotAFeed as error:
        reason = str(error)
    links = await parsed(parsers, server, feed_links, answer.body, answer.url, answer.content_type)
    for url in [*(link.url for link in links[:LINKS_TRIED]), *common_paths(answer.url)[:PATHS_TRIED]]:
        there = await web.get(url)
        if isinstance(there, Failure) or there.status not in WITH_CONTENT:
            continue
        with suppress(NotAFeed):
            return Found(
                there.permanent or url, await _parsed(parsers, server, there, replace(origin, url=url))
            )
    raise SourceError(
        f"{origin.url}: {reason}, and it links to no feed. Give the address of the feed itself."
    )


class FeedFile:
    """A feed in a file, as somebody saved it. Its relative links lead nowhere, so items with such are refused."""

    kind = "feed"

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        """The identity: `feed:` and the file's address."""
        return f"{self.kind}:{self._path.as_uri()}"

    async def fetch(self, _progress: Progress) -> AsyncGenerator[Batch, None]:
        """One batch. Raises SourceError where the file is no feed, and OSError where it cannot be read."""
        body = await asyncio.to_thread(_read, self._path)
        try:
            document = await asyncio.to_thread(parse, body, FeedSpec(self._path.as_uri()))
        except NotAFeed as error:
            raise SourceError(f"{self._path}: {error}") from error
        yield Batch(document.items, document.rejected, last=True)

    async def changes(self) -> AsyncGenerator[None, None]:
        """Nobody watches it."""
        yield


def _read(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(MAX_BODY + 1)


def is_feed_file(path: Path) -> bool:
    """Whether a file is a feed by its name, or a JSON Feed by how it begins."""
    if path.suffix.lower() in FILES:
        return path.is_file()
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    with path.open("rb") as stream:
        return b"jsonfeed.org/version" in stream.read(_BEGINNING)
