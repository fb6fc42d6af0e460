"""All topics as one reader sees them: a tree of names, and a matcher for all servers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from copy import copy

from bot.domain.model import Topic
from bot.domain.text.words import name_key
from bot.domain.topics.learned import TitleModel
from bot.domain.topics.matcher import TopicMatcher
from bot.domain.topics.query.language import Query
from bot.domain.topics.query.meter import Meter
from bot.domain.topics.tree import TopicTree


class Topics(TopicTree):
    """The tree of a reader, with the `matcher` that finds topics for the same reader.

    As it is made, it is an intake's: its tree has the shared topics, and its matcher finds those of all servers.
    `parsed` and `meter` are those of the matcher that this one replaces; `titles` guesses a topic where no keyword hits.
    """

    def __init__(
        self,
        topics: Iterable[Topic] = (),
        parsed: Mapping[str, Query] | None = None,
        meter: Meter | None = None,
        titles: TitleModel | None = None,
    ) -> None:
        by_guild: dict[int, list[Topic]] = {0: []}
        for topic in topics:
            by_guild.setdefault(topic.guild_id, []).append(topic)
        super().__init__(by_guild.pop(0))
        self._servers_by_name: dict[str, set[int]] = {}
        for guild_id, of_server in by_guild.items():
            for topic in of_server:
                self._servers_by_name.setdefault(name_key(topic.name), set()).add(guild_id)
        self._servers: dict[int, Topics] = {}
        self._servers |= {
            guild_id: self.with_own(of_server) for guild_id, of_server in {0: (), **by_guild}.items()
        }
        self.matcher = TopicMatcher({**self._servers, 0: self}, parsed, meter, titles)
        for guild_id, topics_there in self._servers.items():
            topics_there.matcher = self.matcher.visible_to(guild_id)

    def with_own(self, of_server: Iterable[Topic]) -> Topics:
        """What a server would see that had these topics of its own; its matcher is not theirs."""
        view = copy(self)
        TopicTree.__init__(view, of_server, shared=self)
        return view

    def visible_to(self, guild_id: int) -> Topics:
        """What a server sees: the shared topics and its own (0: the shared ones)."""
        return self._servers.get(guild_id, self._servers[0])

    def servers_with(self, key: str) -> Collection[int]:
        """The servers that have a topic of that name (`name_key`) of their own."""
        return self._servers_by_name.get(key, ())
