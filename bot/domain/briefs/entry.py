"""A story for readers outside of Discord: one value, of which feeds, the JSON of `/stories` and forwards are made. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from bot.domain.briefs.brief import brief
from bot.domain.model import UNKNOWN_DATE, Coverage, Stored, StoryView
from bot.domain.stories.owners import NO_OWNERS, MediaOwners
from bot.domain.text.cleaning import repair

MOST_COVERAGE = 25  # articles beside the lead; `articles` counts all
LONGEST_TEXT = 1000  # UTF-16 units of a summary
# https://www.w3.org/TR/xml/#charsets: what an XML document cannot contain, not even escaped. Lone surrogates are no text at all.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_URL = "%!$&'()*+,;=:@/?#-._~[]"  # characters of an address besides letters and digits


@dataclass(frozen=True, slots=True)
class EntryArticle:
    """An article of a story. `relation` is `same` (a report of the event) or `background`."""

    title: str
    url: str
    outlet: str
    published: datetime | None
    relation: str


@dataclass(frozen=True, slots=True)
class StoryEntry:
    """What readers outside of Discord get of a story, as one server sees it.

    `summary`: what outlets say of it, a sentence or paragraph each. `outlets` are the names of those that report it, the
    lead's first. `coverage`: at most `MOST_COVERAGE` articles beside the lead, of `articles` in all. `published` is when
    the first article was published (None: no date can be read), `updated` when the newest one arrived.
    """

    number: int
    title: str
    url: str
    summary: tuple[str, ...]
    outlets: tuple[str, ...]
    topics: tuple[str, ...]
    coverage: tuple[EntryArticle, ...]
    articles: int
    score: int
    notable: bool
    published: datetime | None
    updated: datetime
    language: str = ""
    image: str = ""

    @property
    def id(self) -> str:
        """The same for as long as the story goes on."""
        return entry_id(self.number)

    def to_json(self) -> dict[str, Any]:
        """The story with the field names of docs/howto/readers.md, which stay as they are."""
        return {
            "id": self.id,
            "number": self.number,
            "title": self.title,
            "url": self.url,
            "summary": "\n".join(self.summary),
            "outlets": list(self.outlets),
            "topics": list(self.topics),
            "score": self.score,
            "notable": self.notable,
            "published": timestamp(self.published),
            "updated": timestamp(self.updated),
            "language": self.language,
            "image": self.image,
            "articles": self.articles,
            "coverage": [
                {
                    "title": article.title,
                    "url": article.url,
                    "outlet": article.outlet,
                    "published": timestamp(article.published),
                    "relation": article.relation,
                }
                for article in self.coverage
            ],
        }


def entry_id(number: int) -> str:
    """The identifier of a story in feeds and JSON."""
    return f"urn:topicwire:story:{number}"


def timestamp(time: datetime | None) -> str | None:
    """A UTC time to the second, as RFC 3339 has it; None where there is none.

    >>> from datetime import UTC
    >>> timestamp(datetime(2026, 3, 2, 12, 0, 1, 999, UTC))
    '2026-03-02T12:00:01Z'
    """
    return None if time is None else f"{time.replace(microsecond=0, tzinfo=None).isoformat()}Z"


def plain(text: str) -> str:
    """A text without the characters that no XML document may contain."""
    return _NOT_XML.sub("", text)


def web_address(url: str) -> str:
    """An address in which every character that an address may not contain is escaped."""
    return quote(plain(url), safe=_URL, errors="replace")


def story_entry(view: StoryView, owners: MediaOwners = NO_OWNERS) -> StoryEntry:
    """What readers get of a story. Its summary is the brief of its posts, or else the excerpt of the lead."""
    lead = view.lead.record
    sentences = tuple(plain(sentence.text) for sentence in brief(view, owners))
    excerpt = repair(plain(lead.excerpt), LONGEST_TEXT)
    outlets = dict.fromkeys([lead.outlet.name, *(member.record.outlet.name for member in view.members)])
    return StoryEntry(
        number=view.number,
        title=plain(lead.title),
        url=web_address(lead.url),
        summary=sentences or ((excerpt,) if excerpt else ()),
        outlets=tuple(map(plain, outlets)),
        topics=tuple(map(plain, view.topics)),
        coverage=tuple(map(_article, view.coverage[:MOST_COVERAGE])),
        articles=1 + len(view.coverage),
        score=view.heat,
        notable=view.notable,
        published=min(filter(None, (_date(member) for member in view.members)), default=None),
        updated=max(member.first_seen for member in view.members),
        language=lead.language,
        image=web_address(lead.image.url) if lead.image else "",
    )


def _article(entry: Coverage) -> EntryArticle:
    record = entry.stored.record
    return EntryArticle(
        plain(record.title),
        web_address(record.url),
        plain(record.outlet.name),
        _date(entry.stored),
        entry.relation.value,
    )


def _date(stored: Stored) -> datetime | None:
    """When an article was published; None where that cannot be read."""
    return stored.published if stored.published != UNKNOWN_DATE else None
