"""The answer of `/search`: stories, each with a matching article and its matching words in bold. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.domain.stories.hit import Hit, LeftOut
from bot.domain.text.cleaning import length
from bot.i18n import tr, tr_plural
from bot.messages import marks
from bot.messages.message import Embed, escape_to
from bot.messages.story import around_title, list_pages, story_option

LINE = 400


def line(hit: Hit) -> str:
    """Number, linked title with the words in bold, outlet, outlets, time; below it words that stand elsewhere."""
    record, words = hit.match.stored.record, hit.match.words
    head, tail = around_title(hit.view, record)
    text = head + marks.linked(record.title, record.url, words, LINE - length(head) - length(tail)) + tail
    if any(mark.text == "title" for mark in words):
        return text
    around = marks.snippet(hit.match.document, words)
    return f"{text}\n-# {around}" if around else text


def left_out_words(left_out: LeftOut | None) -> str:
    """What was left out, as words; empty where nothing was."""
    match left_out:
        case LeftOut(stories=int(stories)):
            return tr_plural(
                "only the first {count} story is shown", "only the first {count} stories are shown", stories
            )
        case LeftOut(checked=int(checked)):
            return tr_plural(
                "only {count} possible match was checked",
                "only {count} possible matches were checked",
                checked,
            )
        case _:
            return ""


def pages(query: str, hits: Sequence[Hit], left_out: LeftOut | None) -> tuple[Embed, ...]:
    """The stories in pages. Each says below what was left out, if anything."""
    note = left_out_words(left_out)
    embeds = list_pages(
        tr("Search: {query}", query=escape_to(query, 200)),
        [f"• {line(hit)}" for hit in hits],
        tr("No story matches. Only whole words match. To match the beginning of a word, end it with *."),
        options=[story_option(hit.view, hit.match.stored.record) for hit in hits],
    )
    return tuple(
        replace(page, footer=" · ".join(part for part in (page.footer, note) if part)) for page in embeds
    )
