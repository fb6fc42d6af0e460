"""How a digest reads: an embed for each topic, a line for each story. Pure; times are arguments."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from bot.domain.briefs.model_brief import NO_MODEL, ModelBriefs
from bot.domain.posting.digest import Digest, DigestEntry
from bot.domain.posting.schedule import DAY_NAMES, EVERY_DAY, DigestStyle, Schedule, describe_days
from bot.domain.posting.zones import shown
from bot.domain.stories.owners import NO_OWNERS, MediaOwners
from bot.domain.text.cleaning import length, plural
from bot.domain.topics.topics import Topics
from bot.messages.briefs import digest_sentence
from bot.messages.forum import tag_names
from bot.messages.message import (
    DESCRIPTION,
    EMBED_TOTAL,
    EMBEDS,
    TITLE,
    URL,
    Embed,
    Message,
    escape_to,
    link,
    safe_url,
)
from bot.messages.story import colour_of, spike_words

DIGEST_TAGS = ("Digest", "Digests")  # what a forum may call its tag for digests
HEADLINE = "`#"  # what a headline begins with, and no line below one
SENTENCE = 420  # UTF-16 units of the line below a headline
QUOTE = 4  # what stands around it: a line break, the mark of a quotation, and an empty line that ends it
RESERVED = 160  # characters that every entry of a digest has at least


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


def schedule_words(schedule: Schedule) -> str:
    """When a digest comes, within a sentence: `daily at 09:00 (Berlin)`."""
    return f"{describe_days(schedule.days)} at {schedule.at:%H:%M} ({shown(schedule.zone)})"


def heading_of(days: frozenset[int]) -> str:
    """What a digest is called that comes on these days."""
    return {len(EVERY_DAY): "Daily digest", 1: "Weekly digest"}.get(len(days), "Digest")


def digest_message(
    digest: Digest,
    zone: str,
    colour: Callable[[str], int | None] = lambda _topic: None,
    *,
    days: frozenset[int] = EVERY_DAY,
    style: DigestStyle = DigestStyle.BRIEF,
    owners: MediaOwners = NO_OWNERS,
    model_briefs: ModelBriefs = NO_MODEL,
) -> Message | None:
    """The digest of a channel that gets it on these days as a message, an embed a topic; None on an empty day.

    In the style of a brief, a sentence stands below each headline as far as there is room, the best stories first,
    and the first story has its picture. `model_briefs` is what the channel shows of a model's answers.
    """
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
        room -= length(text) + 1
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
    if style is DigestStyle.BRIEF:
        entries = [entry for section in shown for entry in section.entries]
        sentence_of = partial(_sentence, owners, model_briefs)
        embeds = _with_sentences(
            embeds, told, {entry.view.number: entry for entry in entries}, room, sentence_of
        )
    if left:
        embeds[-1] = replace(embeds[-1], footer=f"{plural(left, 'more story', 'more stories')}: /latest")
    return Message(content=heading, embeds=tuple(embeds), stories=tuple(told))


def _with_sentences(
    embeds: Sequence[Embed],
    told: Sequence[Sequence[int]],
    entries: Mapping[int, DigestEntry],
    room: int,
    sentence_of: Callable[[DigestEntry, int], str],
) -> list[Embed]:
    """The embeds with a sentence below each headline, and with the picture of the first story."""
    made = []
    for embed, numbers in zip(embeds, told, strict=True):
        text = ""
        left = DESCRIPTION - length(embed.description)
        for number, headline in zip(numbers, _parts(embed.description) if numbers else (), strict=True):
            entry = entries[number]
            limit = min(room, left, SENTENCE)
            sentence = ""
            if limit >= RESERVED:
                sentence = sentence_of(entry, limit - QUOTE)
            text += f"{headline}\n> {sentence}\n\n" if sentence else f"{headline}\n"
            used = length(sentence) + QUOTE if sentence else 0
            room, left = room - used, left - used
        made.append(replace(embed, description=text.rstrip("\n")))
    if told and told[0]:
        view = entries[told[0][0]].view
        images = (m.record.image for m in (view.lead, *view.members) if m.record.image)
        address = safe_url(image.url) if (image := next(images, None)) else ""
        made[0] = replace(made[0], image=address if length(address) <= URL else "")
    return made


def _sentence(owners: MediaOwners, model_briefs: ModelBriefs, entry: DigestEntry, limit: int) -> str:
    return digest_sentence(entry.view, entry.told_at, owners, limit, model_briefs)


def _parts(description: str) -> list[str]:
    """What an embed of a digest shows of each story: its headline, and the sentence below it if there is one."""
    parts: list[str] = []
    for line in description.split("\n"):
        if line.startswith(HEADLINE) or not parts:
            parts.append(line)
        else:
            parts[-1] += f"\n{line}"
    return parts


def without_stories(message: Message, gone: Collection[int]) -> Message | None:
    """A composed digest without these stories; None where none is left."""
    if not gone:
        return message
    embeds: list[Embed] = []
    told: list[tuple[int, ...]] = []
    for embed, numbers in zip(message.embeds, message.stories, strict=True):
        parts = zip(numbers, _parts(embed.description) if numbers else (), strict=True)
        kept = [(number, part) for number, part in parts if number not in gone]
        if kept:
            image = "" if numbers[0] in gone else embed.image  # it is that of the first story
            embeds.append(
                replace(embed, description="\n".join(part for _, part in kept).rstrip("\n"), image=image)
            )
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
        tail += f" · **+{plural(entry.grew, 'outlet')} since {since_words(entry.told_at, until, zone)}**"
    elif view.outlets > 1:
        tail += f" · {plural(view.outlets, 'outlet')}"
    head = f"{HEADLINE}{view.number}` "
    room = max(60, min(limit, 700) - length(tail) - length(head))
    return head + link(view.lead.record.title, view.lead.record.url, room) + tail


def channel_digest(
    digest: Digest,
    topics: Topics,
    schedule: Schedule,
    owners: MediaOwners = NO_OWNERS,
    model_briefs: ModelBriefs = NO_MODEL,
) -> Message | None:
    """The digest of a channel with this schedule, in the colours of the topics; None on an empty day."""

    def colour(name: str) -> int | None:
        topic = topics.resolve(name)
        return topic.colour if topic else None

    return digest_message(
        digest,
        schedule.zone,
        colour,
        days=schedule.days,
        style=schedule.style,
        owners=owners,
        model_briefs=model_briefs,
    )


def digest_payload(
    digest: Digest, topics: Topics, schedule: Schedule, owners: MediaOwners, model_briefs: ModelBriefs
) -> dict[str, Any]:
    """The same as the outbox keeps it, with its name and tags as a forum post. The digest has entries."""
    message = channel_digest(digest, topics, schedule, owners, model_briefs)
    assert message is not None
    local = digest.until.astimezone(ZoneInfo(schedule.zone))
    tags = tag_names((section.topic for section in digest.sections), topics)
    name = f"Digest of {local.day} {local:%B %Y}"
    return replace(message, name=name, tags=(*DIGEST_TAGS, *tags)).to_json()
