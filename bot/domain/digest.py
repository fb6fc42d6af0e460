"""The digest: when it is due, what is in it, and how it reads. Pure; times are arguments."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.domain import stories
from bot.domain.message import (
    DESCRIPTION,
    EMBED_TOTAL,
    EMBEDS,
    TITLE,
    Embed,
    Message,
    escape_to,
    link,
)
from bot.domain.model import Importance, Mode, StoryView, Subscription
from bot.domain.owners import NOBODY, Owners
from bot.domain.ranking import HALF_LIFE, Spike, rank
from bot.domain.render import colour_of, spike_words
from bot.domain.stories import Muted, Story
from bot.domain.text import length, plural
from bot.domain.topics import Topics
from bot.domain.words import name_key

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
EVERY_DAY = frozenset(range(7))
DEFAULT_SIZE = 10
MOST_SIZE = 25
IN_A_ROW = 2
RESERVED = 160  # characters that every entry of a digest has at least


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a channel's digest comes: at `at` in `zone`, on `days` (0 = Monday)."""

    at: time
    zone: str
    days: frozenset[int] = EVERY_DAY
    size: int = DEFAULT_SIZE

    def after(self, moment: datetime) -> datetime:
        """The first time after `moment` (aware) when a digest is due, in UTC.

        The wall clock rules: 09:00 stays 09:00 across daylight-saving changes. A time that the
        change skips comes as much later as the clock jumps; one that comes twice counts once.
        """
        zone = ZoneInfo(self.zone)
        day = moment.astimezone(zone).date()
        for offset in range(9):
            candidate = day + timedelta(days=offset)
            due = datetime.combine(candidate, self.at, tzinfo=zone).astimezone(UTC)
            if candidate.weekday() in self.days and due > moment:
                return due
        raise ValueError("a schedule needs at least one day")


_DAYS = {
    **dict.fromkeys(("daily", "day", "everyday", "all", "all days", "all week"), EVERY_DAY),
    **dict.fromkeys(("weekday", "workday", "working day", "business day"), frozenset(range(5))),
    **dict.fromkeys(("weekend", "the weekend"), frozenset((5, 6))),
}
_DAYS_ALLOWED = "use daily, weekdays, weekends, or days such as mon, thu or mon-fri"
_ASIDE = re.compile(r"^(?:(?:on|at|every|each)\s+)+")
_BETWEEN = re.compile(r"\s*(?:-|–|—|\.\.+|…|→)\s*|\s+(?:to|till|until|through|thru|bis)\s+")
_LISTED = re.compile(r"\s*[,;/&+]\s*(?:and\s+)?|\s+and\s+|\s+")


def parse_days(text: str) -> frozenset[int]:
    """`daily`, `weekdays`, `weekends`, or days such as `mon, thu` or `mon-fri`; ValueError says what is allowed."""
    wanted = _ASIDE.sub("", unicodedata.normalize("NFKC", text).strip().casefold())
    if (named := _DAYS.get(wanted) or _DAYS.get(wanted.removesuffix("s"))) is not None:
        return named
    found: set[int] = set()
    for part in filter(None, _LISTED.split(_BETWEEN.sub("-", wanted))):
        first, *others = (_day(name, part) for name in part.split("-"))
        if len(others) > 1:
            raise ValueError(f"“{part[:20]}” is not a day: {_DAYS_ALLOWED}")
        last = others[0] if others else first
        found.update((first + more) % 7 for more in range((last - first) % 7 + 1))
    if not found:
        raise ValueError(f"Name at least one day: {_DAYS_ALLOWED}")
    return frozenset(found)


def _day(name: str, part: str) -> int:
    """The day whose name begins like that."""
    name = name.strip(".").removesuffix("s")
    day = next((i for i, full in enumerate(DAY_NAMES) if full.casefold().startswith(name)), None)
    if day is None or len(name) < 3:
        raise ValueError(f"“{part[:20]}” is not a day: {_DAYS_ALLOWED}")
    return day


def describe_days(days: frozenset[int]) -> str:
    """The inverse of `parse_days`, as people say it."""
    names = {
        EVERY_DAY: "every day",
        frozenset(range(5)): "Monday to Friday",
        frozenset((5, 6)): "on weekends",
    }
    return names.get(days) or ", ".join(DAY_NAMES[day] for day in sorted(days))


_WORDS_OF_TIME = {"noon": time(12), "midday": time(12), "midnight": time(0)}
_TIME = re.compile(
    r"(?:at\s*)?(\d{1,2})(?:\s*[:.h]\s*(\d{1,2})?)?\s*(?:([ap])\.?\s?m\.?|uhr|o['’]?\s?clock|hours?|hrs?)?"
)
_NOON = re.compile(r"(?:at\s+)?(?:12\s*)?(noon|midday|midnight)")


