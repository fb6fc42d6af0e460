"""Which topics a record belongs to, and why: declared topics, keywords and queries, for all servers at once.

A server topic has a query and counts for its server alone. Matching is for all servers at once and cheap; explaining
a match takes a hundred times as long, so matches are filtered by who asks before they are explained.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from types import MappingProxyType

from bot.domain.model import Record, Topic, TopicMatch
from bot.domain.text.words import name_key
from bot.domain.topics.keywords import KeywordIndex
from bot.domain.topics.learned import TitleModel
from bot.domain.topics.query.document import Document
from bot.domain.topics.query.language import Query, QueryError, explain, matched_fields, matches, parse
from bot.domain.topics.query.meter import Label, Meter
from bot.domain.topics.query.percolator import Matcher
from bot.domain.topics.tree import TopicTree


class TopicMatcher:
    """Matches records against the topics of `trees`: the trees by server, with the shared one at 0.

    `refused` are topics whose stored query cannot be read any more, each with its error: they go on without it.
    `parsed` has queries by their text, so those of an earlier matcher need not be parsed again. `meter` counts what
    matching costs. `titles` guesses a root topic where nothing else says one. A suspended topic is in its tree, and its query matches nothing.
    """

    def __init__(
        self,
        trees: Mapping[int, TopicTree],
        parsed: Mapping[str, Query] | None = None,
        meter: Meter | None = None,
        titles: TitleModel | None = None,
    ) -> None:
        self.meter = meter or Meter()
        self.titles = titles
        self.refused: list[tuple[Topic, QueryError]] = []
        self.parsed: dict[str, Query] = {}
        self._trees = trees
        self._reader: int | None = None  # the server that asks; None: an intake, for all
        self._keywords = KeywordIndex(trees[0])
        self._queries: dict[Label, Query] = {}
        self._percolator: Matcher[Label] = Matcher()
        for tree in trees.values():
            for topic in tree.additions():
                self._add(topic, parsed or {})

    def _add(self, topic: Topic, parsed: Mapping[str, Query]) -> None:
        if not topic.query or topic.suspended:
            return
        try:
            query = parsed.get(topic.query) or parse(topic.query)
        except QueryError as error:  # the language was wider when it was stored
            self.refused.append((topic, error))
            return
        label = (topic.guild_id, topic.name)
        self._queries[label] = self.parsed[topic.query] = query
        self._percolator.add(label, query)

    def visible_to(self, guild_id: int) -> TopicMatcher:
        """The same matcher for a server (0: for everybody): it finds shared topics and that server's alone."""
        matcher = copy(self)
        matcher._reader = guild_id
        return matcher

    def match(self, title: str, excerpt: str = "", language: str = "") -> dict[str, tuple[str, ...]]:
        """Topic name -> the keywords (as configured) that occur, for every shared topic that matches by keyword."""
        return self._keywords.match(title, excerpt, language)

    def matched(self, record: Record) -> dict[str, tuple[str, ...]]:
        """Shared topic's name -> the keywords and words of the record that match it."""
        return {name: words for (_, name), words in self._explained(record, 0, {}).items()}

    def of(
        self, record: Record, guild_id: int = 0, cut: Mapping[str, str] = MappingProxyType({})
    ) -> tuple[TopicMatch, ...]:
        """Declared and matched topics of a record, declared ones first.

        A declared topic is trusted even where it is not configured; where it is, it gets the configured name.
        A record of a server's own source, that of `guild_id`, declares topics that this server has: other names are
        left out, as no server makes topics for everybody. Server topics are those of the reader (`visible_to`);
        without one, those of all servers that can see the record, as an intake stores them. `cut`: the words of its texts, see `Document.of`.
        """
        matched = self._explained(record, self._reader if self._reader is not None else guild_id or None, cut)
        every: dict[Label, TopicMatch] = {}
        for declared in record.topics:
            topic = self._tree(guild_id).resolve(declared)
            if topic is None and guild_id:
                continue
            label = (topic.guild_id, topic.name) if topic else (0, declared)
            match = TopicMatch(label[1], True, matched.get(label, ()), label[0])
            every.setdefault((label[0], label[1].casefold()), match)
        for (server, name), words in matched.items():
            every.setdefault((server, name_key(name)), TopicMatch(name, False, words, server))
        if not any(server == 0 for server, _ in every) and (guess := self._guess(record)) is not None:
            every[0, name_key(guess.topic)] = guess
        return tuple(every.values())

    def _guess(self, record: Record) -> TopicMatch | None:
        """A root topic by what words have been learned to say, of those that there are."""
        guess = (
            self.titles.guess(f"{record.title} {record.excerpt}", record.language) if self.titles else None
        )
        topic = self._trees[0].resolve(guess.topic) if guess else None
        if guess is None or topic is None or topic.parent:
            return None
        return TopicMatch(topic.name, False, guess.words, learned=True)

    def match_one(self, topic: Topic, record: Record, guild_id: int = 0) -> TopicMatch | None:
        """As `of` for a single server topic, and as cheap as its query; None where the record does not belong to it."""
        declared = any(self._tree(guild_id).resolve(name) == topic for name in record.topics)
        query, document = parse(topic.query), self.document(record)
        words = reasons(query, document) if matches(query, document) else None
        if words is None and not declared:
            return None
        return TopicMatch(topic.name, declared, words or (), topic.guild_id)

    def document(self, record: Record) -> Document:
        """A record as queries see it: its topics are the declared ones, those of keywords, and all above them."""
        return self._document(record, self.match(record.title, record.excerpt, record.language), {})

    def _tree(self, guild_id: int) -> TopicTree:
        return self._trees.get(guild_id, self._trees[0])

    def _explained(
        self, record: Record, guild_id: int | None, cut: Mapping[str, str]
    ) -> dict[Label, tuple[str, ...]]:
        """The topics that match, each with the words that made it: shared ones and those of one server (None: of all)."""
        by_keyword = self.match(record.title, record.excerpt, record.language)
        words = {(0, name): keywords for name, keywords in by_keyword.items()}
        if self._queries:
            document = self._document(record, by_keyword, cut)
            why: dict[Query, tuple[str, ...]] = {}
            for label in sorted(self._matching(document, guild_id)):
                query = self._queries[label]
                if query not in why:
                    why[query] = reasons(query, document)
                words[label] = tuple(dict.fromkeys((*words.get(label, ()), *why[query])))
        return words

    def _matching(self, document: Document, guild_id: int | None) -> Iterable[Label]:
        """The topics whose queries match; what that costs is counted for an intake alone."""
        spent: dict[Label, int] = {}
        labels = self._percolator.match(document, spent)
        if self._reader is None:
            self.meter.count(spent, guild_id or 0)
        return labels if guild_id is None else [label for label in labels if label[0] in (0, guild_id)]

    def _document(self, record: Record, by_keyword: Iterable[str], cut: Mapping[str, str]) -> Document:
        shared = self._trees[0]
        configured = (shared.resolve(name) for name in record.topics)
        names = dict.fromkeys((*record.topics, *(t.name for t in configured if t), *by_keyword))
        above = (ancestor for name in names for ancestor in shared.ancestors(name))
        return Document.of(record, dict.fromkeys((*names, *above)), cut)


def reasons(query: Query, document: Document) -> tuple[str, ...]:
    """What made a document match: its words, as they stand there, then fields, as queries write them; each once."""
    marks = explain(query, document)
    words = (document.texts[mark.text][mark.start : mark.end] for mark in marks)
    return tuple(dict.fromkeys((*words, *matched_fields(query, document))))
