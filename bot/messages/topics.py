"""Answers of the topic commands: a topic, its matches, and its backtest. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.model import Topic
from bot.domain.posting.backtest import Backtest
from bot.domain.posting.volume import FIXED
from bot.domain.stories.topic_row import TopicRow
from bot.domain.text.cleaning import clip, isolate, length, plural
from bot.domain.topics.query.matching import MatchingRecord
from bot.messages import marks
from bot.messages.layout import CHOICE, Option
from bot.messages.message import (
    DESCRIPTION,
    FIELD_VALUE,
    Embed,
    Field,
    escape,
    escape_to,
    fit_lines,
    relative,
)
from bot.messages.story import GREY, colour_of, list_pages, spike_words, story_line

SAMPLE = 250
MATCH = 300  # characters of a title with its link
WEEK, MONTH = 7, 30
FEWER = "The volumes few, some and many post the biggest of these: about 2, 8 and 25 a day."
PAGE = 20  # topics


def code(query: str) -> str:
    """A query as a block that shows it as it is."""
    return f"```\n{query.replace('`', 'ˋ')}\n```"  # which could end the block


def heading(topic: Topic | None, query: str) -> str:
    """The heading for what was tried: a topic or a query."""
    return f"Topic **{escape(topic.name)}**\n" if topic else f"Query {code(query)}\n"


def topic_saved(
    title: str, topic: Topic, records: int | None, days: int, looked_at: int | None = None
) -> Embed:
    """A topic that was made or changed, with how many records of the last days belong to it (None: not counted).

    `looked_at`: how many of the newest were looked at, where not all could be.
    """
    parts = [f"**{escape(topic.name)}**\n{code(topic.query)}"]
    if topic.aliases:
        parts.append(f"Also called: {', '.join(map(escape, topic.aliases))}.")
    if topic.parent:
        parts.append(f"Part of **{escape(topic.parent)}**.")
    if records is not None:
        verb = "matches" if records == 1 else "match"
        parts.append(
            f"{plural(records, 'article')} from the last {days} days {verb}. `/latest` shows the stories."
            if records
            else f"No article from the last {days} days matches."
        )
    if looked_at is not None:
        parts.append(f"-# Only the newest {plural(looked_at, 'article')} could be checked.")
    parts.append(
        "Only this server has this topic. New articles are matched automatically. Subscribe with `/subscribe`."
    )
    return Embed(title, "", "\n".join(parts), colour=colour_of(topic.name))


def topic_details(topic: Topic, below: Sequence[str], stories: int, places: Sequence[str]) -> Embed:
    """A topic. `below` are the names of topics below it, `places` the channels that follow it, as Markdown."""
    whose = "This server's topic" if topic.guild_id else "Built-in topic"
    text = f"{whose} · {plural(stories, 'story', 'stories')}"
    text += f" · part of **{escape(topic.parent)}**" if topic.parent else ""
    text += f"\n{code(topic.query)}" if topic.query else ""
    text += f"\n{suspended_note(topic.suspended)}" if topic.suspended else ""
    others = [name for name in (topic.shortname, *topic.aliases) if name]
    parts = {
        "Keywords": [
            *(escape(word) for word in topic.keywords),
            *(f"{escape(word)} ({language})" for language, word in topic.language_keywords),
        ],
        "Also called": [escape(name) for name in others],
        "Subtopics": [escape(name) for name in below],
        "Subscribed channels": places,
    }
    fields = tuple(Field(name, _joined(entries)) for name, entries in parts.items() if entries)
    return Embed(
        escape_to(topic.name, 200, alone=True),
        "",
        text,
        colour=topic.colour or colour_of(topic.name),
        fields=fields,
    )


def suspended_note(reason: str) -> str:
    """The note on a suspended topic."""
    return f"⚠️ This topic is suspended and gets no new articles: {escape(reason)}. Simplify the query with `/topic edit`."


def _joined(entries: Sequence[str]) -> str:
    """As many as fit, with commas between them."""
    text = ""
    for position, entry in enumerate(entries):
        if length(text) + length(entry) > FIELD_VALUE - 24:
            return f"{text} and {len(entries) - position} more"
        text += f", {entry}" if text else entry
    return text


def newest_matches(tried: str, matches: Sequence[MatchingRecord], nothing: str, note: str = "") -> Embed:
    """The newest records that match, each with its linked title and what stands around the words of its text.

    `tried` is the heading, `nothing` what to say where there are none, `note` what else there is to say.
    """
    entries = []
    for match in matches:
        record = match.stored.record
        title = marks.linked(record.title, record.url, match.words, MATCH)
        entry = f"• {title} — {escape_to(record.outlet.name, 60)} · {relative(match.stored.first_seen)}"
        snippet = marks.snippet(match.document, match.words)
        entries.append(f"{entry}\n-# {snippet}" if snippet else entry)
    text, left = fit_lines(entries, DESCRIPTION - length(tried) - 40)
    more = f"\n… and {left} more" if left else ""
    return Embed("Newest matches", "", tried + (text or escape(nothing)) + more, footer=note, colour=GREY)


def backtest_summary(tried: str, result: Backtest, records: int, picture: str, *, cut: bool = False) -> Embed:
    """How much a subscription would have posted at each volume that goes by the story alone. `picture` is the address of the chart.

    `cut`: it goes back less far than it could.
    """
    days = len(result.days)
    parts = [f"{tried}{plural(records, 'article')} matched. A subscription would have posted:"]
    spans = sorted({min(WEEK, days), min(MONTH, days)})
    for volume in FIXED:
        rates = (f"{_rate(result.per_day(volume, span))} a day in the last {_days(span)}" for span in spans)
        parts.append(f"**{volume}** · {', '.join(rates)} ({result.total(volume, MONTH)} in total)")
    parts.append(FEWER)
    if cut:
        parts.append(f"-# This covers only the last {_days(days)}: more would take too long to compute.")
    elif days < MONTH:
        parts.append(f"-# The bot only has articles from the last {_days(days)}.")
    text = "\n".join(parts)
    samples = [f"• {story_line(view, SAMPLE)} · {highest}" for view, highest in result.samples]
    if samples:
        text += "\n\nThe newest of these posts, each with the highest volume that it reached:"
        text_samples, _ = fit_lines(samples, DESCRIPTION - length(text) - 1)
        text += f"\n{text_samples}"
    return Embed("Backtest", "", text, colour=GREY, image=picture)


def _days(count: int) -> str:
    """`day`, `7 days`: what stands after "the last"."""
    return "day" if count == 1 else f"{count} days"


def _rate(value: float) -> str:
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def topic_line(row: TopicRow) -> str:
    """A topic in the list of topics, indented below its parent: name, number of stories, and what is special about it."""
    topic = row.topic
    marks = [
        f"part of {escape(row.parent)}" if row.parent else "",
        spike_words(row.spike) if row.spike else "",
        "this server's topic" if topic.guild_id else "",
        "⚠️ suspended, see `/topic show`" if topic.suspended else "",
        "subscribed here" if row.is_subscribed else "",
    ]
    parts = [f"**{escape(topic.name)}**", plural(row.stories, "story", "stories"), *filter(None, marks)]
    return "\u2003" * min(row.depth, 5) + " · ".join(parts)


def topic_pages(rows: Sequence[TopicRow], empty: str) -> tuple[Embed, ...]:
    """The list of topics as pages."""
    return list_pages(
        "Topics", list(map(topic_line, rows)), empty, size=PAGE, options=list(map(topic_option, rows))
    )


def topic_option(row: TopicRow) -> Option:
    """A topic as an option of a menu; its value is its name, as far as an option has room for it."""
    name = row.topic.name
    return Option(clip(isolate(name), CHOICE), clip(name, CHOICE), plural(row.stories, "story", "stories"))
