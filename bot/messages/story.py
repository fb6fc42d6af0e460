"""Stories as Discord messages: pure, within Discord's limits for every story that can come."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

from bot.domain.briefs.brief import brief
from bot.domain.briefs.candidates import Sentence, candidates
from bot.domain.briefs.figures import Figure
from bot.domain.briefs.model_brief import NO_MODEL, ModelBriefs
from bot.domain.model import UNKNOWN_DATE, Coverage, Record, Relation, StoryView
from bot.domain.stories.owners import NO_OWNERS, MediaOwners
from bot.domain.stories.ranking import Spike
from bot.domain.stories.related import timeline
from bot.domain.text.cleaning import clip, isolate, length, plural
from bot.domain.text.words import name_key
from bot.messages.briefs import attributed, change_line, change_since, figures_line, summary
from bot.messages.commands import escape_but_commands
from bot.messages.message import (
    AUTHOR,
    BUTTON_URL,
    DESCRIPTION,
    FIELD_VALUE,
    FORUM_TAGS,
    THREAD_NAME,
    TITLE,
    URL,
    Button,
    Embed,
    Field,
    Message,
    dated,
    escape_to,
    fit_lines,
    link,
    relative,
    safe_url,
)

FOOTER_TOPICS = 300  # UTF-16 units
SHOWN_COVERAGE = 5
PAGE = 8
BELOW = 4  # lines of coverage that leave room for what further outlets say
BESIDE = 3  # lines of coverage that leave room for all else on their page
RELATED_ACTION = "related:"
MOST_ROLES = 50  # named in one message: they have to fit its content
NO_NAME = "\u200b"  # a field needs a name; this one shows none
GREY = 0x80848E

# Twelve colours that read well on Discord's dark and light themes.
PALETTE = (
    0x5865F2, 0x2D9CDB, 0x00A896, 0x3BA55D, 0x8BC34A, 0xF2C94C,
    0xF2994A, 0xEB5757, 0xE84393, 0x9B59B6, 0x6C7A89, 0xB5838D,
)  # fmt: skip

ColourOf = Callable[[str], int | None]
# What changed since a post was sent, and its brief.
Said: TypeAlias = tuple[Sentence | None, tuple[Sentence, ...]]


def colour_of(topic: str) -> int:
    """A topic's colour where it configures none: always the same for the same name."""
    return PALETTE[zlib.crc32(name_key(topic).encode()) % len(PALETTE)]


def spike_words(spike: Spike) -> str:
    """`▲ 5 stories today, usually 1 a day`."""
    usual = f"{spike.usual:.0f} a day" if spike.usual > 0.5 else "none"
    if 0 < spike.usual <= 0.5:
        usual = f"1 every {1 / spike.usual:.0f} days"
    return f"▲ {plural(spike.stories, 'story', 'stories')} today, usually {usual}"


def fingerprint(message: Message, *, in_forum: bool = False) -> str:
    """Equal for messages that look the same: an edit that would change nothing is not sent.

    A message that opens a forum's post is seen with the post's name and tags.
    """
    seen: tuple[object, ...] = (message.embeds, message.buttons)
    if in_forum:
        seen += (message.name, message.tags)
    return hashlib.blake2b(repr(seen).encode(), digest_size=12).hexdigest()


def story_post(
    view: StoryView,
    *,
    topics: Sequence[str] = (),
    colour: int | None = None,
    mentions: Sequence[int] = (),
    subscribed: Sequence[str] = (),
    owners: MediaOwners = NO_OWNERS,
    since: datetime | None = None,
    model_briefs: ModelBriefs = NO_MODEL,
    said: Callable[[StoryView, MediaOwners, datetime | None], Said] | None = None,
) -> Message:
    """The living message of a story.

    `topics` are the story's in the order to show them (as they came); `mentions` are roles to ping; `subscribed` the topics it is posted for, which are a forum's tags first. A brief has
    one sentence of each of the `owners`. `since` is when the message was sent: it says what changed after that.
    `model_briefs` is what the channel shows of a model's answers. `said` is `said_in_post`, or what remembers its
    results.
    """
    lead = view.lead.record
    topics = topics or view.topics or subscribed
    first = next(iter(topics), "")
    image = next((m.record.image for m in (view.lead, *view.members) if m.record.image), None)
    address = safe_url(lead.url)
    footer = _footer(view.number, topics)
    news, sentences = (said or said_in_post)(view, owners, since)
    roles = tuple(dict.fromkeys(mentions))[:MOST_ROLES]
    embed = Embed(
        title=escape_to(lead.title, TITLE, alone=True),
        url=address if length(address) <= URL else "",
        description=summary(view, sentences, model_briefs),
        author=clip(
            f"{isolate(lead.outlet.name)} · video" if lead.type == "video" else lead.outlet.name, AUTHOR
        ),
        footer=f"{clip(footer, FOOTER_TOPICS)} · {plural(view.outlets, 'outlet')}",
        image=safe_url(image.url) if image and length(safe_url(image.url)) <= URL else "",
        colour=colour if colour is not None else colour_of(first),
        fields=(*_fields("What changed", [change_line(news)] if news else []), *_coverage_fields(view)),
        timestamp=view.lead.published.isoformat() if view.lead.published != UNKNOWN_DATE else "",
    )
    buttons = (
        [Button("Watch" if lead.type == "video" else "Read", url=address)]
        if length(address) <= BUTTON_URL
        else []
    )
    buttons.append(Button("Related coverage", action=f"{RELATED_ACTION}{view.number}"))
    return Message(
        content=" ".join(f"<@&{role}>" for role in roles),
        embeds=(embed,),
        buttons=tuple(buttons),
        roles=roles,
        name=clip(lead.title, THREAD_NAME),
        tags=tuple(dict.fromkeys((*subscribed, *topics)))[: FORUM_TAGS * 4],
    )


