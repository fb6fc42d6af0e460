"""Addresses in feeds: resolved, and made canonical quickly."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urljoin

from bot.domain.identity import canonical

_WEB = ("http://", "https://")
_SITE = re.compile(r"https?://[^/?#\\]+", re.IGNORECASE)
# A host and a path in which there is nothing to normalise but a slash at the end, or WordPress's `/?p=123`.
_SIMPLE = re.compile(
    r"(https?://[a-z0-9.-]+\.[a-z]+)((?:/[\w~-]+(?:\.[a-z]+)?){0,20})/?(\?p=[0-9]+)?", re.ASCII
)
_MEANINGFUL = re.compile(r"youtu|ampproject\.org|bing-amp\.com")
_SIMPLE_LENGTH = 500


def resolved(url: str, base: str) -> str:
    """The address, absolute where that is possible."""
    if url.startswith(_WEB):
        return url
    if url[:1] == "/" and url[1:2] != "/" and "/." not in url:  # most that are relative
        return f"{_site(base)}{url}"
    try:
        return urljoin(base, url)
    except ValueError:  # no address at all, such as `http://[`
        return url


def is_web(url: str) -> bool:
    """Whether it is an absolute http or https address, by its beginning."""
    return url[:8].lower().startswith(_WEB)


def page(url: str) -> str:
    """`canonical`, faster for the plain addresses that feeds mostly have. Raises `ValueError` as that does."""
    if len(url) <= _SIMPLE_LENGTH and (found := _SIMPLE.fullmatch(url)):
        site, path, query = found.groups()
        if "amp" not in path.lower() and (start := _canonical_site(site)):
            return f"{start}{path}{query or ''}"
    return canonical(url)


@lru_cache(maxsize=1024)
def _canonical_site(site: str) -> str:
    """The beginning that the site's addresses have in common; empty where its paths mean more than pages."""
    return "" if _MEANINGFUL.search(site) else canonical(site)


@lru_cache(maxsize=64)
def _site(base: str) -> str:
    found = _SITE.match(base)
    return found[0] if found else ""
