"""Chooses the picture of an entry."""

from __future__ import annotations

import re

from bot.domain.model import Image
from bot.domain.records.identity import canonical, registered_domain
from bot.sources.feeds.html import pictures, usual_picture
from bot.sources.feeds.links import host_of, is_web, resolve, site_of
from bot.sources.feeds.model import FeedEntry

_SMALLEST, _LARGEST = 50, 20_000  # pixels per side: others are icons or mistakes
_ASSUMED, _ASSUMED_THUMBNAIL = 800 * 450, 320 * 180  # pixels of a picture whose size is not declared
# Addresses that need no further check.
_SOUND = re.compile(
    r"https?://[a-z0-9](?:[a-z0-9-]{0,60}\.)[a-z0-9.-]{0,100}[a-z]/[\w.~!$&'()*+,;=:@/?%-]{0,1500}", re.ASCII
)


def choose_image(entry: FeedEntry) -> Image | None:
    """The largest picture that the entry declares, or else the first in its text that is not decoration."""
    best: Image | None = None
    largest_area = 0
    for url, width, height, thumbnail in entry.pictures:
        area = _area(width, height, _ASSUMED_THUMBNAIL if thumbnail else _ASSUMED)
        if area > largest_area and (address := _usable(url, entry.base)):
            best, largest_area = Image(address, width, height), area
    return best or _in_text(entry)


def _in_text(entry: FeedEntry) -> Image | None:
    for text in entry.texts:
        value = text.value
        if text.plain or ("<img" not in value and "<IMG" not in value and "&lt;img" not in value):
            continue
        usual = usual_picture(value)
        if usual and (image := _shown(usual, entry)):
            return image
        for picture in pictures(value):
            if image := _shown(picture, entry):
                return image
    return None


def _shown(picture: tuple[str, int, int], entry: FeedEntry) -> Image | None:
    url, width, height = picture
    if _area(width, height, _ASSUMED) and (address := _usable(url, _base_of(url, entry))):
        return Image(address, width, height)
    return None


def _base_of(url: str, entry: FeedEntry) -> str:
    """The base of an address in an entry's HTML: its page, or the feed's site if the page is on another site.

    The links of a link blog lead to other sites.
    """
    if entry.markup_base or is_web(url) or not is_web(entry.url):
        return entry.markup_base or entry.base
    if url.startswith("/") and entry.url.startswith(
        site_of(entry.base)
    ):  # the common case, with the same result
        return entry.base
    try:
        is_same_site = not is_web(entry.base) or _domain(entry.url) == _domain(entry.base)
    except ValueError:
        return entry.base
    return entry.url if is_same_site else entry.base


def _domain(url: str) -> str:
    return registered_domain(host_of(url))  # of the host only, so that the cache is effective


def _area(width: int, height: int, assumed: int) -> int:
    """The declared or assumed area in pixels; 0 for an unusable size."""
    if not width and not height:
        return assumed
    width, height = width or height, height or width
    return width * height if _SMALLEST <= width <= _LARGEST and _SMALLEST <= height <= _LARGEST else 0


def _usable(url: str, base: str) -> str:
    """The picture's absolute address, or an empty text if it cannot be shown."""
    url = resolve(url, base)
    if not _SOUND.fullmatch(url):
        try:
            canonical(url)
        except ValueError:
            return ""
    return url
