"""How a digest reads: a container for each topic, a line for each story. Pure; times are arguments."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from bot.domain.briefs.model_brief import NO_MODEL, ModelBriefs
from bot.domain.model import StoryView
from bot.domain.posting.channel_digests import PlannedDigest, digest_title
from bot.domain.posting.digest import MOST_SECTIONS, Digest, DigestEntry, Section
from bot.domain.posting.schedule import EVERY_DAY, DigestStyle, Schedule
from bot.domain.posting.zones import shown
from bot.domain.stories.owners import NO_OWNERS, MediaOwners
from bot.domain.text.cleaning import length
from bot.domain.topics.topics import Topics
from bot.i18n import (
    comma_list,
    day,
    day_and_month,
    in_every_language,
    list_of,
    mark,
    time_of_day,
    tr,
    tr_plural,
    weekday,
)
from bot.messages.briefs import digest_sentence
from bot.messages.forum import tag_names
from bot.messages.layout import TEXT, Container, Gallery, Markdown, Part, texts
from bot.messages.message import TITLE, Message, escape, escape_to, heading, link, relative, small
from bot.messages.story import colour_of, outlet_count, picture_of, spike_words, story_count

# What a forum may call its tag for digests. Servers name their tags like that, so it is the same in every language.
DIGEST_TAGS = ("Digest", "Digests")
SENTENCE = 420  # UTF-16 units of the line below a headline
QUOTE = 4  # what stands around it: a line break, the mark of a quotation, and an empty line below it
RESERVED = 130  # characters that every entry of a digest has at least
TOPICS = 200  # UTF-16 units of a digest's topics in a list of digests
BELOW = 200  # for the line that says how many stories more there are, and for that of a preview


_SCHEDULES = {
    EVERY_DAY: mark("every day at {time} ({zone})"),
    frozenset(range(5)): mark("Monday to Friday at {time} ({zone})"),
    frozenset((5, 6)): mark("on weekends at {time} ({zone})"),
}


def growth_words(grew: int, told_at: datetime, until: datetime, zone: str) -> str:
    """How many outlets joined a story since it was last told: yesterday, on a weekday within a week, else on a date."""
    tz = ZoneInfo(zone)
    then, now = told_at.astimezone(tz).date(), until.astimezone(tz).date()
    days = (now - then).days
    if days <= 0:
        return tr_plural("+{count} outlet since earlier today", "+{count} outlets since earlier today", grew)
    if days == 1:
        return tr_plural("+{count} outlet since yesterday", "+{count} outlets since yesterday", grew)
    if days < 7:
        name = weekday(then.weekday())
        return tr_plural(
            "+{count} outlet since {weekday}", "+{count} outlets since {weekday}", grew, weekday=name
        )
    return tr_plural(
        "+{count} outlet since {date}", "+{count} outlets since {date}", grew, date=day_and_month(then)
    )


def schedule_words(schedule: Schedule) -> str:
    """When a digest comes, within a sentence: `every day at 09:00 (Berlin)`."""
    at = {"time": time_of_day(schedule.at), "zone": shown(schedule.zone)}
    if schedule.days in _SCHEDULES:
        return tr(_SCHEDULES[schedule.days], **at)
    return tr("on {days} at {time} ({zone})", days=list_of(map(weekday, sorted(schedule.days))), **at)


def planned_line(planned: PlannedDigest, *, is_only: bool = False) -> str:
    """A digest in a list of what a channel gets. `is_only`: the channel has no other one, so one without a name needs no title."""
    when = schedule_words(planned.schedule)
    if is_only and not planned.digest.name and planned.digest.topic is None:
        return tr("Digest {when}", when=when)
    return tr("{title} {when}", title=escape(planned.digest.title), when=when)


def next_line(planned: PlannedDigest) -> str:
    """A digest in a list of digests: when it comes, the next time too, and of what it tells."""
    title, when = f"**{escape(planned.digest.title)}**", schedule_words(planned.schedule)
    at = planned.digest.next_at
    parts = [title, when, *([tr("next one: {time}", time=relative(at))] if at else [])]
    topics = escape_to(comma_list(planned.topics), TOPICS) if planned.topics else f"⚠️ {tr('no topics yet')}"
    return " · ".join((*parts, topics))


def sent_words(stories: int) -> str:
    """What becomes of a digest with so many stories that is to be sent now."""
    if not stories:
        return tr("There are no new stories, so no digest is sent.")
    return tr_plural(
        "Sending a digest with {count} story.", "Sending a digest with {count} stories.", stories
    )


def digest_message(
    digest: Digest,
    zone: str,
    colour: Callable[[str], int | None] = lambda _topic: None,
    *,
    title: str = "",
    style: DigestStyle = DigestStyle.BRIEF,
    owners: MediaOwners = NO_OWNERS,
    model_briefs: ModelBriefs = NO_MODEL,
) -> Message | None:
    """A digest with this title as a message, a container a topic; None on an empty day.

    In the style of a brief, a sentence stands below each headline as far as there is room, the best stories first,
    and the first story has its picture. `model_briefs` is what the channel shows of a model's answers.
    """
    if not digest.entries:
        return None
    until = digest.until.astimezone(ZoneInfo(zone)).date()
    date = tr("{weekday}, {date}", weekday=weekday(until.weekday()), date=day_and_month(until))
    called = escape_to(title or digest_title("", EVERY_DAY), TITLE)
    above = Markdown((f"## {called} · {date}", small(story_count(len(digest.entries)))))
    sections = digest.sections[:MOST_SECTIONS]
    left = digest.left_out + sum(len(section.entries) for section in digest.sections[MOST_SECTIONS:])
    headings = [_section_heading(section) for section in sections]
    # All share one limit. Long lines may take what is not reserved for those after them.
    room = TEXT - length(above.text) - sum(map(length, headings)) - BELOW
    waiting = sum(len(section.entries) for section in sections)
    lines: list[list[str]] = []
    for section in sections:
        waiting -= len(section.entries)
        share = min(room, max(RESERVED, room - RESERVED * waiting))
        written = _lines(section.entries, share, digest.until, zone)
        room -= sum(length(line) + 1 for line in written)
        left += len(section.entries) - len(written)
        lines.append(written)
    if style is DigestStyle.BRIEF:
        lines = _with_sentences(sections, lines, room, partial(_sentence, owners, model_briefs))
    containers = [
        _container(section, above_section, written, colour(section.topic))
        for section, above_section, written in zip(sections, headings, lines, strict=True)
    ]
    if style is DigestStyle.BRIEF and lines[0]:
        containers[0] = _with_picture(containers[0], sections[0].entries[0].view)
    more = tr_plural("{count} more story: `/latest`", "{count} more stories: `/latest`", left) if left else ""
    below = [Markdown.of(small(more))] if more else []
    return Message(layout=(above, *(one for one in containers if len(one.parts) > 1), *below))


def _section_heading(section: Section) -> str:
    mark = f" · {spike_words(section.spike)}" if section.spike else ""
    return heading(escape_to(section.topic, TITLE // 2 - length(mark)) + mark)


def _container(section: Section, title: str, lines: Sequence[str], colour: int | None) -> Container:
    numbers = tuple(entry.view.number for entry in section.entries[: len(lines)])
    parts = (Markdown((title,)), *([Markdown(tuple(lines), numbers)] if lines else []))
    return Container(parts, colour_of(section.topic) if colour is None else colour)


def _with_picture(container: Container, view: StoryView) -> Container:
    picture = picture_of(view)
    if not picture.pictures:
        return container
    return replace(container, parts=(container.parts[0], picture, *container.parts[1:]))


def _with_sentences(
    sections: Sequence[Section],
    lines: Sequence[Sequence[str]],
    room: int,
    sentence_of: Callable[[DigestEntry, int], str],
) -> list[list[str]]:
    """The lines with a sentence below each headline as far as there is room."""
    longer = []
    for section, written in zip(sections, lines, strict=True):
        entries = []
        for entry, headline in zip(section.entries, written, strict=False):
            limit = min(room, SENTENCE)
            sentence = ""
            if limit >= RESERVED:
                sentence = sentence_of(entry, limit - QUOTE)
            entries.append(f"{headline}\n> {sentence}\n" if sentence else headline)
            room -= length(sentence) + QUOTE if sentence else 0
        longer.append(entries)
    return longer


def _sentence(owners: MediaOwners, model_briefs: ModelBriefs, entry: DigestEntry, limit: int) -> str:
    return digest_sentence(entry.view, entry.told_at, owners, limit, model_briefs)


def without_stories(message: Message, gone: Collection[int]) -> Message | None:
    """A composed digest without these stories; None where none is left."""
    if not set(gone) & set(message.stories):
        return message
    parts = [_without(part, gone) for part in message.layout]
    left = replace(message, layout=tuple(part for part in parts if part is not None))
    if not left.stories:
        return None
    above = left.layout[0]
    if isinstance(above, Markdown):  # it says how many there are
        before = in_every_language(lambda: story_count(len(message.stories)))  # of when it was composed
        after = story_count(len(left.stories))
        entries = tuple(
            entry.removesuffix(count) + after
            if (count := next(filter(entry.endswith, before), ""))
            else entry
            for entry in above.entries
        )
        left = replace(left, layout=(Markdown(entries), *left.layout[1:]))
    return left


def _without(part: Container | Part, gone: Collection[int]) -> Container | Part | None:
    """A part of a digest without these stories; None where it tells of no other."""
    if not isinstance(part, Container):
        return part
    numbers = [number for text in texts((part,)) for number in text.stories]
    if not numbers:
        return part
    inner: list[Part] = []
    for child in part.parts:
        if isinstance(child, Markdown) and child.stories:
            pairs = [(e, n) for e, n in zip(child.entries, child.stories, strict=True) if n not in gone]
            if pairs:
                inner.append(Markdown(tuple(e for e, _ in pairs), tuple(n for _, n in pairs)))
        elif (
            not isinstance(child, Gallery) or numbers[0] not in gone
        ):  # the picture is that of the first story
            inner.append(child)
    return replace(part, parts=tuple(inner)) if set(numbers) - set(gone) else None


def _lines(entries: Sequence[DigestEntry], room: int, until: datetime, zone: str) -> list[str]:
    """As many entries as `room` holds: all of them where it has `RESERVED` for each."""
    written: list[str] = []
    for after, entry in zip(reversed(range(len(entries))), entries, strict=True):
        line = _line(entry, until, zone, max(RESERVED, room - RESERVED * after) - 1)
        room -= length(line) + 1
        if room < -1:
            break
        written.append(line)
    return written


def _line(entry: DigestEntry, until: datetime, zone: str, limit: int) -> str:
    view = entry.view
    tail = f" — {escape_to(view.lead.record.outlet.name, 40)}"
    if entry.told_at is not None:
        tail += f" · **{growth_words(entry.grew, entry.told_at, until, zone)}**"
    elif view.outlets > 1:
        tail += f" · {outlet_count(view.outlets)}"
    head = f"`#{view.number}` "
    room = max(60, min(limit, 700) - length(tail) - length(head))
    return head + link(view.lead.record.title, view.lead.record.url, room) + tail


def channel_digest(
    digest: Digest,
    topics: Topics,
    schedule: Schedule,
    owners: MediaOwners = NO_OWNERS,
    model_briefs: ModelBriefs = NO_MODEL,
    title: str = "",
) -> Message | None:
    """A channel's digest with this schedule and title, in the colours of the topics; None on an empty day."""

    def colour(name: str) -> int | None:
        topic = topics.resolve(name)
        return topic.colour if topic else None

    return digest_message(
        digest,
        schedule.zone,
        colour,
        title=title or digest_title("", schedule.days),
        style=schedule.style,
        owners=owners,
        model_briefs=model_briefs,
    )


def digest_payload(
    digest: Digest,
    topics: Topics,
    schedule: Schedule,
    owners: MediaOwners,
    model_briefs: ModelBriefs,
    title: str = "",
) -> dict[str, Any]:
    """The same as the outbox keeps it, with its name and tags as a forum post, and the numbers of the stories that had
    room. The digest has entries.
    """
    message = channel_digest(digest, topics, schedule, owners, model_briefs, title)
    assert message is not None
    local = digest.until.astimezone(ZoneInfo(schedule.zone))
    tags = tag_names((section.topic for section in digest.sections), topics)
    date, is_plain = day(local.date(), "long"), title in ("", digest_title("", EVERY_DAY))
    name = tr("Digest of {date}", date=date) if is_plain else tr("{title} of {date}", title=title, date=date)
    return replace(message, name=name, tags=(*DIGEST_TAGS, *tags)).to_json() | {
        "stories": list(message.stories)
    }
