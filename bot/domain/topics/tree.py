"""Topics by name, and the tree of parents."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Collection, Iterable, Iterator, MutableMapping, Sequence
from dataclasses import replace

from bot.domain.model import Topic
from bot.domain.text.cleaning import ELLIPSIS
from bot.domain.text.words import name_key, nearest

ANYWHERE = ""  # in place of a topic's name: what belongs to it may come from anywhere
LONGEST_NAME = 100  # characters of what is compared with all names to find near misses


class TopicTree:
    """Topics by any of their names, which compare by `name_key`, with their parents.

    With `shared`, the topics of a server on top of the shared ones. Where both have a name, it means the server's
    topic. Such a tree costs no more memory than its own topics.
    """

    def __init__(self, topics: Iterable[Topic] = (), shared: TopicTree | None = None) -> None:
        additions = {name_key(topic.name): topic for topic in topics}
        names = {key: key for key in additions}
        children: dict[str, list[str]] = {}
        # Names go before shortnames, aliases and slugs, whatever the order of the topics.
        for key, topic in additions.items():
            for other in (topic.shortname, *topic.aliases, topic.slug):
                if other:
                    names.setdefault(name_key(other), key)
            if topic.parent:
                children.setdefault(name_key(topic.parent), []).append(key)
        self._own = additions
        self._topics: MutableMapping[str, Topic] = additions
        self._by_name: MutableMapping[str, str] = names
        self._children: MutableMapping[str, list[str]] = children
        self._sorted: Sequence[str] | None = None  # all names, once somebody asks
        if shared is not None:
            both = {parent: [*shared._children.get(parent, ()), *added] for parent, added in children.items()}
            self._topics = ChainMap(additions, shared._topics)
            self._by_name = ChainMap(names, shared._by_name)
            self._children = ChainMap(both, shared._children)

    def additions(self) -> Iterable[Topic]:
        """The topics that are not from the shared tree below."""
        return self._own.values()

    def __iter__(self) -> Iterator[Topic]:
        return iter(self._topics.values())

    def __len__(self) -> int:
        return len(self._topics)

    def resolve(self, name: str) -> Topic | None:
        """The topic of that name, shortname, alias or slug; None where there is none."""
        name_wanted = name_key(name)
        key = self._by_name.get(name_wanted)
        if key is None and name.rstrip().endswith(
            ELLIPSIS
        ):  # as completions end that are longer than Discord takes
            begun = {
                self._by_name[known_name]
                for known_name in self._by_name
                if known_name.startswith(name_wanted.removesuffix("..."))
            }
            key = begun.pop() if len(begun) == 1 else None
        return None if key is None else self._topics[key]

    def suggest(self, text: str, limit: int = 25) -> tuple[Topic, ...]:
        """Topics for what somebody has typed so far: prefixes first, then inner words, then near misses.

        Of nothing typed, the first by name.
        """
        typed = name_key(text)
        if not typed:
            return tuple(sorted(self, key=lambda topic: name_key(topic.name)))[:limit]
        ranked: dict[str, Topic] = {}
        names = self._names()
        for test in (str.startswith, str.__contains__):
            for name in names:
                if test(name, typed):
                    topic = self._topics[self._by_name[name]]
                    ranked.setdefault(topic.name, topic)
        if not ranked and 0 < len(typed) <= LONGEST_NAME:
            for name in nearest(typed, names, limit):
                topic = self._topics[self._by_name[name]]
                ranked.setdefault(topic.name, topic)
        return tuple(ranked.values())[:limit]

    def _names(self) -> Sequence[str]:
        if self._sorted is None:
            self._sorted = sorted(filter(None, self._by_name))
        return self._sorted

    def ancestors(self, name: str) -> tuple[str, ...]:
        """The names above a topic, nearest first. A cycle ends where it would repeat."""
        names: list[str] = []
        seen = {name_key(name)}
        topic = self._topics.get(name_key(name))
        while topic is not None and topic.parent and name_key(topic.parent) not in seen:
            seen.add(name_key(topic.parent))
            parent = self._topics.get(name_key(topic.parent))
            names.append(parent.name if parent else topic.parent)
            topic = parent
        return tuple(names)

    def root(self, name: str) -> str:
        """The topmost name above a topic, or its own."""
        return (name, *self.ancestors(name))[-1]

    def with_ancestors(self, names: Iterable[str]) -> frozenset[str]:
        """The names and all that stand above them, as keys (`name_key`): what a subscription may name."""
        keys: set[str] = set()
        for name in names:
            keys.add(name_key(name))
            keys.update(name_key(ancestor) for ancestor in self.ancestors(name))
        return frozenset(keys)

    def concerns(self, names: Iterable[str], followed: Collection[str]) -> bool:
        """Whether what is about these topics may bring something on one in `followed` (keys of names, or `ANYWHERE`).

        So does what is about the topic itself, one below it, or one above it: a site on technology writes of its parts.
        """
        if ANYWHERE in followed:
            return True
        about = tuple(names)
        if not self.with_ancestors(about).isdisjoint(followed):
            return True
        return not self.with_ancestors(followed).isdisjoint(name_key(name) for name in about)

    def specific_first(self, names: Iterable[str]) -> tuple[str, ...]:
        """The same topics, those that stand above another of them last."""
        given = tuple(names)
        above = {name_key(ancestor) for name in given for ancestor in self.ancestors(name)}
        return tuple(sorted(given, key=lambda name: name_key(name) in above))

    def with_descendants(self, name: str) -> tuple[str, ...]:
        """The topic's own name and the names of all that stand below it."""
        root = self._topics.get(name_key(name))
        names = {name_key(name): root.name if root else name}
        queue = [name_key(name)]
        while queue:
            for child in self._children.get(queue.pop(), ()):
                if child not in names:
                    names[child] = self._topics[child].name
                    queue.append(child)
        return tuple(names.values())


def feed_topic_of(topic: Topic) -> str:
    """The topic by which feeds for a topic are chosen, as a key for `TopicTree.concerns`.

    A server topic is sought where its parent is; one without a parent may come from `ANYWHERE`.
    """
    return name_key(topic.parent) or ANYWHERE if topic.guild_id else name_key(topic.name)


def name_keys(topic: Topic) -> frozenset[str]:
    """All names of a topic as keys (`name_key`)."""
    return frozenset(
        name_key(name) for name in (topic.name, topic.shortname, topic.slug, *topic.aliases) if name
    )


def merge_defaults(topics: Iterable[Topic], others: Iterable[Topic]) -> tuple[Topic, ...]:
    """The topics, and of the others those that are none of them by another name.

    What stood below one of those stands below the topic that it is.
    """
    first = tuple(topics)
    taken = {name: topic.name for topic in first for name in name_keys(topic)}
    added = (topic for topic in others if name_key(topic.name) not in taken)
    return (
        *first,
        *(replace(topic, parent=taken.get(name_key(topic.parent), topic.parent)) for topic in added),
    )