def parse_time(text: str) -> time:
    """`9:00`, `09.30`, `9`, `9 pm`, `21:15`, `noon`; ValueError says what is allowed."""
    wanted = unicodedata.normalize("NFKC", text).strip().casefold()
    if named := _NOON.fullmatch(wanted):
        wanted = named[1]
    if wanted in _WORDS_OF_TIME:
        return _WORDS_OF_TIME[wanted]
    found = _TIME.fullmatch(wanted)
    try:
        if found is None:
            raise ValueError
        hour, minute = int(found[1]), int(found[2] or 0)
        if found[3]:
            if not 1 <= hour <= 12:
                raise ValueError
            hour = hour % 12 + (12 if found[3] == "p" else 0)
        return time(hour, minute)
    except ValueError:
        raise ValueError(f"“{text[:20]}” is not a time of day: write it like 09:00, 21:30 or 9 pm") from None


@dataclass(frozen=True, slots=True)
class Told:
    """What the last digest that told a story said of it: its number of outlets, and when that was."""

    outlets: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """A story in a digest; `grew` outlets joined since `told_at` (0 and None: told for the first time)."""

    view: StoryView
    score: float
    grew: int = 0
    told_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """The stories of one subscribed topic, best first; `spike` where there is more of it than usual."""

    topic: str
    entries: tuple[Entry, ...]
    spike: Spike | None = None


@dataclass(frozen=True, slots=True)
class Digest:
    """What was new and what went on after `since` and until `until`; `left_out` stories found no room."""

    since: datetime
    until: datetime
    sections: tuple[Section, ...] = ()
    left_out: int = 0

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries in the order in which they are read."""
        return tuple(entry for section in self.sections for entry in section.entries)


def wanted(subscriptions: Iterable[Subscription]) -> tuple[Subscription, ...]:
    """The subscriptions that a channel's digest serves."""
    return tuple(s for s in subscriptions if s.mode is not Mode.LIVE)


def _as_of(story: Story, until: datetime) -> Story:
    return replace(story, members=tuple(m for m in story.members if m.first_seen <= until))


def compose(
    candidates: Iterable[Story],
    subscriptions: Sequence[Subscription],
    topics: Topics,
    told: Mapping[int, Told],
    since: datetime,
    until: datetime,
    *,
    muted: Muted = stories.never,
    owners: Owners = NOBODY,
    size: int = DEFAULT_SIZE,
) -> Digest:
    """The best stories of the subscriptions' topics that arrived or grew in (`since`, `until`].

    Heat halves over what the digest covers, but not in less than `HALF_LIFE`: in a digest of a week, the week's
    greatest story must not stand behind whatever came today.
    A story told before comes again only if outlets joined since. Every story stands once, below the
    first of the subscribed topics that it belongs to; never more than `IN_A_ROW` of one outlet follow
    each other.
    """
    half_life = max(until - since, HALF_LIFE)
    by_topic: dict[str, list[Entry]] = {s.topic: [] for s in subscriptions}
    for story in candidates:
        view = stories.view(_as_of(story, until), muted, owners)
        if view is None:
            continue
        if not any(since < m.first_seen <= until for m in view.members if not m.partial):
            continue
        names = topics.with_ancestors(view.topics)
        home = next(
            (
                s.topic
                for s in subscriptions
                if name_key(s.topic) in names and stories.reaches(view, s.importance or Importance.ALL)
            ),
            None,
        )
        before = told.get(story.number)
        grew = view.outlets - before.outlets if before else 0
        if home is None or (before and grew <= 0):
            continue
        value = rank(view, until, half_life)
        by_topic[home].append(Entry(view, value, grew, before.at if before else None))
    return _arrange(by_topic, since, until, size)


def _arrange(by_topic: Mapping[str, list[Entry]], since: datetime, until: datetime, size: int) -> Digest:
    def best_first(entry: Entry) -> tuple[float, int, int]:
        return (-entry.score, -entry.view.outlets, entry.view.number)

    found = [(topic, sorted(entries, key=best_first)) for topic, entries in by_topic.items() if entries]
    total = sum(len(pool) for _, pool in found)
    # A message has no more sections than this: what it would not show must not count as told.
    pools = dict(sorted(found, key=lambda item: best_first(item[1][0]))[:EMBEDS])
    every = (entry for pool in pools.values() for entry in pool)
    best = {entry.view.number for entry in sorted(every, key=best_first)[:size]}
    sections: list[Section] = []
    tail: list[str] = []
    carried = 0
    for topic, pool in pools.items():
        room = carried + sum(entry.view.number in best for entry in pool)
        placed: list[Entry] = []
        rest = list(pool)
        while rest and len(placed) < room:
            follows = next((e for e in rest if tail[-IN_A_ROW:] != [_outlet(e)] * IN_A_ROW), None)
            if follows is None:
                break
            rest.remove(follows)
            placed.append(follows)
            tail.append(_outlet(follows))
        carried = room - len(placed)
        if placed:
            sections.append(Section(topic, tuple(placed)))
    return Digest(since, until, tuple(sections), total - sum(len(s.entries) for s in sections))


