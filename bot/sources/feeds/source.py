"""Feeds over HTTP: polling, discovery, and feeds as sources."""

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
from bot.i18n import mark, tr, tr_stored
from bot.sources.feeds.discover import common_paths, feed_links
from bot.sources.feeds.parse import MAX_BODY, FeedDocument, FeedSpec, NotAFeed, parse
from bot.sources.model import ItemBatch, Progress
from bot.sources.parsing.pool import IN_PROCESS, Parsers, TooCostlyError, run_parser
from bot.sources.web.fetch import Web
from bot.sources.web.model import WITH_CONTENT, Failure, Kind, Response

STATE = "http"  # key of the progress entry with validators and hash
# Interval of unconditional requests: some servers answer "unchanged" for ever, and after this time their articles are
# still news.
WHOLE_EVERY = timedelta(days=3)
LINKS_TRIED = 3
PATHS_TRIED = 5
_VERSION = 1  # raise it when feeds should be parsed again because more of them can be understood
FILES = frozenset({".xml", ".rss", ".atom", ".rdf"})
_NOTHING_NEW = frozenset({204, 304})  # answers to a request with conditions
_BEGINNING = 4096


@dataclass(frozen=True, slots=True)
class PollOutcome:
    """The outcome of a poll.

    `batch` is None after a failure, which `reason` explains. `moved` is a new permanent address. `hints` are the polling
    hints of the feed and its server. `is_unreached`: no server answered.
    """

    result: PollResult
    reason: str = ""
    batch: ItemBatch | None = None
    document: FeedDocument | None = None
    moved: str = ""
    hints: Hints = field(default_factory=Hints)
    retry_after: timedelta | None = None
    is_unreached: bool = False


async def poll_feed(
    web: Web,
    spec: FeedSpec,
    progress: Progress,
    now: datetime,
    parsers: Parsers = IN_PROCESS,
    server: int = 0,
) -> PollOutcome:
    """Fetch the feed at `spec.url`, and parse it unless it is unchanged since `progress`. Never raises.

    `server` is the server whose members chose the feed; 0 is the operator.
    """
    state_before: Any = progress.get(STATE) or {}
    reader = f"{_VERSION}:{replace(spec, url='')}"
    if state_before.get("reader") != reader:  # the same bytes would give other records
        state_before = {}
    whole_at = state_before.get("whole_at")
    due = whole_at is None or now - datetime.fromisoformat(whole_at) >= WHOLE_EVERY
    etag, last_modified = (
        ("", "") if due else (state_before.get("etag", ""), state_before.get("last_modified", ""))
    )
    answer = await web.get(spec.url, etag=etag, last_modified=last_modified, now=now)
    if isinstance(answer, Failure):
        return PollOutcome(PollResult.FAILED, answer.reason, is_unreached=answer.kind is Kind.PASSING)
    if answer.status in _NOTHING_NEW and (etag or last_modified):
        return _unchanged(answer, state_before)
    if answer.status not in WITH_CONTENT:
        return _refused(answer)
    # Not a cryptographic hash, which would take ten times as long as the rest: a collision could only hide a site's own news.
    digest = xxh3_128_hexdigest(answer.body)
    state: dict[str, Any] = {"reader": reader, "digest": digest} | _validators(answer, state_before, digest)
    if state["etag"] or state["last_modified"]:
        state["whole_at"] = now.isoformat() if due else whole_at
    if state_before.get("digest") == digest:
        return _unchanged(answer, state_before, state)
    try:
        document = await _parsed(parsers, server, answer, spec)
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
    batch = ItemBatch(document.items, document.rejected, progress={STATE: state}, last=True)
    return PollOutcome(PollResult.NEW, batch=batch, document=document, moved=answer.permanent, hints=hints)


def _validators(answer: Response, state_before: Mapping[str, Any], digest: str) -> dict[str, Any]:
    """The validators for the next request. Validators that came with two different bodies are distrusted."""
    validators = [answer.etag, answer.last_modified]
    before = [state_before.get("etag", ""), state_before.get("last_modified", "")]
    distrusted = state_before.get("distrusted")
    if (
        validators != distrusted
        and any(validators)
        and validators == before
        and digest != state_before["digest"]
    ):
        distrusted = validators
    if validators == distrusted:
        return {"etag": "", "last_modified": "", "distrusted": validators}
    return {"etag": answer.etag, "last_modified": answer.last_modified}


def _unchanged(
    answer: Response, state_before: dict[str, Any], state: dict[str, Any] | None = None
) -> PollOutcome:
    entry = state_before | (state or {})
    ttl = timedelta(seconds=state_before.get("ttl", 0))
    hints = Hints(
        max(ttl, answer.max_age or timedelta()),
        frozenset(state_before.get("skip_hours", ())),
        frozenset(state_before.get("skip_days", ())),
    )
    progress = {STATE: entry} if entry != state_before else {}
    batch = ItemBatch(unchanged=state_before.get("items", 0), progress=progress, last=True)
    return PollOutcome(PollResult.NOTHING_NEW, batch=batch, moved=answer.permanent, hints=hints)