def said_in_post(view: StoryView, owners: MediaOwners, since: datetime | None) -> Said:
    """What changed since a post was sent, and its brief."""
    weighed = candidates(view, owners)
    news = change_since(view, since, owners, weighed)
    return news, brief(view, owners, [news] if news else [], weighed)


def _beside(names: Sequence[str]) -> str:
    """Names with commas between them, as they stand in a text that is no Markdown."""
    return ", ".join(map(isolate, names))


def _coverage_fields(view: StoryView) -> tuple[Field, ...]:
    # The best five, reports of the same event before background.
    best = sorted(view.coverage, key=lambda c: c.relation is not Relation.SAME)[:SHOWN_COVERAGE]
    more = len(view.coverage) - len(best)
    shown = [f"• {coverage_line(entry, FIELD_VALUE // 2 - 4)}" for entry in best]
    return _fields("Related coverage", shown + ([f"… and {more} more"] if more else []))


def _fields(name: str, entries: Sequence[str]) -> tuple[Field, ...]:
    """Lines as a field; where long addresses fill it, as several that read like one."""
    found: list[Field] = []
    left = list(entries)
    while left:
        text, over = fit_lines(left, FIELD_VALUE)
        found.append(Field(NO_NAME if found else name, text))
        left = left[len(left) - over :] if over else []
    return tuple(found)


def coverage_line(entry: Coverage, limit: int) -> str:
    """One line of coverage: the linked title, its outlet, and when it was published."""
    stored = entry.stored
    tail = f" — {escape_to(stored.record.outlet.name, 60)} · {relative(stored.published)}"
    return link(stored.record.title, stored.record.url, limit - length(tail)) + tail


def withdrawn(number: int) -> Message:
    """What stands in place of a story whose records were all removed: nothing of what they said."""
    embed = Embed(
        title="Story withdrawn",
        description="The outlets removed all articles of this story.",
        footer=f"Story #{number}",
        colour=GREY,
    )
    return Message(embeds=(embed,), name=f"Story #{number} withdrawn")


def forwarded(number: int, survivor: int, jump_url: str) -> Message:
    """What stands in the second message of two stories that turned out to be one."""
    embed = Embed(
        title=f"This story continues in #{survivor}",
        url=jump_url,
        description=f"Both stories are about the same event. [Go to story #{survivor}]({jump_url})",
        footer=f"Story #{number} → #{survivor}",
        colour=GREY,
    )
    return Message(embeds=(embed,), name=f"Story #{number} continues in #{survivor}")


def related_pages(
    view: StoryView,
    notes: Sequence[str] = (),
    topics: Sequence[str] = (),
    before: Sequence[StoryView] = (),
    after: Sequence[StoryView] = (),
    *,
    additions: Sequence[Sentence] = (),
    figures: Sequence[Sequence[Figure]] = (),
) -> tuple[Embed, ...]:
    """All coverage of a story, best first, the same event before the background, in pages.

    The first page has what further outlets add to the brief, and figures in which outlets differ. The last page has how a long story went on, and the stories `before` and `after` it that say more about it.
    `notes` say what became of the story in the channel where it was asked for; `topics` are the
    story's in the order to show them (as they came).
    """
    topics = topics or view.topics
    lead = view.lead.record
    head = Embed(
        title=escape_to(lead.title, TITLE, alone=True),
        url=safe_url(lead.url) if length(safe_url(lead.url)) <= URL else "",
        author=clip(lead.outlet.name, AUTHOR),
        colour=colour_of(next(iter(topics), "")),
    )
    published = view.lead.published
    summary = (
        f"{'Date unknown' if published == UNKNOWN_DATE else f'Published {relative(published)}'} · score {view.heat}"
        f"{' · notable' if view.notable else ''} · {plural(view.outlets, 'outlet')}"
    )
    parts = [(Relation.SAME, "Same event"), (Relation.BACKGROUND, "Background")]
    entries = [
        (title, coverage_line(entry, 400))
        for relation, title in parts
        for entry in view.coverage
        if entry.relation is relation
    ]
    said = _said(additions, figures)
    first = BELOW if said else PAGE
    chunks = [entries[:first], *(entries[i : i + PAGE] for i in range(first, len(entries), PAGE))]
    beyond = _beyond(view, before, after)
    if beyond and (len(chunks[-1]) > BESIDE or (said and len(chunks) == 1)):
        chunks.append([])
    pages = []
    for index, chunk in enumerate(chunks):
        fields = [
            field
            for _, title in parts
            for field in _fields(title, [line for heading, line in chunk if heading == title])
        ]
        if index == 0:
            fields = said + fields
        if index == len(chunks) - 1:
            fields += beyond
        description = "\n".join((summary, *notes)) if index == 0 else summary
        if not entries:
            description += "\n\nThere is no other coverage yet."
        footer = clip(_footer(view.number, topics), FOOTER_TOPICS)
        if len(chunks) > 1:
            footer += f" · page {index + 1} of {len(chunks)}"
        pages.append(replace(head, description=description, footer=footer, fields=tuple(fields)))
    return tuple(pages)


