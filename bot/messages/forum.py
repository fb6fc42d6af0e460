"""A forum post's tags: those of the forum that are named like a topic of what is posted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from bot.domain.model import Topic
from bot.domain.text.words import name_key
from bot.domain.topics.topics import Topics
from bot.messages.message import FORUM_TAGS

TAG_NAME = 20  # https://discord.com/developers/docs/resources/channel#forum-tag-object
_FEWEST = 8  # letters of a longer name that a tag which breaks off has at least
_ENDS = ("…", "...", ".")


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag that a forum has. `usable`: the bot may set it."""

    id: int
    name: str
    usable: bool = True


def names_of(topic: Topic) -> tuple[str, ...]:
    """Everything that a tag for the topic may be called, the likeliest first."""
    return tuple(dict.fromkeys(filter(None, (topic.name, topic.shortname, *topic.aliases, topic.slug))))


def tag_names(names: Iterable[str], topics: Topics) -> tuple[str, ...]:
    """What tags for these topics may be called: first the names as given, then the other names of each."""
    given = tuple(dict.fromkeys(names))
    resolved = [topic for topic in map(topics.resolve, given) if topic is not None]
    return tuple(dict.fromkeys(chain(given, chain.from_iterable(map(names_of, resolved)))))


def other_names(names: Iterable[str], topics: Topics) -> tuple[str, ...]:
    """What tags for all other topics may be called."""
    taken = {name_key(name) for name in tag_names(names, topics)}
    return tuple(name for topic in topics for name in names_of(topic) if name_key(name) not in taken)


def fitting(available: Sequence[Tag], names: Iterable[str]) -> list[Tag]:
    """The tags with one of these names, in the order of the names.

    A tag has room for 20 characters: `Artificial Intellig…` stands for a longer name, too.
    """
    places: dict[str, int] = {}
    for name in names:
        places.setdefault(name_key(name), len(places))
    placed = [(place, tag) for tag in available if (place := _place(tag.name, places)) is not None]
    return [tag for _, tag in sorted(placed, key=lambda item: item[0])]


def _place(tag: str, places: Mapping[str, int]) -> int | None:
    short = name_key(tag)
    if short in places:
        return places[short]
    end = next((end for end in _ENDS if short.endswith(end)), "")
    head = short.removesuffix(end).rstrip()
    if len(head) < (_FEWEST if end else TAG_NAME - 1):
        return None
    cut = (place for name, place in places.items() if len(name) > TAG_NAME and name.startswith(head))
    return next(cut, None)


def chosen(available: Sequence[Tag], names: Iterable[str], *, required: bool) -> tuple[int, ...]:
    """The ids of the tags of a new post; where the forum requires one and none fits, the first that there is."""
    usable = [tag for tag in available if tag.usable]
    tags = fitting(usable, names) or usable[: int(required)]
    return tuple(tag.id for tag in tags[:FORUM_TAGS])


def followed(
    available: Sequence[Tag], applied: Collection[int], names: Iterable[str], others: Iterable[str]
) -> tuple[int, ...]:
    """The ids of the tags that a post goes on with: `names` are those of its topics now, `others` of all others.

    A tag that is no topic's was set by a person and stays. No post loses its last tag.
    """
    fits = fitting([tag for tag in available if tag.usable or tag.id in applied], names)
    outdated = [tag for tag in fitting(available, others) if tag.usable]
    remaining = [tag for tag in available if tag.id in applied and tag not in outdated and tag not in fits]
    return tuple(tag.id for tag in (*remaining, *fits)[:FORUM_TAGS]) or tuple(applied)
