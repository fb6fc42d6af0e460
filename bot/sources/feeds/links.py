"""Addresses in feeds, made absolute."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urljoin

_WEB = ("http://", "https://")
_SITE = re.compile(r"https?://[^/?#\\]+", re.IGNORECASE)


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


@lru_cache(maxsize=64)
def _site(base: str) -> str:
    found = _SITE.match(base)
    return found[0] if found else ""