def _footer(number: int, topics: Sequence[str]) -> str:
    return f"Story #{number} · {_beside(topics)}" if topics else f"Story #{number}"


def _said(additions: Sequence[Sentence], figures: Sequence[Sequence[Figure]]) -> list[Field]:
    parts = (
        ("What others add", [f"• {attributed(sentence)}" for sentence in additions]),
        ("Figures differ", [f"• {figures_line(group)}" for group in figures]),
    )
    return [Field(name, text) for name, entries in parts if (text := fit_lines(entries, FIELD_VALUE)[0])]


def _beyond(view: StoryView, before: Sequence[StoryView], after: Sequence[StoryView]) -> list[Field]:
    moments = timeline(view)
    course = [
        f"{dated(moment.report.published)} · {plural(moment.outlets, 'outlet')} · "
        f"{link(moment.report.record.title, moment.report.record.url, 160)}"
        for moment in moments
    ]
    parts = (
        ("Timeline", course),
        ("Earlier stories", [story_line(other, 190) for other in before]),
        ("Later stories", [story_line(other, 190) for other in after]),
    )
    return [field for name, shown in parts for field in _fields(name, shown)[:1]]


def story_line(view: StoryView, limit: int = 400) -> str:
    """A story in a list: number, linked title, outlet, outlets, time."""
    record = view.lead.record
    head, tail = around_title(view, record)
    return head + link(record.title, record.url, limit - length(tail) - length(head)) + tail


def around_title(view: StoryView, record: Record) -> tuple[str, str]:
    """What stands before and after the title of a story's record in a list: number; outlet, outlets, time."""
    tail = f" — {escape_to(record.outlet.name, 60)}"
    if view.outlets > 1:
        tail += f" · {plural(view.outlets, 'outlet')}"
    return f"`#{view.number}` ", f"{tail} · {relative(view.last)}"


def list_pages(
    title: str,
    entries: Sequence[str],
    empty: str,
    *,
    under: Sequence[str] = (),
    colour: int = PALETTE[0],
    size: int = PAGE,
) -> tuple[Embed, ...]:
    """A list as pages of at most `size` lines: `entries` are Markdown, a line each.

    `under` are the headings that each entry stands under, if any: each is a line of its own, once on
    every page that it has entries on.
    """
    pages: list[list[str]] = []
    room = 0
    above = ""  # the heading that the last entry stands under
    for line, heading in zip(entries, under or [""] * len(entries), strict=True):
        entry = clip(line, DESCRIPTION // 2)
        wanted = [heading, entry] if heading and heading != above else [entry]
        if not pages or len(pages[-1]) + len(wanted) > size or _size(wanted) > room:
            wanted = (
                [f"{heading} (continued)" if heading == above else heading, entry] if heading else [entry]
            )
            pages.append([])
            room = DESCRIPTION
        pages[-1] += wanted
        room -= _size(wanted)
        above = heading
    pages = pages or [[escape_but_commands(empty)]]
    return tuple(
        Embed(
            title=title,
            description="\n".join(page),
            colour=colour,
            footer=f"page {number} of {len(pages)} · {plural(len(entries), 'entry', 'entries')}"
            if len(pages) > 1
            else "",
        )
        for number, page in enumerate(pages, 1)
    )


def story_pages(title: str, views: Sequence[StoryView], empty: str) -> tuple[Embed, ...]:
    """Stories as pages, a line each."""
    return list_pages(title, [f"• {story_line(view)}" for view in views], empty)


def _size(written: Sequence[str]) -> int:
    return sum(length(line) + 1 for line in written)
