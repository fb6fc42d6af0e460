"""A topic in the list of all topics, as a value: `bot.messages.topics` puts it in words."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.model import Topic
from bot.domain.stories.ranking import Spike


@dataclass(frozen=True, slots=True)
class TopicRow:
    """A topic with the number of its recent stories. `depth` is how many topics it stands below in the list.

    `parent` is the name of its parent where the list is not a tree; `spike`: it has far more stories than usual.
    """

    topic: Topic
    stories: int
    depth: int = 0
    parent: str = ""
    spike: Spike | None = None
    is_subscribed: bool = False
