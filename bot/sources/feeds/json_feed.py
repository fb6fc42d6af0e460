"""JSON Feed 1.0 and 1.1. Fields of a wrong type are ignored."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from io import BytesIO

from bot.i18n import mark
from bot.sources.documents import Unreadable, documents
from bot.sources.feeds.links import is_web, resolve
from bot.sources.feeds.model import FeedEntry, NotAFeed, ParsedFeed, Picture, Text
from bot.sources.feeds.newest import newest

_VERSION = re.compile(r"(?:https?://)?(?:www\.)?jsonfeed\.org/|1(?:\.[01])?$", re.IGNORECASE)

# Strings as a whole, so that their content is not taken for structure; and trailing commas.
_DAMAGE = re.compile(r'"(?:[^"\\]|\\.)*+"|,(?=\s*[\]}])', re.DOTALL)
_ESCAPE = re.compile(r'\\(?!["\\/bfnrt]|u[0-9a-fA-F]{4})(?<!\\\\)')
_MOST_ATTACHED = 100


def build_feed(text: str, url: str, limit: int) -> ParsedFeed:
    """The feed in a JSON text. Raises `NotAFeed`."""
    value = _parsed(text)
    if isinstance(value, Unreadable):
        repaired = _parsed(_repaired(text))
        if isinstance(repaired, Unreadable):
            raise NotAFeed(str(value))
        value = repaired
    if not isinstance(value, Mapping) or not isinstance(value.get("items"), list):
        raise NotAFeed(mark("JSON, but not a JSON Feed"))
    if not _VERSION.match(_text(value, "version")):
        raise NotAFeed(
            mark("JSON, but not a JSON Feed: its version should be https://jsonfeed.org/version/1.1")
        )
    items = value["items"]
    link = resolve(home, url) if (home := _text(value, "home_page_url")) else ""
    base = link if is_web(link) else url
    return ParsedFeed(
        title=Text(_text(value, "title"), plain=True),
        link=link,
        page=link if is_web(link) else "",
        language=_text(value, "language"),
        entries=[_entry(item, number, base) for number, item in newest(items, limit, _dates)],
        total=len(items),
    )


def _parsed(text: str) -> object:
    _, value = next(documents(BytesIO(text.encode("utf-8", "replace")), "feed.json"), (1, None))
    return value


def _repaired(text: str) -> str:
    """The text without trailing commas and invalid escapes."""
    return _DAMAGE.sub(lambda piece: "" if piece[0] == "," else _ESCAPE.sub(r"\\\\", piece[0]), text)


def _entry(item: object, number: int, base: str) -> FeedEntry:
    entry = FeedEntry(number, base)
    if not isinstance(item, Mapping):
        entry.error = mark("expected a mapping of fields")
        return entry
    entry.guid = _text(item, "id")
    page = _text(item, "url")
    pages = [page, entry.guid if is_web(entry.guid) else "", _text(item, "external_url")]
    entry.url, *entry.stand_ins = [address for address in pages if address] or [""]
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
        entry.stand_ins = [*entry.stand_ins, address]
        if kind.startswith("image/"):
            entry.pictures = (*entry.pictures, Picture(address))
        elif kind.startswith("video/") and position == 0:
            entry.video = True
        elif kind.startswith("audio/") and position == 0:
            entry.podcast = True
    if not entry.url and entry.stand_ins:
        entry.url, *entry.stand_ins = entry.stand_ins
    return entry


def _dates(item: object) -> list[str]:
    fields = item if isinstance(item, Mapping) else {}
    names = ("date_published", "date_modified")
    return [_text(fields, name) or "not a text" for name in names if fields.get(name)]


def _attachments(item: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The types and addresses of attachments."""
    attached = item.get("attachments")
    for attachment in attached[:_MOST_ATTACHED] if isinstance(attached, list) else ():
        if isinstance(attachment, Mapping) and (address := _text(attachment, "url")):
            yield _text(attachment, "mime_type").lower(), address


def _text(value: Mapping[str, object], name: str) -> str:
    """The text of a field. Numbers, common for ids and dates, are converted."""
    field_value = value.get(name)
    if (
        isinstance(field_value, int | float)
        and not isinstance(field_value, bool)
        and abs(field_value) < 10**18
    ):
        return str(field_value)
    return field_value.strip() if isinstance(field_value, str) else ""
