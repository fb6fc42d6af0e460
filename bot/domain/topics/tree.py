"""Topics: their names, their tree, and all matches of a record at once.

Keywords are kept in one trie of words, so that matching a title costs its length and not the
number of topics: whole words, without regard to case, in the fields that the topic names. The marks
inside a keyword count: as sites use it, `model driven app` does not stand for `model-driven app`.

A server topic has a query and counts for its server alone: `Topics` names the shared ones, `Topics.visible_to` a
server's besides. Matching is for all at once, and tells what the one who asks may see; an intake asks for all.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Collection, Iterable, Iterator, Mapping, MutableMapping, Sequence
from copy import copy
from dataclasses import replace
from typing import NamedTuple

from bot.domain.model import Record, Topic, TopicMatch
from bot.domain.text.cleaning import ELLIPSIS
from bot.domain.text.words import name_key, nearest, tokens
from bot.domain.topics.query.document import Document
from bot.domain.topics.query.language import Query, QueryError, explain, held, matches, parse
from bot.domain.topics.query.meter import Label, Meter
from bot.domain.topics.query.percolator import Matcher

ANYWHERE = ""  # in place of a topic's name: what belongs to it may come from anywhere


LONGEST_NAME = 100  # characters of what is compared with all names to find near misses


class _Keyword(NamedTuple):
    topic: str
    keyword: str
    in_excerpt: bool


class _Node:
    """A place in the trie: the words and marks that may follow, and the keywords that end here."""

    __slots__ = ("ends", "next")

    def __init__(self) -> None:
        self.next: dict[str, _Node] = {}
        self.ends: list[_Keyword] = []


class Topics:
    """The topics that are known, by any of their names. Names compare by `name_key`.

    `refused` are those whose queries cannot be read (any more), each with what is wrong: they go on without.
    `parsed` has queries by their text: those of topics that were known before need not be parsed again.
    `meter` counts what matching costs; it goes on with the topics that are made in place of these.
    A topic that is suspended is known by its names, and its query matches nothing.
    """

    def __init__(
        self,
        topics: Iterable[Topic] = (),
        parsed: Mapping[str, Query] | None = None,
        meter: Meter | None = None,
    ) -> None:
        self.meter = meter or Meter()
        by_guild: dict[int, list[Topic]] = {0: []}
        for topic in topics:
            by_guild.setdefault(topic.guild_id, []).append(topic)
        self._topics: MutableMapping[str, Topic] = {}
        self._by_name: MutableMapping[str, str] = {}
        self._children: MutableMapping[str, list[str]] = {}
        self._root = _Node()
        self._queries: dict[Label, Query] = {}
        self._matcher: Matcher[Label] = Matcher()
        self.refused: list[tuple[Topic, QueryError]] = []
        self.parsed: dict[str, Query] = {}
        self._know(by_guild.pop(0), parsed or {})
        self._sorted: Sequence[str] | None = None  # all names, once somebody asks
        self._guild_id: int | None = None  # who asks; None: an intake, for all
        self._views: dict[int, Topics] = {}
        for guild_id, own in (0, ()), *by_guild.items():
            self._views[guild_id] = view = copy(self)
            view._guild_id = guild_id
            if own:  # names that go before the shared ones, and cost no more than they are
                view._topics = ChainMap({}, self._topics)
                view._by_name = ChainMap({}, self._by_name)
                view._children = ChainMap({}, self._children)
                view._know(own, parsed or {})

    def _know(self, topics: Iterable[Topic], parsed: Mapping[str, Query]) -> None:
        known = {name_key(topic.name): topic for topic in topics}
        children: dict[str, list[str]] = {}
        for key, topic in known.items():
            self._topics[key] = topic
            self._by_name[key] = key
            self._find(topic, parsed)
        # Names go before shortnames, aliases and slugs, whatever the order of the topics.
        for key, topic in known.items():
            for other in (topic.shortname, *topic.aliases, topic.slug):
                if other:
                    self._by_name.setdefault(name_key(other), key)
            if topic.parent:
                children.setdefault(name_key(topic.parent), []).append(key)
        for parent, own in children.items():
            self._children[parent] = [*self._children.get(parent, ()), *own]

    def _find(self, topic: Topic, parsed: Mapping[str, Query]) -> None:
        """Have a topic found from now on: the shared ones by keywords and query, a server's by its query."""
        if topic.query and not topic.suspended:
            label = (topic.guild_id, topic.name)
            try:
                query = parsed.get(topic.query) or parse(topic.query)
            except QueryError as error:  # the language was wider when it was stored
                self.refused.append((topic, error))
            else:
                self._queries[label] = self.parsed[topic.query] = query
                self._matcher.add(label, query)
        for keyword in () if topic.guild_id else topic.keywords:
            sequence = tokens(keyword)
            if not sequence:
                continue
            node = self._root
            for word in sequence:
                node = node.next.setdefault(word, _Node())
            node.ends.append(_Keyword(topic.name, keyword, topic.fields == "title+excerpt"))

    def visible_to(self, guild_id: int) -> Topics:
        """As a server knows them: the shared ones and its own (0: shared ones alone)."""
        return self._views.get(guild_id, self._views[0])

    def __iter__(self) -> Iterator[Topic]:
        return iter(self._topics.values())

    def __len__(self) -> int:
        return len(self._topics)

    def resolve(self, name: str) -> Topic | None:
        """The topic of that name, shortname, alias or slug; None where there is none."""
        wanted = name_key(name)
        key = self._by_name.get(wanted)
        if key is None and name.rstrip().endswith(
            ELLIPSIS
        ):  # as completions end that are longer than Discord takes
            begun = {
                self._by_name[one] for one in self._by_name if one.startswith(wanted.removesuffix("..."))
            }
            key = begun.pop() if len(begun) == 1 else None
        return None if key is None else self._topics[key]

    def suggest(self, text: str, limit: int = 25) -> tuple[Topic, ...]:
        """Topics for what somebody has typed so far: prefixes first, then inner words, then near misses.

        Of nothing typed, the first by name.
        """
        wanted = name_key(text)
        if not wanted:
            return tuple(sorted(self, key=lambda topic: name_key(topic.name)))[:limit]
        ranked: dict[str, Topic] = {}
        names = self._names()
        for test in (str.startswith, str.__contains__):
            for name in names:
                if test(name, wanted):
                    topic = self._topics[self._by_name[name]]
                    ranked.setdefault(topic.name, topic)
        if not ranked and 0 < len(wanted) <= LONGEST_NAME:
            for name in nearest(wanted, names, limit):
                topic = self._topics[self._by_name[name]]
                ranked.setdefault(topic.name, topic)
        return tuple(ranked.values())[:limit]

    def _names(self) -> Sequence[str]:
        if self._sorted is None:
            self._sorted = sorted(filter(None, self._by_name))
        return self._sorted

    def ancestors(self, name: str) -> tuple[str, ...]:
        """The names above a topic, nearest first. A cycle ends where it would repeat."""
        found: list[str] = []
        seen = {name_key(name)}
        topic = self._topics.get(name_key(name))
        while topic is not None and topic.parent and name_key(topic.parent) not in seen:
            seen.add(name_key(topic.parent))
            parent = self._topics.get(name_key(topic.parent))
            found.append(parent.name if parent else topic.parent)
            topic = parent
        return tuple(found)

    def with_ancestors(self, names: Iterable[str]) -> frozenset[str]:
        """The names and all that stand above them, as keys (`name_key`): what a subscription may name."""
        found: set[str] = set()
        for name in names:
            found.add(name_key(name))
            found.update(name_key(ancestor) for ancestor in self.ancestors(name))
        return frozenset(found)

    def concerns(self, names: Iterable[str], wanted: Collection[str]) -> bool:
        """Whether what is about these topics may bring something on one in `wanted` (keys of names, or `ANYWHERE`).

        So does what is about the topic itself, one below it, or one above it: a site on technology writes of its parts.
        """
        if ANYWHERE in wanted:
            return True
        own = tuple(names)
        if not self.with_ancestors(own).isdisjoint(wanted):
            return True
        return not self.with_ancestors(wanted).isdisjoint(name_key(name) for name in own)

    def specific_first(self, names: Iterable[str]) -> tuple[str, ...]:
        """The same topics, those that stand above another of them last."""
        given = tuple(names)
        above = {name_key(ancestor) for name in given for ancestor in self.ancestors(name)}
        return tuple(sorted(given, key=lambda name: name_key(name) in above))

    def with_descendants(self, name: str) -> tuple[str, ...]:
        """The topic's own name and the names of all that stand below it."""
        own = self._topics.get(name_key(name))
        found = {name_key(name): own.name if own else name}
        queue = [name_key(name)]
        while queue:
            for child in self._children.get(queue.pop(), ()):
                if child not in found:
                    found[child] = self._topics[child].name
                    queue.append(child)
        return tuple(found.values())

    def match(self, title: str, excerpt: str = "") -> dict[str, tuple[str, ...]]:
        """Topic name -> the keywords (as configured) that occur, for every topic that matches."""
        found: dict[str, dict[str, None]] = {}
        for keyword in self._scan(tokens(title)):
            found.setdefault(keyword.topic, {})[keyword.keyword] = None
        if excerpt:
            for keyword in self._scan(tokens(excerpt)):
                if keyword.in_excerpt:
                    found.setdefault(keyword.topic, {})[keyword.keyword] = None
        return {topic: tuple(keywords) for topic, keywords in found.items()}

    def matched(self, record: Record) -> dict[str, tuple[str, ...]]:
        """Topic name -> the keywords and the words of the record that put it there, for every topic that matches.

        Of shared topics.
        """
        return {name: words for (_, name), words in self._matched(record, 0).items()}

    def _matched(self, record: Record, guild_id: int | None) -> dict[Label, tuple[str, ...]]:
        """The topics that match, with the words that made them: the shared ones and a server's own; None: all servers'.

        Only what is returned is explained: that takes a hundred times as long as the matching.
        """
        by_keyword = self.match(record.title, record.excerpt)
        found = {(0, name): keywords for name, keywords in by_keyword.items()}
        if self._queries:
            document = self._document(record, by_keyword)
            spent: dict[Label, int] = {}
            labels = self._matcher.match(document, spent)
            if self._guild_id is None:
                self.meter.count(spent, guild_id or 0)
            if guild_id is not None:
                labels = {label for label in labels if label[0] in (0, guild_id)}
            why: dict[Query, tuple[str, ...]] = {}
            for label in sorted(labels):
                query = self._queries[label]
                if query not in why:
                    why[query] = reasons(query, document)
                found[label] = tuple(dict.fromkeys((*found.get(label, ()), *why[query])))
        return found

    def match_one(self, topic: Topic, record: Record, guild_id: int = 0) -> TopicMatch | None:
        """As `of` for a single server topic, and as cheap as its query; None where the record does not belong to it."""
        declared = any(self.visible_to(guild_id).resolve(name) == topic for name in record.topics)
        query, document = parse(topic.query), self.document(record)
        words = reasons(query, document) if matches(query, document) else None
        if words is None and not declared:
            return None
        return TopicMatch(topic.name, declared, words or (), topic.guild_id)

    def document(self, record: Record) -> Document:
        """A record as queries see it: its topics are the declared ones, those of keywords, and all above them."""
        return self._document(record, self.match(record.title, record.excerpt))

    def _document(self, record: Record, by_keyword: Iterable[str]) -> Document:
        shared = self._views[0]
        configured = (shared.resolve(name) for name in record.topics)
        names = dict.fromkeys((*record.topics, *(t.name for t in configured if t), *by_keyword))
        above = (ancestor for name in names for ancestor in shared.ancestors(name))
        return Document.of(record, dict.fromkeys((*names, *above)))

    def _scan(self, text: Sequence[str]) -> Iterator[_Keyword]:
        first = self._root.next
        for start, word in enumerate(text):
            node = first.get(word)
            position = start + 1
            while node is not None:
                yield from node.ends
                node = node.next.get(text[position]) if position < len(text) else None
                position += 1

    def of(self, record: Record, guild_id: int = 0) -> tuple[TopicMatch, ...]:
        """Declared and matched topics of a record, declared ones first.

        A declared topic is trusted even where it is not configured; where it is, it gets the
        configured name. A record of a server's own source, that of `guild_id`, declares topics that this server
        knows: a name that is none (any more) is left out, as no server makes topics for everybody. Of server
        topics there are those that `visible_to` lets be seen; before it is asked all that can see the record, as an
        intake stores them.
        """
        asks = self._guild_id if self._guild_id is not None else guild_id or None
        matched = self._matched(record, asks)
        found: dict[Label, TopicMatch] = {}
        for declared in record.topics:
            topic = self.visible_to(guild_id).resolve(declared)
            if topic is None and guild_id:
                continue
            label = (topic.guild_id, topic.name) if topic else (0, declared)
            match = TopicMatch(label[1], True, matched.get(label, ()), label[0])
            found.setdefault((label[0], label[1].casefold()), match)
        for (guild_id, name), words in matched.items():
            found.setdefault((guild_id, name_key(name)), TopicMatch(name, False, words, guild_id))
        return tuple(found.values())


