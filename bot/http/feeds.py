"""The feed of a topic as Atom (RFC 4287) and as JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/). Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

from bot.domain.briefs.entry import StoryEntry, plain, timestamp

ATOM = "http://www.w3.org/2005/Atom"
JSON_FEED = "https://jsonfeed.org/version/1.1"
NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # when a feed without stories changed, as Atom wants a time


@dataclass(frozen=True, slots=True)
class PublishedFeed:
    """A feed to render. `url` is its own address without a token; empty: it is not known how others reach it."""

    guild_id: int
    topic: str
    url: str
    entries: tuple[StoryEntry, ...]

    @property
    def id(self) -> str:
        """The same for as long as the topic has this name, and of this server alone."""
        return f"urn:topicwire:feed:{self.guild_id}:{quote(self.topic, safe='')}"

    @property
    def updated(self) -> datetime:
        """When the newest article of its stories arrived."""
        return max((entry.updated for entry in self.entries), default=NEVER)


def atom(document: PublishedFeed) -> bytes:
    """The feed as Atom."""
    feed = ET.Element("feed", {"xmlns": ATOM})
    _text(feed, "id", document.id)
    _text(feed, "title", plain(document.topic))
    _text(feed, "updated", timestamp(document.updated))
    _text(feed, "generator", "Topicwire")
    if document.url:
        ET.SubElement(feed, "link", {"rel": "self", "type": "application/atom+xml", "href": document.url})
    for entry in document.entries:
        feed.append(_entry(entry))
    document_bytes: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return document_bytes


def _entry(story: StoryEntry) -> ET.Element:
    entry = ET.Element("entry", {"xml:lang": story.language} if story.language else {})
    _text(entry, "id", story.id)
    _text(entry, "title", story.title)
    ET.SubElement(entry, "link", {"rel": "alternate", "href": story.url})
    _text(entry, "updated", timestamp(story.updated))
    _text(entry, "published", timestamp(story.published))
    for outlet in story.outlets:
        _text(ET.SubElement(entry, "author"), "name", outlet)
    for topic in story.topics:
        ET.SubElement(entry, "category", {"term": topic})
    _text(entry, "summary", "\n".join(story.summary))
    _text(entry, "content", _html(story)).set("type", "html")
    for article in story.coverage:
        ET.SubElement(entry, "link", {"rel": "related", "href": article.url, "title": article.title})
    return entry


def _text(parent: ET.Element, name: str, text: str | None) -> ET.Element:
    """A child with a text; nothing where there is none."""
    child = ET.Element(name)
    if text is not None:
        child.text = text
        parent.append(child)
    return child


def json_feed(document: PublishedFeed) -> bytes:
    """The feed as JSON Feed."""
    feed: dict[str, Any] = {"version": JSON_FEED, "title": plain(document.topic)}
    if document.url:
        feed["feed_url"] = document.url
    feed["items"] = [dict(_item(entry)) for entry in document.entries]
    return json.dumps(feed).encode()


def _item(story: StoryEntry) -> Iterator[tuple[str, Any]]:
    yield "id", story.id
    yield "url", story.url
    yield "title", story.title
    yield "content_html", _html(story)
    if story.summary:
        yield "summary", "\n".join(story.summary)
    if story.image:
        yield "image", story.image
    if story.published is not None:
        yield "date_published", timestamp(story.published)
    yield "date_modified", timestamp(story.updated)
    yield "authors", [{"name": outlet} for outlet in story.outlets]
    yield "tags", list(story.topics)
    if story.language:
        yield "language", story.language
    yield (
        "_topicwire",
        {
            key: value
            for key, value in story.to_json().items()
            if key in ("number", "score", "notable", "articles", "coverage")
        },
    )


def _html(story: StoryEntry) -> str:
    """The summary as paragraphs, and the coverage as a list of links."""
    parts = [f"<p>{escape(paragraph)}</p>" for paragraph in story.summary]
    links = [
        f'<li><a href="{escape(article.url)}">{escape(article.title)}</a> ({escape(article.outlet)})</li>'
        for article in story.coverage
    ]
    if links:
        parts.append(f"<ul>{''.join(links)}</ul>")
    return "".join(parts) or f"<p>{escape(story.title)}</p>"
