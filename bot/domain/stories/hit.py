"""Search results: matching stories, and what was left out."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.model import StoryView
from bot.domain.topics.query.matching import MatchingRecord


@dataclass(frozen=True, slots=True)
class Hit:
    """A story, and a record of it that the query finds: the lead where it is one, else the first."""

    view: StoryView
    match: MatchingRecord


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why there may be more: only so many `stories` are shown, or only so many possible matches were `checked`."""

    stories: int | None = None
    checked: int | None = None