def _outlet(entry: Entry) -> str:
    return entry.view.lead.record.outlet.domain


def since_words(told_at: datetime, until: datetime, zone: str) -> str:
    """`yesterday`, a weekday within a week, else the date: when a story was last told."""
    tz = ZoneInfo(zone)
    then, now = told_at.astimezone(tz).date(), until.astimezone(tz).date()
    days = (now - then).days
    if days <= 0:
        return "earlier today"
    if days == 1:
        return "yesterday"
    return DAY_NAMES[then.weekday()] if days < 7 else _short(then)


def _short(day: date) -> str:
    return f"{day.day} {day:%B}"


def heading_of(days: frozenset[int]) -> str:
    """What a digest is called that comes on these days."""
    return {len(EVERY_DAY): "Daily digest", 1: "Weekly digest"}.get(len(days), "Digest")


def message(
    digest: Digest,
    zone: str,
    colour: Callable[[str], int | None] = lambda _topic: None,
    *,
    days: frozenset[int] = EVERY_DAY,
) -> Message | None:
    """The digest of a channel that gets it on these days as a message, an embed a topic; None on an empty day."""
    if not digest.entries:
        return None
    until = digest.until.astimezone(ZoneInfo(zone))
    total = plural(len(digest.entries), "story", "stories")
    heading = f"**{heading_of(days)}** · {DAY_NAMES[until.weekday()]}, {_short(until.date())} · {total}"
    shown = digest.sections[:EMBEDS]
    left = digest.left_out + sum(len(section.entries) for section in digest.sections[EMBEDS:])
    # Embeds share 6,000 characters. Long lines may take what is not reserved for those after them.
    room = EMBED_TOTAL - 120 - (TITLE // 2) * len(shown)
    waiting = sum(len(section.entries) for section in shown)
    embeds = []
    told: list[tuple[int, ...]] = []
    for section in shown:
        waiting -= len(section.entries)
        share = min(DESCRIPTION, room, max(RESERVED, room - RESERVED * waiting))
        written = _lines(section.entries, share, digest.until, zone)
        text = "\n".join(written)
        room -= length(text)
        told.append(tuple(entry.view.number for entry in section.entries[: len(written)]))
        left += len(section.entries) - len(written)
        own = colour(section.topic)
        mark = f" · {spike_words(section.spike)}" if section.spike else ""
        embeds.append(
            Embed(
                title=escape_to(section.topic, TITLE // 2 - length(mark)) + mark,
                description=text,
                colour=colour_of(section.topic) if own is None else own,
            )
        )
    if left:
        embeds[-1] = replace(embeds[-1], footer=f"{plural(left, 'more story', 'more stories')}: /latest")
    return Message(content=heading, embeds=tuple(embeds), stories=tuple(told))


def without(message: Message, gone: Collection[int]) -> Message | None:
    """A composed digest without these stories; None where none is left. Each story is a line of an embed."""
    if not gone:
        return message
    embeds: list[Embed] = []
    told: list[tuple[int, ...]] = []
    for embed, numbers in zip(message.embeds, message.stories, strict=True):
        lines = zip(numbers, embed.description.split("\n") if numbers else (), strict=True)
        kept = [(number, line) for number, line in lines if number not in gone]
        if kept:
            embeds.append(replace(embed, description="\n".join(line for _, line in kept)))
            told.append(tuple(number for number, _ in kept))
    if not embeds:
        return None
    if embeds[-1].title != message.embeds[-1].title:  # the section that says how many more there are
        embeds[-1] = replace(embeds[-1], footer=message.embeds[-1].footer)
    before, after = (plural(sum(map(len, of)), "story", "stories") for of in (message.stories, told))
    heading = message.content
    if heading.endswith(f" · {before}"):
        heading = heading.removesuffix(before) + after
    return replace(message, content=heading, embeds=tuple(embeds), stories=tuple(told))


def _lines(entries: Sequence[Entry], room: int, until: datetime, zone: str) -> list[str]:
    """As many entries as `room` holds: all of them where it has `RESERVED` for each."""
    written: list[str] = []
    for after, entry in zip(reversed(range(len(entries))), entries, strict=True):
        line = _line(entry, until, zone, max(RESERVED, room - RESERVED * after) - 1)
        room -= length(line) + 1
        if room < -1:
            break
        written.append(line)
    return written


def _line(entry: Entry, until: datetime, zone: str, limit: int) -> str:
    view = entry.view
    tail = f" — {escape_to(view.lead.record.outlet.name, 40)}"
    if entry.told_at is not None:
        tail += f" · **+{plural(entry.grew, 'outlet')} since {since_words(entry.told_at, until, zone)}**"
    elif view.outlets > 1:
        tail += f" · {plural(view.outlets, 'outlet')}"
    head = f"`#{view.number}` "
    room = max(60, min(limit, 700) - length(tail) - length(head))
    return head + link(view.lead.record.title, view.lead.record.url, room) + tail
