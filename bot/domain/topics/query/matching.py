"""Records that match a query or a topic, and the words that made them match. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.domain.model import Stored
from bot.domain.text.words import token_places
from bot.domain.topics.keywords import keyword_tokens
from bot.domain.topics.query.document import Document
from bot.domain.topics.query.language import Mark


@dataclass(frozen=True, slots=True)
class MatchingRecord:
    """A record that matches, how queries see it, and its `words` that made it match."""

    stored: Stored
    document: Document
    words: Sequence[Mark]


def keyword_marks(keywords: Iterable[str], document: Document) -> tuple[Mark, ...]:
    """Where keywords stand in the title, as topics find them: by `tokens`."""
    places = list(token_places(document.texts["title"]))
    written = [place.word for place in places]
    marks = {
        Mark("title", places[start].start, places[start + len(keyword) - 1].end)
        for keyword in map(keyword_tokens, keywords)
        for start in range(len(written) - len(keyword) + 1)
        if keyword and all(token.matches(word) for token, word in zip(keyword, written[start:], strict=False))
    }
    return tuple(sorted(marks))
