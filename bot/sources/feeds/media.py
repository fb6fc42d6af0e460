"""Pictures, videos and attachments of an entry, with captions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Protocol

from bot.sources.feeds.html import is_decoration, pixels
from bot.sources.feeds.model import FeedEntry, Picture, Text
from bot.sources.feeds.namespaces import name_of

PICTURES = ("itunes:image", "image", "media:image")
_MOST = 100  # media of an entry
_PICTURE_FILE = re.compile(r"\.(?:jpe?g|png|gif|webp|avif)(?:[?#]|$)", re.IGNORECASE)
_VIDEO_FILE = re.compile(r"\.(?:mp4|m4v|mov|webm)(?:[?#]|$)", re.IGNORECASE)
_WORDS = ("media:title", "media:description", "media:text")


class Reader(Protocol):
    """Reads texts and addresses of elements."""

    def text(self, element: Any) -> Text:
        """The text of an element."""

    def resolve(self, element: Any, address: str) -> str:
        """An address in an element, made absolute if possible."""

    def address_in(self, element: Any) -> str:
        """The address of an image element."""


def add_media(entry: FeedEntry, elements: Iterable[tuple[str, Any]], reader: Reader) -> None:
    """Add the media in these named elements to the entry."""
    _Media(entry, reader).add(elements)


class _Media:
    """The media of an entry in document order."""

    def __init__(self, entry: FeedEntry, reader: Reader) -> None:
        self._entry = entry
        self._reader = reader
        self._pictures: list[Picture] = []
        self._attached: list[str] = []
        self._attached_pictures: list[str] = []
        self._captions: list[Text] = []
        self._count = 0
        self._first = True  # the next medium is the main one

    def add(self, elements: Iterable[tuple[str, Any]]) -> None:
        """Read the elements into the entry."""
        self._add(elements)
        entry = self._entry
        entry.pictures = self._pictures
        entry.captions = self._captions
        entry.stand_ins = [*self._attached, *self._attached_pictures]

    def _add(self, elements: Iterable[tuple[str, Any]]) -> None:
        for name, element in elements:
            if name == "media:group":
                self._add((name_of(inner.tag), inner) for inner in element)
                self._group(element)
                continue
            if name not in ("media:thumbnail", "media:content", "enclosure", *PICTURES):
                continue
            if self._count == _MOST:
                return
            self._count += 1
            if name == "media:thumbnail":
                self._picture(element, thumbnail=True)
            elif name in PICTURES:
                self._pictures.append(Picture(self._reader.address_in(element), thumbnail=True))
            else:
                self._medium(name, element)

    def _group(self, group: Any) -> None:
        """Use title and description of a group for an entry without them, as on YouTube."""
        entry = self._entry
        for element in group:
            name = name_of(element.tag)
            if name == "media:title" and entry.title is None and element.text:
                entry.title = self._reader.text(element)
            elif name in ("media:description", "media:text"):
                entry.texts = [*entry.texts, self._reader.text(element)]

    def _medium(self, name: str, element: Any) -> None:
        kind = (element.get("medium") or element.get("type") or "").lower()
        address = (element.get("url") or element.get("href") or "").strip()
        is_picture = kind.startswith("image") or (not kind and _PICTURE_FILE.search(address) is not None)
        if is_picture:
            self._picture(element)
        elif kind.startswith("video") or (not kind and _VIDEO_FILE.search(address)):
            self._entry.video = self._entry.video or self._first
        elif kind.startswith("audio"):
            self._entry.podcast = self._entry.podcast or self._first
        self._first = False
        if address and (name == "enclosure" or not is_picture):
            attached = self._attached_pictures if is_picture else self._attached
            attached.append(self._reader.resolve(element, address))
        for child in element:
            inner = name_of(child.tag)
            if inner == "media:thumbnail":
                self._picture(child, thumbnail=True)
            elif inner in _WORDS and child.text:
                self._captions.append(self._reader.text(child))

    def _picture(self, element: Any, *, thumbnail: bool = False) -> None:
        address = (element.get("url") or element.get("href") or element.text or "").strip()
        if not address or is_decoration(address):
            return
        width, height = pixels(element.get("width")), pixels(element.get("height"))
        self._pictures.append(Picture(self._reader.resolve(element, address), width, height, thumbnail))