def reasons(query: Query, document: Document) -> tuple[str, ...]:
    """What made a document match: its words, as they stand there, then fields, as queries write them; each once."""
    marks = explain(query, document)
    words = (document.texts[mark.text][mark.start : mark.end] for mark in marks)
    return tuple(dict.fromkeys((*words, *held(query, document))))


def sought_by(topic: Topic) -> str:
    """What feeds that may bring something on a topic are about, as `Topics.concerns` takes it.

    A server topic is sought where its parent is; one without a parent may come from `ANYWHERE`.
    """
    return name_key(topic.parent) or ANYWHERE if topic.guild_id else name_key(topic.name)


def known_as(topic: Topic) -> frozenset[str]:
    """Everything that a topic goes by, by their keys (`name_key`)."""
    return frozenset(
        name_key(name) for name in (topic.name, topic.shortname, topic.slug, *topic.aliases) if name
    )


def merge_defaults(own: Iterable[Topic], others: Iterable[Topic]) -> tuple[Topic, ...]:
    """The topics, and of the others those that are none of them by another name.

    What stood below one of those stands below the topic that it is.
    """
    first = tuple(own)
    taken = {name: topic.name for topic in first for name in known_as(topic)}
    kept = (topic for topic in others if name_key(topic.name) not in taken)
    return (
        *first,
        *(replace(topic, parent=taken.get(name_key(topic.parent), topic.parent)) for topic in kept),
    )


def names(matches: Mapping[int, Sequence[TopicMatch]], ids: Iterable[int]) -> tuple[str, ...]:
    """The topics of several records, each once, in the order in which they are first met."""
    found: dict[str, str] = {}
    for record_id in ids:
        for match in matches.get(record_id, ()):
            found.setdefault(name_key(match.topic), match.topic)
    return tuple(found.values())
