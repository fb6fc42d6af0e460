"""What is asked of a fetch, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

FEEDS = (
    "application/atom+xml, application/rss+xml, application/rdf+xml, application/feed+json, "
    "application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, text/html;q=0.5, */*;q=0.1"
)
# Statuses of an answer whose body is what was asked for: 203 is a proxy's 200; 206 and 226 say that it is a part
# of it, which nobody asked for, so it is read as far as it goes.
WITH_CONTENT = frozenset({200, 203, 206, 226})


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What a server may take of us, and what we take of it.

    `total` is the time of a request with its redirects, without the wait for a turn; `idle` the
    longest silence in between. `header_bytes` is the most of one header line. `body` counts what is
    read in the end, `compressed` what came over the wire of a body that was packed. `per_host` and
    `gap` are manners: how many requests run at a host at once, and the time between two starts.
    """

    total: timedelta = timedelta(seconds=30)
    connect: timedelta = timedelta(seconds=10)
    idle: timedelta = timedelta(seconds=10)
    redirects: int = 5
    header_bytes: int = 16_384
    body: int = 10_000_000
    compressed: int = 5_000_000
    per_host: int = 2
    gap: timedelta = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, whatever its status; with a body where that is one of `WITH_CONTENT`.

    `url` is where it came from in the end. `permanent` is the address to keep from now on, "" if that
    is the one asked for: where the redirects led that were permanent, up to the first that was not;
    only of an answer with content or a 304. `etag` and `last_modified` are to be handed in with the next request, ""
    where another host than the one to be asked gave them. `max_age` is how long the answer stays
    fresh, `retry_after` how long the server asks to be left alone.
    """

    status: int
    url: str
    permanent: str = ""
    body: bytes = b""
    etag: str = ""
    last_modified: str = ""
    content_type: str = ""
    max_age: timedelta | None = None
    retry_after: timedelta | None = None


class Kind(StrEnum):
    """What a failure means for the next time.

    REFUSED: the address, or one that it leads to, is not allowed; a change of names or redirects may
    mend that. PASSING: worth another try. TOO_LARGE: will most likely be so again.
    """

    REFUSED = "refused"
    PASSING = "passing"
    TOO_LARGE = "too large"


@dataclass(frozen=True, slots=True)
class Failure:
    """No answer that could be taken. `reason` is for whoever chose the address."""

    kind: Kind
    reason: str
