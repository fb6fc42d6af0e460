"""Answers of the topic commands: a topic, its matches, and its backtest. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.model import Topic
from bot.domain.posting.backtest import Backtest
from bot.domain.posting.volume import FIXED
from bot.domain.stories.topic_row import TopicRow
from bot.domain.text.cleaning import clip, isolate, length
from bot.domain.topics.query.matching import MatchingRecord
from bot.i18n import choice_name, comma_list, decimal, list_and_more, mark, number, tr, tr_plural
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
    more_line,
    relative,
    small,
)
from bot.messages.story import GREY, colour_of, list_pages, spike_words, story_count, story_line

SAMPLE = 250
MATCH = 300  # characters of a title with its link
WEEK, MONTH = 7, 30
FEWER = mark("The volumes few, some and many post the biggest of these: about 2, 8 and 25 a day.")
PAGE = 20  # topics


def code(query: str) -> str:
    """A query as a block that shows it as it is."""
    return f"```\n{query.replace('`', 'ˋ')}\n```"  # which could end the block


def heading(topic: Topic | None, query: str) -> str:
    """The heading for what was tried: a topic or a query."""
    if topic:
        return tr("Topic **{topic}**", topic=escape(topic.name)) + "\n"
    return tr("Query {query}", query=code(query)) + "\n"


def topic_saved(
    title: str, topic: Topic, records: int | None, days: int, looked_at: int | None = None
) -> Embed:
    """A topic that was made or changed, with how many records of the last days belong to it (None: not counted).

    `looked_at`: how many of the newest were looked at, where not all could be.
    """
    parts = [f"**{escape(topic.name)}**\n{code(topic.query)}"]
    if topic.aliases:
        parts.append(tr("Also called: {names}.", names=comma_list(map(escape, topic.aliases))))
    if topic.parent:
        parts.append(tr("Part of **{topic}**.", topic=escape(topic.parent)))
    if records:
        parts.append(
            tr_plural(
                "{count} article from the last {days} days matches. `/latest` shows the stories.",
                "{count} articles from the last {days} days match. `/latest` shows the stories.",
                records,
                days=days,
            )
        )
    elif records is not None:
        parts.append(tr("No article from the last {days} days matches.", days=days))
    if looked_at is not None:
        only = tr_plural(
            "Only the newest {count} article could be checked.",
            "Only the newest {count} articles could be checked.",
            looked_at,
        )
        parts.append(small(only))
    parts.append(
        tr(
            "Only this server has this topic. New articles are matched automatically. Subscribe with `/subscribe`."
        )
    )
    return Embed(title, "", "\n".join(parts), colour=colour_of(topic.name))


def topic_details(topic: Topic, below: Sequence[str], stories: int, places: Sequence[str]) -> Embed:
    """A topic. `below` are the names of topics below it, `places` the channels that follow it, as Markdown."""
    whose = tr("This server's topic") if topic.guild_id else tr("Built-in topic")
    text = f"{whose} · {story_count(stories)}"
    text += " · " + tr("part of **{topic}**", topic=escape(topic.parent)) if topic.parent else ""
    text += f"\n{code(topic.query)}" if topic.query else ""
    text += f"\n{suspended_note(topic.suspended)}" if topic.suspended else ""
    others = [name for name in (topic.shortname, *topic.aliases) if name]
    parts = {
        tr("Keywords"): [
            *(escape(word) for word in topic.keywords),
            *(f"{escape(word)} ({language})" for language, word in topic.language_keywords),
        ],
        tr("Also called"): [escape(name) for name in others],
        tr("Subtopics"): [escape(name) for name in below],
        tr("Subscribed channels"): places,
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
    return tr(
        "⚠️ This topic is suspended and gets no new articles: {reason}. Simplify the query with `/topic edit`.",
        reason=escape(reason),
    )


def _joined(entries: Sequence[str]) -> str:
    """As many as fit, with commas between them."""
    used = 0
    for position, entry in enumerate(entries):
        if used + length(entry) > FIELD_VALUE - 24:
            return list_and_more(entries[:position], len(entries) - position)
        used += length(entry) + (2 if position else 0)
    return comma_list(entries)


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
    more = "\n" + more_line(left) if left else ""
    return Embed(tr("Newest matches"), "", tried + (text or escape(nothing)) + more, footer=note, colour=GREY)


def backtest_summary(tried: str, result: Backtest, records: int, picture: str, *, cut: bool = False) -> Embed:
    """How much a subscription would have posted at each volume that goes by the story alone. `picture` is the address of the chart.

    `cut`: it goes back less far than it could.
    """
    days = len(result.days)
    matched = tr_plural(
        "{count} article matched. A subscription would have posted:",
        "{count} articles matched. A subscription would have posted:",
        records,
    )
    parts = [tried + matched]
    spans = sorted({min(WEEK, days), min(MONTH, days)})
    for volume in FIXED:
        rates = comma_list(_rate(result.per_day(volume, span), span) for span in spans)
        total = tr("{rates} ({total} in total)", rates=rates, total=number(result.total(volume, MONTH)))
        parts.append(f"**{choice_name(volume)}** · {total}")
    parts.append(tr(FEWER))
    if cut:
        covers = tr_plural(
            "This covers only the last day: more would take too long to compute.",
            "This covers only the last {count} days: more would take too long to compute.",
            days,
        )
        parts.append(small(covers))
    elif days < MONTH:
        only = tr_plural(
            "The bot only has articles from the last day.",
            "The bot only has articles from the last {count} days.",
            days,
        )
        parts.append(small(only))
    text = "\n".join(parts)
    samples = [f"• {story_line(view, SAMPLE)} · {choice_name(highest)}" for view, highest in result.samples]
    if samples:
        text += "\n\n" + tr("The newest of these posts, each with the highest volume that it reached:")
        text_samples, _ = fit_lines(samples, DESCRIPTION - length(text) - 1)
        text += f"\n{text_samples}"
    return Embed(tr("Backtest"), "", text, colour=GREY, image=picture)


def _rate(per_day: float, days: int) -> str:
    return tr_plural(
        "{rate} a day in the last day",
        "{rate} a day in the last {count} days",
        days,
        rate=decimal(per_day) if per_day < 10 else number(round(per_day)),
    )


def topic_line(row: TopicRow) -> str:
    """A topic in the list of topics, indented below its parent: name, number of stories, and what is special about it."""
    topic = row.topic
    marks = [
        tr("part of {topic}", topic=escape(row.parent)) if row.parent else "",
        spike_words(row.spike) if row.spike else "",
        tr("this server's topic") if topic.guild_id else "",
        tr("⚠️ suspended, see `/topic show`") if topic.suspended else "",
        tr("subscribed here") if row.is_subscribed else "",
    ]
    parts = [f"**{escape(topic.name)}**", story_count(row.stories), *filter(None, marks)]
    return "\u2003" * min(row.depth, 5) + " · ".join(parts)


def topic_pages(rows: Sequence[TopicRow], empty: str) -> tuple[Embed, ...]:
    """The list of topics as pages."""
    return list_pages(
        tr("Topics"), list(map(topic_line, rows)), empty, size=PAGE, options=list(map(topic_option, rows))
    )


def topic_option(row: TopicRow) -> Option:
    """A topic as an option of a menu; its value is its name, as far as an option has room for it."""
    name = row.topic.name
    return Option(clip(isolate(name), CHOICE), clip(name, CHOICE), story_count(row.stories))
