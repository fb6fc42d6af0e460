"""What feed readers and programs read with a server's token: `/feeds/TOPIC.atom`, `/feeds/TOPIC.json` and `/stories`."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from aiohttp import web

from bot.http.answers import refusal, too_many_requests
from bot.http.feeds import PublishedFeed, atom, json_feed
from bot.services import api_tokens, syndication
from bot.services.api_tokens import KnownTokens
from bot.services.context import Context
from bot.services.evaluation import Evaluations
from bot.services.syndication import StoriesRequest
from bot.store.story_pages import Position

MOST_STORIES = 50
USUAL_STORIES = 20
LONGEST_PARAMETER = 200  # characters
VERSIONS = 10_000  # documents of which it is known since when they are as they are
PARAMETERS = frozenset({"topic", "since", "until", "limit", "cursor"})
TOKEN = "token"  # noqa: S105 (the name of a parameter)
_NO_TOPIC = "there is no topic of that name"
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)

# Counts a request of a server, or of an address (None), or raises an error if there were too many.
Admit = Callable[[web.Request, int | None], Awaitable[None]]
# Whether an address may still send a wrong token.
MayGuess = Callable[[web.Request], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class _Format:
    content_type: str
    render: Callable[[PublishedFeed], bytes]


FORMATS: Mapping[str, _Format] = {
    "atom": _Format("application/atom+xml", atom),
    "json": _Format("application/feed+json", json_feed),
}


class _Versions:
    """Since when each document is as it is, as far as this process has seen it. Stories leave as well as come, so no time of theirs tells."""

    def __init__(self) -> None:
        self._of: OrderedDict[tuple[int, str], tuple[str, datetime]] = OrderedDict()

    def since(self, guild_id: int, address: str, version: str, now: datetime) -> datetime:
        """A whole second. Two versions of a document never have the same."""
        key = (guild_id, address)
        before, since = self._of.get(key, ("", None))
        now = now.replace(microsecond=0)
        if before != version or since is None:
            since = now if since is None else max(now, since + timedelta(seconds=1))
        self._of[key] = (version, since)
        self._of.move_to_end(key)
        if len(self._of) > VERSIONS:
            self._of.popitem(last=False)
        return since


class StoryReading:
    """The handlers. `admit` and `may_guess` limit how many requests there are; `counts` has their outcomes."""

    def __init__(self, context: Context, admit: Admit, may_guess: MayGuess) -> None:
        self.counts: Counter[str] = Counter(dict.fromkeys((*_OUTCOMES.values(), _FAILED), 0))
        self._context = context
        self._admit = admit
        self._may_guess = may_guess
        self._tokens = KnownTokens(context)
        self._versions = _Versions()
        # A thread of its own: readers take no turn from those who use commands.
        self._evaluations = Evaluations()

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Add the routes."""
        router.add_get(r"/feeds/{topic:[^/]+}.{format:atom|json}", self._counted(self._feed))
        router.add_get("/stories", self._counted(self._stories))

    def _counted(
        self, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def counting(request: web.Request) -> web.StreamResponse:
            status = 500
            try:
                response = await handler(request)
                status = response.status
                return response
            except web.HTTPException as error:
                status = error.status
                raise
            finally:
                self.counts[_OUTCOMES.get(status, _FAILED)] += 1

        return counting

    async def _guild(self, request: web.Request) -> int:
        """The server whose token a request shows. Raises 401, or 429 for too many requests.

        An address that has sent too many wrong tokens costs the database nothing more. Others may have the same address, that of
        a proxy, so their tokens still count.
        """
        shown = _credentials(request)
        if not await self._may_guess(request) and not await self._tokens.may_be(shown):
            raise too_many_requests()
        token = await api_tokens.authenticate(self._context, shown)
        await self._admit(request, None if token is None else token.guild_id)
        if token is None:
            raise refusal(
                web.HTTPUnauthorized,
                "missing, wrong or revoked token; send the header Authorization: Bearer TOKEN, or ?token=TOKEN",
                {"WWW-Authenticate": "Bearer"},
            )
        return token.guild_id

    async def _feed(self, request: web.Request) -> web.StreamResponse:
        guild_id = await self._guild(request)
        _only(request, frozenset())
        name = request.match_info["topic"]
        feed_format = FORMATS[request.match_info["format"]]
        feed = None
        if len(name) <= LONGEST_PARAMETER:
            feed = await syndication.topic_feed(self._context, self._evaluations, guild_id, name)
        if feed is None:
            raise refusal(web.HTTPNotFound, _NO_TOPIC)
        path = f"/feeds/{quote(feed.topic.name, safe='')}.{request.match_info['format']}"
        url = f"{self._context.api.public_url}{path}" if self._context.api.public_url else ""
        document = PublishedFeed(guild_id, feed.topic.name, url, feed.entries)
        body = await self._evaluations.run(feed_format.render, document)
        return self._answer(request, guild_id, path, body, feed_format.content_type)

    async def _stories(self, request: web.Request) -> web.StreamResponse:
        guild_id = await self._guild(request)
        _only(request, PARAMETERS)
        asked = StoriesRequest(
            guild_id,
            request.query.get("topic", ""),
            _limit(request.query.get("limit", str(USUAL_STORIES))),
            _time(request, "since"),
            _time(request, "until"),
            _position(request.query.get("cursor", "")),
        )
        page = await syndication.stories_page(self._context, self._evaluations, asked)
        if page is None:
            raise refusal(web.HTTPNotFound, _NO_TOPIC)
        answer = {
            "stories": [entry.to_json() for entry in page.entries],
            "next": None if page.next is None else _cursor(page.next),
        }
        query = sorted((name, value) for name, value in request.query.items() if name != TOKEN)
        return self._answer(
            request, guild_id, f"/stories {query}", json.dumps(answer).encode(), "application/json"
        )

    def _answer(
        self, request: web.Request, guild_id: int, address: str, body: bytes, content_type: str
    ) -> web.Response:
        """The document, or 304 if the reader has it as it is (RFC 9110, section 13)."""
        version = hashlib.sha256(body).hexdigest()[:32]
        since = self._versions.since(guild_id, address, version, self._context.now())
        response = web.Response(body=body, content_type=content_type, charset="utf-8")
        if _has(request, version, since):
            response = web.Response(status=304)
        response.etag = version
        response.last_modified = since
        response.headers.update(HEADERS)
        return response


HEADERS: Mapping[str, str] = {
    "Cache-Control": "private",
    "Vary": "Authorization",
    "Referrer-Policy": "no-referrer",  # the address may have the token in it
    "X-Content-Type-Options": "nosniff",
}
_OUTCOMES: Mapping[int, str] = {
    200: "served",
    304: "unchanged",
    400: "invalid",
    401: "refused",
    404: "unknown",
    429: "limited",
}
_FAILED = "failed"


def _credentials(request: web.Request) -> str:
    """The token of the header; or else that of the address, as feed readers cannot send headers."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    given = request.query.getall(TOKEN, [])
    return given[0] if len(given) == 1 else ""


def _has(request: web.Request, version: str, since: datetime) -> bool:
    """Whether a reader has this version. A time counts only where no version is named."""
    if request.if_none_match is not None:
        return any(tag.value in (version, "*") for tag in request.if_none_match)
    return request.if_modified_since is not None and since <= request.if_modified_since


def _only(request: web.Request, allowed: frozenset[str]) -> None:
    """Raise 400 for parameters that mean nothing here, that come twice, or that are too long."""
    for name in request.query:
        if name == TOKEN:
            continue
        if name not in allowed:
            accepted = ", ".join(sorted(allowed)) or "none but the token"
            raise _invalid(f"unknown parameter; this address takes {accepted}")
        values = request.query.getall(name)
        if len(values) > 1:
            raise _invalid(f"{name}: give it once")
        if len(values[0]) > LONGEST_PARAMETER:
            raise _invalid(f"{name}: longer than {LONGEST_PARAMETER} characters")


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= MOST_STORIES):
        raise _invalid(f"limit: write a number from 1 to {MOST_STORIES}")
    return int(text)


def _time(request: web.Request, name: str) -> datetime | None:
    """A time, which is UTC if it has no zone."""
    text = request.query.get(name)
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        hint = " (a + in an address is written %2B)" if " " in text else ""
        raise _invalid(f"{name}: write a time such as 2026-01-07 or 2026-01-07T09:00:00Z{hint}") from None
    return _in_calendar(time if time.tzinfo is not None else time.replace(tzinfo=UTC))


def _in_calendar(time: datetime) -> datetime:
    """The time in UTC, or the end of what databases can compare."""
    return min(max(time, _EARLIEST), _LATEST).astimezone(UTC)


def _cursor(position: Position) -> str:
    text = f"{position.last_seen.isoformat()} {position.number}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _position(cursor: str) -> Position | None:
    if not cursor:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor.encode("ascii") + b"==").decode("ascii")
        time, _, number = text.partition(" ")
        last_seen = datetime.fromisoformat(time)
        if last_seen.tzinfo is None or not (number.isdigit() and len(number) < 10):
            raise ValueError("not a position")
        return Position(_in_calendar(last_seen), int(number))
    except (ValueError, binascii.Error):
        raise _invalid("cursor: write the value of next of the page before, as it is") from None


def _invalid(reason: str) -> web.HTTPError:
    return refusal(web.HTTPBadRequest, reason)
