"""The commands `topicwire stories`, `related`, `digest` and `search`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.cli.common import (
    format_time,
    load_settings,
    print_json,
    print_line,
    print_note,
    to_utc,
    with_context,
)
from bot.domain.briefs.brief import brief
from bot.domain.briefs.candidates import Sentence
from bot.domain.briefs.figures import Figure
from bot.domain.briefs.novelty import sentence_to_tell
from bot.domain.model import UNKNOWN_DATE, Coverage, Relation, StoryView
from bot.domain.posting.digest import Digest
from bot.domain.posting.schedule import DigestStyle
from bot.domain.stories.hit import Hit
from bot.domain.stories.order import Order
from bot.domain.stories.owners import MediaOwners
from bot.domain.stories.ranking import Sort
from bot.domain.text.cleaning import plural
from bot.messages.search import left_out_words
from bot.runtime import clock
from bot.services import related, search
from bot.services.context import Context
from bot.services.digests import between

UNDATED = "undated"


def _dated(moment: datetime) -> str | None:
    """The time of publication, or None if it is unknown."""
    return None if moment == UNKNOWN_DATE else format_time(moment)


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

    async def read_stories(context: Context) -> list[StoryView]:
        return (await related.latest(context, None, None, limit=limit or None, sort=sort))[1]

    for view in with_context(db_url, load_settings(config), read_stories):
        if as_json:
            print_json(_story_json(view))
        else:
            outlets = f", {view.outlets} outlets" if view.outlets > 1 else ""
            mark = "*" if view.notable else " "
            print_line(
                f"#{view.number:<6}{view.last:%Y-%m-%d}  {view.heat:>4}{mark} {view.lead.record.title}{outlets}"
            )


def show_related(text: str, db_url: str | None, as_json: bool, config: Path) -> None:
    """`topicwire related`."""

    async def read_related(context: Context) -> related.StoryDetails:
        return await related.related(context, text)

    details = with_context(db_url, load_settings(config), read_related)
    if as_json:
        print_json(_details_json(details))
        return
    view, lead = details.view, details.view.lead
    print_line(f"#{view.number} {lead.record.title}")
    about = f"score {view.heat} · {', '.join(view.topics)}"
    print_line(
        f"{lead.record.outlet.name} · {_dated(lead.published) or UNDATED} · {about}\n{lead.record.url}"
    )
    coverage = {
        relation: [entry for entry in view.coverage if entry.relation is relation] for relation in Relation
    }
    _print_part("In brief", map(_quoted, details.brief))
    _print_part("What others add", map(_quoted, details.additions))
    _print_part("Figures differ", map(_compared, details.figures))
    _print_part("Same event", map(_covered, coverage[Relation.SAME]))
    _print_part("Background", map(_covered, coverage[Relation.BACKGROUND]))
    _print_part("Before", map(_neighbour, details.before))
    _print_part("After", map(_neighbour, details.after))


def _print_part(heading: str, entries: Iterable[str]) -> None:
    """Print entries below their heading; nothing where there are none."""
    lines = [f"  {entry}" for entry in entries]
    if lines:
        print_line("\n".join((f"\n{heading}", *lines)))


def _quoted(sentence: Sentence) -> str:
    return f"{sentence.text} — {sentence.report.record.outlet.name}"


def _compared(figures: Sequence[Figure]) -> str:
    return " · ".join(f"{text} ({report.record.outlet.name})" for text, report in figures)


def _covered(entry: Coverage) -> str:
    record = entry.stored.record
    published = _dated(entry.stored.published) or UNDATED
    return f"{record.quality:>3}  {record.title}\n       {record.outlet.name} · {published} · {record.url}"


def _neighbour(view: StoryView) -> str:
    return f"#{view.number:<6}{view.last:%Y-%m-%d}  {view.lead.record.title}"


def _details_json(details: related.StoryDetails) -> dict[str, Any]:
    return {
        **_story_json(details.view),
        "brief": list(map(_sentence_json, details.brief)),
        "additions": list(map(_sentence_json, details.additions)),
        "figures": [
            [{"text": text, "outlet": report.record.outlet.name} for text, report in differing]
            for differing in details.figures
        ],
        "before": [view.number for view in details.before],
        "after": [view.number for view in details.after],
    }


def _sentence_json(sentence: Sentence) -> dict[str, str]:
    record = sentence.report.record
    return {"text": sentence.text, "outlet": record.outlet.name, "url": record.url}


def show_digest(
    topic: str,
    since: datetime,
    until: datetime | None,
    size: int,
    style: DigestStyle,
    db_url: str | None,
    as_json: bool,
    config: Path,
) -> None:
    """`topicwire digest`."""
    end = to_utc(until) if until else clock.now()

    async def compose(context: Context) -> tuple[Digest, MediaOwners]:
        return await between(context, topic, to_utc(since), end, size), context.rules.owners

    digest, owners = with_context(db_url, load_settings(config), compose, end)
    sentences = {
        entry.view.number: sentence_to_tell(entry.view, brief(entry.view, owners), entry.told_at, owners)
        for entry in digest.entries
        if style is DigestStyle.BRIEF
    }
    if as_json:
        print_json(_digest_json(topic, digest, sentences))
        return
    print_line(
        f"{format_time(digest.since)} to {format_time(digest.until)}: {plural(len(digest.entries), 'story', 'stories')}, {digest.left_out} more not shown"
    )
    for section in digest.sections:
        print_line(f"\n{section.topic}")
        for entry in section.entries:
            record = entry.view.lead.record
            print_line(f"  #{entry.view.number} {record.title}")
            if sentence := sentences.get(entry.view.number):
                print_line(f"     {_quoted(sentence)}")
            print_line(
                f"     {record.outlet.name} · {plural(entry.view.outlets, 'outlet')} · score {entry.view.heat} · {record.url}"
            )


def _digest_json(topic: str, digest: Digest, sentences: Mapping[int, Sentence | None]) -> dict[str, Any]:
    return {
        "topic": topic,
        "since": format_time(digest.since),
        "until": format_time(digest.until),
        "left_out": digest.left_out,
        "sections": [
            {
                "topic": section.topic,
                "stories": [
                    {
                        **_story_json(e.view),
                        "outlet": e.view.lead.record.outlet.name,
                        "outlets": e.view.outlets,
                        "sentence": _sentence_json(s) if (s := sentences.get(e.view.number)) else None,
                    }
                    for e in section.entries
                ],
            }
            for section in digest.sections
        ],
    }


def search_stories(
    query: str, order: Order, limit: int, db_url: str | None, as_json: bool, config: Path
) -> None:
    """`topicwire search`."""

    async def find_stories(context: Context) -> search.SearchResult:
        return await search.find(context, query, order=order, limit=limit)

    result = with_context(db_url, load_settings(config), find_stories)
    for hit in result.hits:
        _print_hit(hit, as_json)
    if result.left_out:
        print_note(left_out_words(result.left_out))


def _print_hit(hit: Hit, as_json: bool) -> None:
    record = hit.match.stored.record
    if not as_json:
        print_line(
            f"#{hit.view.number:<6}{(_dated(hit.match.stored.published) or UNDATED)[:10]:10}  {record.title}"
        )
        print_line(f"{'':19}{record.outlet.name} · {record.url}")
        return
    words = [hit.match.document.texts[mark.text][mark.start : mark.end] for mark in hit.match.words]
    print_json(
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
