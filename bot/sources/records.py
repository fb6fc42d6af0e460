"""Parses record files into records and rejected items.

The fields are those of the record format (`webUrl`, `title`, `provider`, `related` ...). A wrong
type in a record rejects the record; an error in a `related` entry rejects only that entry. `secured` is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from html import unescape
from io import BytesIO
from typing import BinaryIO, cast, get_args

from bot.domain.model import Image, Outlet, Record, RecordType
from bot.domain.records.identity import canonical, publisher_address, registered_domain
from bot.domain.text.cleaning import clip, repair
from bot.domain.text.words import name_key
from bot.sources.documents import Unreadable, documents
from bot.sources.feeds.dates import unknown_zone
from bot.sources.feeds.links import clean_address
from bot.sources.feeds.wrappers import unwrap
from bot.sources.fields import FieldError, Fields, describe_value, require_text
from bot.sources.model import Item, Rejected

MAX_TITLE = 300
MAX_EXCERPT = 1000
MAX_OUTLET = 80
MAX_TOPIC = 80
MAX_TOPICS = 50
MAX_RELATED = 200
MAX_LANGUAGE = 35  # the longest language tag in use
MAX_REJECTED = 1000  # in a file, which is then given up

_SMALLEST_IMAGE = 50  # pixels per side; smaller ones are icons and tracking pixels
_LARGEST_IMAGE = 20_000
_IFRAME = re.compile(r"""<iframe\b[^>]{0,500}?\ssrc\s*=\s*["']?([^"'\s>]+)""", re.IGNORECASE)
_MAX_MARKUP = 5000
_REASON = 300


@dataclass(frozen=True, slots=True)
class Parsed:
    """The records of a file, and its rejected items."""

    items: tuple[Item, ...]
    rejected: tuple[Rejected, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes of all items for the log: `path: item: related[3].quality: expected ...`."""
        return tuple(f"{item.path}: {item.item}: {note}" for item in self.items for note in item.notes)


def parse(data: bytes, path: str, default_quality: int = 0) -> Parsed:
    """All records of a file, whose suffix determines the format. Never raises."""
    items: list[Item] = []
    rejected: list[Rejected] = []
    for result in read(BytesIO(data), path, default_quality):
        if isinstance(result, Item):
            items.append(result)
        else:
            rejected.append(result)
    return Parsed(tuple(items), tuple(rejected))


def read(
    stream: BinaryIO, path: str, default_quality: int = 0, limit: int | None = None
) -> Iterator[Item | Rejected]:
    """The records of a file one by one; reads at most `limit` bytes.

    Raises the errors of the stream. Skips topic definitions. Gives up a file after a thousand rejected items, and says
    so in the last reason.
    """
    count_rejected = 0
    for number, value in documents(stream, path, limit):
        try:
            if isinstance(value, Unreadable):
                raise value
            if isinstance(value, Mapping) and value.get("taxonomy") == "topic":
                continue
            record, notes = record_from_mapping(value, default_quality)
            yield Item(path, number, record, notes)
        except ValueError as error:
            count_rejected += 1
            reason = clip(str(error), _REASON)
            if count_rejected == MAX_REJECTED:
                reason += f" ({MAX_REJECTED:,} items of this file were rejected; the rest is ignored)"
            yield Rejected(path, number, reason)
            if count_rejected == MAX_REJECTED:
                return


def record_from_mapping(value: object, default_quality: int = 0) -> tuple[Record, tuple[str, ...]]:
    """A record, and notes about parts that were left out. Raises `ValueError` that names the invalid field.

    `default_quality` applies to the record itself; the default of related records is 0.
    """
    notes: list[str] = []
    fields = Fields(value)
    record = _record(fields, default_quality, notes)
    related = _related(fields, {record.key, *record.twins}, notes)
    return (replace(record, related=related) if related else record), tuple(notes)


def _related(fields: Fields, keys: set[str], notes: list[str]) -> tuple[Record, ...]:
    """The usable related records, each page once, without pages in `keys`."""
    records: list[Record] = []
    for count, (name, entry) in enumerate(fields.entries("related")):
        if count == MAX_RELATED:
            notes.append(f"{name}: this and all later entries are ignored, as the limit is {MAX_RELATED}")
            break
        try:
            record = _record(Fields(entry, f"{name}."), 0, notes)
        except FieldError as error:
            notes.append(f"{error}; ignored")
            continue
        if record.key not in keys:
            keys.add(record.key)
            records.append(record)
    return tuple(records)


def _record(fields: Fields, default_quality: int, notes: list[str]) -> Record:
    """A record without its related records."""
    removed = fields.flag("removed")
    url_field, url = _url(fields)
    try:
        key = canonical(url)
    except ValueError as error:
        raise fields.error(url_field, str(error)) from None
    title = fields.text("title", MAX_TITLE)
    if not title and not removed:
        raise fields.error("title", "missing")
    heat = fields.whole_number("heat", -1)
    return Record(
        key=key,
        url=publisher_address(url),
        title=title,
        outlet=_outlet(fields.inner("provider"), key, notes),
        excerpt=fields.text("excerpt", MAX_EXCERPT),
        published=_published(fields, notes),
        type=_type(fields, notes),
        quality=fields.whole_number("quality", default_quality),
        heat=heat if heat >= 0 else None,
        notable=fields.flag("published"),
        topics=_topics(fields, notes),
        image=_image(fields),
        twins=_other_versions(fields, url, key, notes),
        language=fields.text("language", MAX_LANGUAGE),
        removed=removed,
    )


def _published(fields: Fields, notes: list[str]) -> datetime | None:
    reading = fields.date("publishedDateTime")
    if reading is None:
        return None
    if reading.unknown_zone:
        notes.append(f"{fields.name('publishedDateTime')}: {unknown_zone(reading)}")
    return reading.moment


def _url(fields: Fields) -> tuple[str, str]:
    """The name of the field with the page's address, and the address."""
    for field in ("webUrl", "originalUrl"):
        if url := fields.raw_text(field).strip():
            return field, unwrap(clean_address(url))
    frame = _IFRAME.search(fields.raw_text("featuredContent")[:_MAX_MARKUP])
    if frame is None:
        raise fields.error(
            "webUrl", "missing, and neither originalUrl nor an iframe in featuredContent replaces it"
        )
    source = unescape(frame[1])
    return "featuredContent", f"https:{source}" if source.startswith("//") else source


def _other_versions(fields: Fields, url: str, key: str, notes: list[str]) -> tuple[str, ...]:
    """The canonical addresses of other versions of the page."""
    twins: dict[str, None] = {}
    for field in ("originalUrl", "ampWebUrl", "cdnAmpWebUrl"):
        twin = fields.raw_text(field).strip()
        if twin and twin != url:
            try:
                twins[canonical(twin)] = None
            except ValueError as error:
                notes.append(f"{fields.name(field)}: {error}; ignored")
    twins.pop(key, None)
    return tuple(twins)


def _outlet(provider: Fields, key: str, notes: list[str]) -> Outlet:
    """The outlet: the provider, or else the owner of the page's host."""
    name = provider.text("name", MAX_OUTLET)
    try:
        domain = registered_domain(provider.raw_text("domain") or key)
    except FieldError:
        raise
    except ValueError as error:
        notes.append(f"{provider.name('domain')}: {error}; using the domain of the page")
        domain = registered_domain(key)
    return Outlet(name or clip(domain, MAX_OUTLET), domain)


def _type(fields: Fields, notes: list[str]) -> RecordType:
    declared = fields.text("type", MAX_LANGUAGE)
    if declared in get_args(RecordType):
        return cast(RecordType, declared)
    if declared:
        expected = " or ".join(get_args(RecordType))
        notes.append(
            f"{fields.name('type')}: expected {expected}, got {describe_value(declared)}; treated as article"
        )
    return "article"


def _topics(fields: Fields, notes: list[str]) -> tuple[str, ...]:
    topics: dict[str, str] = {}
    for name, entry in fields.entries("topics"):
        topic = repair(require_text(entry, name), MAX_TOPIC)
        if name_key(topic) not in topics and len(topics) == MAX_TOPICS:
            notes.append(f"{name}: this and all later entries are ignored, as the limit is {MAX_TOPICS}")
            break
        if topic:
            topics.setdefault(name_key(topic), topic)
    return tuple(topics.values())


def _image(fields: Fields) -> Image | None:
    """The first picture with a safe address and a reasonable size."""
    for name, entry in fields.entries("images"):
        image = Fields({"url": entry} if isinstance(entry, str) else entry, f"{name}.")
        url, width, height = (
            clean_address(image.raw_text("url")),
            image.whole_number("width"),
            image.whole_number("height"),
        )
        if all(side == 0 or _SMALLEST_IMAGE <= side <= _LARGEST_IMAGE for side in (width, height)):
            try:
                canonical(url)
            except ValueError:
                continue
            return Image(url, width, height)
    return None
