"""Errors of the HTTP endpoint, which `server` turns into JSON."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web


def refusal(
    kind: type[web.HTTPError], reason: str, headers: Mapping[str, str] | None = None
) -> web.HTTPError:
    """An error of this kind, with a reason for whoever asked."""
    return kind(reason=None, text=reason, headers=headers)
