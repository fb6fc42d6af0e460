"""JSON Feed, 1.0 and 1.1. A field of the wrong type is as good as none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from io import BytesIO

from bot.sources.documents import Unreadable, documents
from bot.sources.feeds.links import is_web
from bot.sources.feeds.model import Entry, Feed, NotAFeed, Picture, Text
from bot.sources.feeds.newest import newest

_VERSION = re.compile(r"(?:https?://)?(?:www\.)?jsonfeed\.org/|1(?:\.[01])?$", re.IGNORECASE)


def feed_of(text: str, url: str, limit: int) -> Feed:
    """The feed in a JSON text. Raises `NotAFeed`."""
    _, value = next(documents(BytesIO(text.encode("utf-8", "replace")), "feed.json"), (1, None))
    if isinstance(value, Unreadable):
        raise NotAFeed(str(value))
    if not isinstance(value, Mapping) or not isinstance(value.get("items"), list):
        raise NotAFeed("JSON, but not a JSON Feed")
    if not _VERSION.match(_text(value, "version")):
        raise NotAFeed("JSON, but not a JSON Feed: its version should be https://jsonfeed.org/version/1.1")
    items = value["items"]
    return Feed(
        title=Text(_text(value, "title"), plain=True),
        link=_text(value, "home_page_url"),
        language=_text(value, "language"),
        entries=[_entry(item, number, url) for number, item in newest(items, limit, _dates)],
        total=len(items),
    )


def _entry(item: object, number: int, url: str) -> Entry:
    entry = Entry(number, url)
    if not isinstance(item, Mapping):
        entry.error = "expected a mapping of fields"
        return entry
    entry.guid = _text(item, "id")
    page = _text(item, "url")
    entry.url = page or (entry.guid if is_web(entry.guid) else "") or _text(item, "external_url")
    if title := _text(item, "title"):
        entry.title = Text(title, plain=True)
    entry.texts = [
        Text(text, name != "content_html")
        for name in ("summary", "content_html", "content_text")
        if (text := _text(item, name))
    ]
    entry.dates = _dates(item)
    entry.language = _text(item, "language")
    entry.pictures = [
        Picture(address) for name in ("image", "banner_image") if (address := _text(item, name))
    ]
    for position, (kind, address) in enumerate(_attachments(item)):
        if kind.startswith("image/"):
            entry.pictures = (*entry.pictures, Picture(address))
        elif kind.startswith("video/") and position == 0:
            entry.video = True
    return entry


def _dates(item: object) -> list[str]:
    fields = item if isinstance(item, Mapping) else {}
    return [date for name in ("date_published", "date_modified") if (date := _text(fields, name))]


def _attachments(item: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The types and addresses of what is attached."""
    attached = item.get("attachments")
    for attachment in attached if isinstance(attached, list) else ():
        if isinstance(attachment, Mapping) and (address := _text(attachment, "url")):
            yield _text(attachment, "mime_type").lower(), address


def _text(value: Mapping[str, object], name: str) -> str:
    """A field's text; a number, as ids often are, is one as well."""
    found = value.get(name)
    if isinstance(found, int) and not isinstance(found, bool) and abs(found) < 10**18:
        return str(found)
    return found.strip() if isinstance(found, str) else ""
