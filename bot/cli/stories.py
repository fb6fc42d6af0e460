"""What `topicwire stories`, `related`, `digest` and `search` do."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from bot.cli.common import aware, note, out, out_json, settings_of, stamp, with_context
from bot.domain.model import UNKNOWN_DATE, Coverage, StoryView
from bot.domain.posting.digest import Digest
from bot.domain.stories.hit import Hit
from bot.domain.stories.order import Order
from bot.domain.stories.ranking import Sort
from bot.domain.text.cleaning import plural
from bot.messages.search import left_out_words
from bot.runtime import clock
from bot.services import related as use
from bot.services import search as searching
from bot.services.context import Context
from bot.services.digests import between

UNDATED = "undated"


def _dated(moment: datetime) -> str | None:
    """The time when something was published; None where it is not known."""
    return None if moment == UNKNOWN_DATE else stamp(moment)


def _coverage_json(entry: Coverage) -> dict[str, Any]:
    record = entry.stored.record
    return {
        "url": record.url,
        "title": record.title,
        "outlet": record.outlet.name,
        "published": _dated(entry.stored.published),
        "quality": record.quality,
        "relation": entry.relation.value,
    }


def _story_json(view: StoryView) -> dict[str, Any]:
    return {
        "story": view.number,
        "title": view.lead.record.title,
        "url": view.lead.record.url,
        "heat": view.heat,
        "notable": view.notable,
        "topics": list(view.topics),
        "first": _dated(view.first),
        "last": _dated(view.last),
        "members": [member.record.url for member in view.members],
        "coverage": [_coverage_json(entry) for entry in view.coverage],
    }


def list_stories(db_url: str | None, as_json: bool, limit: int, sort: Sort, config: Path) -> None:
    """`topicwire stories`."""

    async def work(context: Context) -> list[StoryView]:
        return (await use.latest(context, None, None, limit=limit or None, sort=sort))[1]

    for shown in with_context(db_url, settings_of(config), work):
        if as_json:
            out_json(_story_json(shown))
        else:
            outlets = f", {shown.outlets} outlets" if shown.outlets > 1 else ""
            mark = "*" if shown.notable else " "
            out(
                f"#{shown.number:<6}{shown.last:%Y-%m-%d}  {shown.heat:>4}{mark} {shown.lead.record.title}{outlets}"
            )


def show_related(text: str, db_url: str | None, as_json: bool, config: Path) -> None:
    """`topicwire related`."""

    async def work(context: Context) -> use.Found:
        return await use.related(context, text)

    found = with_context(db_url, settings_of(config), work)
    if as_json:
        beside = {"before": [o.number for o in found.before], "after": [o.number for o in found.after]}
        out_json(_story_json(found.view) | beside)
        return
    shown, lead = found.view, found.view.lead
    out(f"#{shown.number} {lead.record.title}")
    about = f"score {shown.heat} · {', '.join(shown.topics)}"
    out(f"{lead.record.outlet.name} · {_dated(lead.published) or UNDATED} · {about}\n{lead.record.url}")
    for heading, relation in (("Same event", "same"), ("Background", "background")):
        entries = [entry for entry in shown.coverage if entry.relation.value == relation]
        if entries:
            out(f"\n{heading}")
        for entry in entries:
            record = entry.stored.record
            where = f"{record.outlet.name} · {_dated(entry.stored.published) or UNDATED} · {record.url}"
            out(f"  {record.quality:>3}  {record.title}\n       {where}")
    for heading, others in (("Before", found.before), ("After", found.after)):
        if others:
            out(f"\n{heading}")
        for other in others:
            out(f"  #{other.number:<6}{other.last:%Y-%m-%d}  {other.lead.record.title}")


def show_digest(
    topic: str,
    since: datetime,
    until: datetime | None,
    size: int,
    db_url: str | None,
    as_json: bool,
    config: Path,
) -> None:
    """`topicwire digest`."""
    end = aware(until) if until else clock.now()

    async def work(context: Context) -> Digest:
        return await between(context, topic, aware(since), end, size)

    made = with_context(db_url, settings_of(config), work, end)
    if as_json:
        out_json(_digest_json(topic, made))
        return
    out(
        f"{stamp(made.since)} to {stamp(made.until)}: {plural(len(made.entries), 'story', 'stories')}, {made.left_out} more not shown"
    )
    for section in made.sections:
        out(f"\n{section.topic}")
        for entry in section.entries:
            record = entry.view.lead.record
            out(f"  #{entry.view.number} {record.title}")
            out(
                f"     {record.outlet.name} · {plural(entry.view.outlets, 'outlet')} · score {entry.view.heat} · {record.url}"
            )


def _digest_json(topic: str, made: Digest) -> dict[str, Any]:
    return {
        "topic": topic,
        "since": stamp(made.since),
        "until": stamp(made.until),
        "left_out": made.left_out,
        "sections": [
            {
                "topic": section.topic,
                "stories": [
                    {
                        **_story_json(e.view),
                        "outlet": e.view.lead.record.outlet.name,
                        "outlets": e.view.outlets,
                    }
                    for e in section.entries
                ],
            }
            for section in made.sections
        ],
    }


def search(query: str, order: Order, limit: int, db_url: str | None, as_json: bool, config: Path) -> None:
    """`topicwire search`."""

    async def work(context: Context) -> searching.SearchResult:
        return await searching.find(context, query, order=order, limit=limit)

    found = with_context(db_url, settings_of(config), work)
    for hit in found.hits:
        _print_hit(hit, as_json)
    if found.left_out:
        note(left_out_words(found.left_out))


def _print_hit(hit: Hit, as_json: bool) -> None:
    record = hit.match.stored.record
    if not as_json:
        out(f"#{hit.view.number:<6}{(_dated(hit.match.stored.published) or UNDATED)[:10]:10}  {record.title}")
        out(f"{'':19}{record.outlet.name} · {record.url}")
        return
    words = [hit.match.document.texts[mark.text][mark.start : mark.end] for mark in hit.match.words]
    out_json(
        {
            "story": hit.view.number,
            "title": record.title,
            "url": record.url,
            "outlet": record.outlet.name,
            "published": _dated(hit.match.stored.published),
            "outlets": hit.view.outlets,
            "words": list(dict.fromkeys(words)),
        }
    )
