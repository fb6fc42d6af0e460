"""Errors of the HTTP endpoint, which `server` turns into JSON."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

RETRY_FULL = "60"  # the rate limit counts a minute


def refusal(
    kind: type[web.HTTPError], reason: str, headers: Mapping[str, str] | None = None
) -> web.HTTPError:
    """An error of this kind, with a reason for whoever asked."""
    return kind(reason=None, text=reason, headers=headers)


def too_many_requests() -> web.HTTPError:
    """The error for whoever has sent more than a minute allows."""
    return refusal(
        web.HTTPTooManyRequests,
        "too many requests; wait as long as Retry-After says",
        {"Retry-After": RETRY_FULL},
    )
