"""What `/search` answers: stories, each with a record that the query finds and its words in bold. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.domain.model import Stored, StoryView
from bot.domain.text.cleaning import length
from bot.domain.topics.query.document import Document
from bot.domain.topics.query.language import Mark
from bot.messages import marks
from bot.messages.message import Embed, escape_to
from bot.messages.story import around_title, list_pages

LINE = 400


@dataclass(frozen=True, slots=True)
class Hit:
    """A story, and a record of it that the query finds: the lead where it is one, else the first.

    `words` are those of the record that made it match, in `document`.
    """

    view: StoryView
    stored: Stored
    document: Document
    words: Sequence[Mark]


def line(hit: Hit) -> str:
    """Number, linked title with the words in bold, outlet, outlets, time; below it words that stand elsewhere."""
    record = hit.stored.record
    head, tail = around_title(hit.view, record)
    text = head + marks.linked(record.title, record.url, hit.words, LINE - length(head) - length(tail)) + tail
    if any(mark.text == "title" for mark in hit.words):
        return text
    around = marks.snippet(hit.document, hit.words)
    return f"{text}\n-# {around}" if around else text


def pages(query: str, hits: Sequence[Hit], note: str) -> tuple[Embed, ...]:
    """The stories in pages. `note` says below each what was left out, if anything."""
    made = list_pages(
        f"Search: {escape_to(query, 200)}",
        [f"• {line(hit)}" for hit in hits],
        "No story matches. Only whole words match. To match the beginning of a word, end it with *.",
    )
    return tuple(
        replace(page, footer=" · ".join(part for part in (page.footer, note) if part)) for page in made
    )
