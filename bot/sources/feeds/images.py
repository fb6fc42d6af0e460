"""The one picture of an entry."""

from __future__ import annotations

import re

from bot.domain.identity import canonical
from bot.domain.model import Image
from bot.sources.feeds.html import pictures
from bot.sources.feeds.links import resolved
from bot.sources.feeds.model import Entry, Picture

_SMALLEST, _LARGEST = 50, 20_000  # pixels a side: others are icons, or a mistake
_ASSUMED, _ASSUMED_THUMBNAIL = 800 * 450, 320 * 180  # pixels of a picture whose size is not declared
# An address that is sound at first sight; the others are looked at more closely.
_SOUND = re.compile(
    r"https?://[a-z0-9](?:[a-z0-9-]{0,60}\.)[a-z0-9.-]{0,100}[a-z]/[\w.~!$&'()*+,;=:@/?%-]{0,1500}", re.ASCII
)


def image_of(entry: Entry) -> Image | None:
    """The largest picture that the entry declares, else the first in its text that is no decoration."""
    best: Picture | None = None
    most = 0
    for picture in entry.pictures:
        area = _area(picture)
        if area > most and (usable := _usable(picture, entry.base)):
            best, most = usable, area
    found = best or _in_text(entry)
    return Image(found.url, found.width, found.height) if found else None


def _in_text(entry: Entry) -> Picture | None:
    for text in entry.texts:
        value = text.value
        if text.plain or ("<img" not in value and "<IMG" not in value and "&lt;img" not in value):
            continue
        for url, width, height in pictures(value):
            if _area(picture := Picture(url, width, height)) and (usable := _usable(picture, entry.base)):
                return usable
    return None


def _area(picture: Picture) -> int:
    """How large it is or may be; 0 where it is of no use."""
    width, height = picture.width, picture.height
    if not width and not height:
        return _ASSUMED_THUMBNAIL if picture.thumbnail else _ASSUMED
    if any(side and not _SMALLEST <= side <= _LARGEST for side in (width, height)):
        return 0
    return (width or height) * (height or width)


def _usable(picture: Picture, base: str) -> Picture | None:
    """The picture at an absolute address that can be shown, or None."""
    url = resolved(picture.url, base)
    if not _SOUND.fullmatch(url):
        try:
            canonical(url)
        except ValueError:
            return None
    return picture if url == picture.url else picture._replace(url=url)
