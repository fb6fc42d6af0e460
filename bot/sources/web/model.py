"""Limits and results of a fetch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

FEEDS = (
    "application/atom+xml, application/rss+xml, application/rdf+xml, application/feed+json, "
    "application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, text/html;q=0.5, */*;q=0.1"
)
# Statuses of responses with content: 203 is a proxy's 200. 206 and 226 mark partial content, which was not requested
# and is read as far as it goes.
WITH_CONTENT = frozenset({200, 203, 206, 226})


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """Limits of a fetch.

    `total` is the time of a request with its redirects, without waiting for the host; `idle` is the longest silence.
    `header_bytes` limits a header line. `body` limits the decompressed body in bytes, `compressed` a compressed body on
    the wire. `per_host` is the number of concurrent requests to a host, `gap` the time between two starts.
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
    """A response of any status; it has a body if the status is in `WITH_CONTENT`.

    `url` is the address after redirects. `permanent` is the new address of the feed: the target of the permanent
    redirects before the first temporary one, empty without any; only with content or a 304. `etag` and `last_modified`
    are validators for the next request, empty if they come from another host. `max_age` is how long the response
    stays fresh, `retry_after` how long the server asks to wait.
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
    """The kind of a failure.

    REFUSED: the address or a redirect target is not allowed; a change of names or redirects may fix that.
    PASSING: a temporary failure, worth a retry. TOO_LARGE: a retry will most likely fail too.
    """

    REFUSED = "refused"
    PASSING = "passing"
    TOO_LARGE = "too large"


@dataclass(frozen=True, slots=True)
class Failure:
    """A fetch without a usable response. `reason` is for the person who chose the address."""

    kind: Kind
    reason: str