_STATUSES = {
    204: mark("the server sent an empty response (204)"),
    304: mark('the server answered "not modified" to a request without conditions (304)'),
    401: mark("the server asks for a password (401)"),
    403: mark("the server denies the bot access (403)"),
    404: mark("no page exists at this address (404)"),
    410: mark("the feed was removed permanently (410)"),
    429: mark("the server is rate limiting the bot (429)"),
}


def _refused(answer: Response) -> PollOutcome:
    trouble = (
        mark("the server has an error ({status})")
        if answer.status >= 500
        else mark("the server answered with an unexpected status ({status})")
    )
    reason = tr(_STATUSES.get(answer.status, trouble), status=answer.status)
    result = PollResult.GONE if answer.status == 410 else PollResult.FAILED
    return PollOutcome(result, reason, retry_after=answer.retry_after)


async def _parsed(parsers: Parsers, server: int, answer: Response, origin: FeedSpec) -> FeedDocument:
    fetched = replace(origin, url=answer.url)
    return await run_parser(parsers, server, parse, answer.body, fetched, answer.content_type)


class FeedSource:
    """A feed as a source for the command line. A running bot polls feeds instead."""

    kind = "feed"

    def __init__(self, web: Web, origin: FeedSpec, now: Callable[[], datetime]) -> None:
        self._web = web
        self._origin = origin
        self._now = now

    @property
    def name(self) -> str:
        """The identity: `feed:` and the address as it was given."""
        return f"{self.kind}:{self._origin.url}"

    async def fetch(self, progress: Progress) -> AsyncGenerator[ItemBatch, None]:
        """One batch. Raises SourceError if the feed cannot be read."""
        outcome = await poll_feed(self._web, self._origin, progress, self._now())
        if outcome.batch is None:
            raise SourceError(f"{self._origin.url}: {outcome.reason}")
        yield outcome.batch

    async def changes(self) -> AsyncGenerator[None, None]:
        """Yield once; feeds are not watched this way."""
        yield


@dataclass(frozen=True, slots=True)
class DiscoveredFeed:
    """A discovered feed: its address and content."""

    url: str
    document: FeedDocument


async def find_feed(
    web: Web, origin: FeedSpec, parsers: Parsers = IN_PROCESS, server: int = 0
) -> DiscoveredFeed:
    """The feed at an address, or a feed linked by the web page there. Raises SourceError that says what to do.

    `server` is the server whose members gave the address; 0 is the operator.
    """
    try:
        return await _find_feed(web, origin, parsers, server)
    except TooCostlyError as error:
        raise SourceError(f"{origin.url}: {error}") from error


async def _find_feed(web: Web, origin: FeedSpec, parsers: Parsers, server: int) -> DiscoveredFeed:
    answer = await web.get(origin.url)
    if isinstance(answer, Failure):
        raise SourceError(f"{origin.url}: {answer.reason}")
    if answer.status not in WITH_CONTENT:
        raise SourceError(f"{origin.url}: {_refused(answer).reason}")
    try:
        return DiscoveredFeed(answer.permanent or origin.url, await _parsed(parsers, server, answer, origin))
    except NotAFeed as error:
        reason = tr_stored(str(error))  # from a process of its own, which speaks English
    links = await run_parser(parsers, server, feed_links, answer.body, answer.url, answer.content_type)
    for url in [*(link.url for link in links[:LINKS_TRIED]), *common_paths(answer.url)[:PATHS_TRIED]]:
        feed_answer = await web.get(url)
        if isinstance(feed_answer, Failure) or feed_answer.status not in WITH_CONTENT:
            continue
        with suppress(NotAFeed):
            return DiscoveredFeed(
                feed_answer.permanent or url,
                await _parsed(parsers, server, feed_answer, replace(origin, url=url)),
            )
    raise SourceError(
        tr(
            "{url}: {problem}, and it links to no feed. Give the address of the feed itself.",
            url=origin.url,
            problem=reason,
        )
    )


class FeedFile:
    """A feed saved in a file. Items with relative links are rejected, because their base is unknown."""

    kind = "feed"

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        """The identity: `feed:` and the file's address."""
        return f"{self.kind}:{self._path.as_uri()}"

    async def fetch(self, _progress: Progress) -> AsyncGenerator[ItemBatch, None]:
        """One batch. Raises SourceError if the file is not a feed, and OSError if it cannot be read."""
        body = await asyncio.to_thread(_read, self._path)
        try:
            document = await asyncio.to_thread(parse, body, FeedSpec(self._path.as_uri()))
        except NotAFeed as error:
            raise SourceError(f"{self._path}: {error}") from error
        yield ItemBatch(document.items, document.rejected, last=True)

    async def changes(self) -> AsyncGenerator[None, None]:
        """Yield once; the file is not watched."""
        yield


def _read(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(MAX_BODY + 1)


def is_feed_file(path: Path) -> bool:
    """Whether a file is a feed by its suffix, or a JSON Feed by its beginning."""
    if path.suffix.lower() in FILES:
        return path.is_file()
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    with path.open("rb") as stream:
        return b"jsonfeed.org/version" in stream.read(_BEGINNING)
