"""What `topicwire eval briefs` does: how much of what people wrote of events the briefs of their reports say."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean
from typing import Any

from bot.cli.common import print_json, print_line
from bot.domain.briefs.brief import MOST_SENTENCES, brief
from bot.domain.briefs.rouge import WORDS, Rouge, compare
from bot.domain.briefs.sentences import sentences
from bot.domain.model import Outlet, Record, Stored, StoryView
from bot.domain.stories.story import Story, story_view
from bot.domain.text.cleaning import repair
from bot.domain.text.language import detect
from bot.domain.text.stems import stemmed
from bot.errors import InvalidInputError

LONGEST_TITLE, LONGEST_EXCERPT = 300, 1000  # as records have them
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)  # when all reports are taken to be published
Summary = Callable[[StoryView, str], str]


@dataclass(frozen=True, slots=True)
class Event:
    """A story of several reports, what people wrote of it, and its language."""

    view: StoryView
    reference: str
    language: str


def measure(file: Path, as_json: bool) -> None:
    """`topicwire eval briefs`: a row of figures for briefs, and one for each other way to sum up."""
    events = list(_events(file))
    if not events:
        raise InvalidInputError(f"{file}: the file contains no events.")
    halves = {"brief": events, "brief, odd lines": events[::2], "brief, even lines": events[1::2]}
    rows = {name: _row(some, _brief) for name, some in halves.items() if some}
    rows["excerpt of the lead"] = _row(events, _excerpt)
    if find_spec("sumy"):
        rows["LexRank of sumy"] = _row(events, _lexrank)
    sizes = [len(brief(event.view)) for event in events]
    facts = {"events": len(events), "sentences_per_brief": round(fmean(sizes), 2), "no_brief": sizes.count(0)}
    if as_json:
        print_json({**facts, **rows})
        return
    print_line(
        f"events: {len(events):,}, {facts['sentences_per_brief']} sentences per brief, {facts['no_brief']} without one"
    )
    print_line(f"first {WORDS} words, by stems\n")
    wide = max(map(len, rows))
    print_line(" " * wide + "".join(f"{name:>16}" for name in rows["brief"]))
    for name, values in rows.items():
        print_line(f"{name:<{wide}}" + "".join(f"{value:>16.3f}" for value in values.values()))


def _row(events: Sequence[Event], summary: Summary) -> dict[str, float]:
    measured = [compare(summary(e.view, e.language), e.reference, e.language) for e in events]

    def mean(n: int, value: Callable[[Rouge], float]) -> float:
        return round(fmean(value(both[n - 1]) for both in measured), 3)

    return {f"ROUGE-{n}": mean(n, lambda r: r.f1) for n in (1, 2)} | {
        f"recall of {n}": mean(n, lambda r: r.recall) for n in (1, 2)
    }


def _brief(view: StoryView, language: str) -> str:
    """What a post shows: the brief, or the excerpt where there is none."""
    return " ".join(sentence.text for sentence in brief(view)) or _excerpt(view, language)


def _excerpt(view: StoryView, _language: str) -> str:
    return view.lead.record.excerpt


def _lexrank(view: StoryView, language: str) -> str:
    """The three most central sentences of all reports, by LexRank (Erkan and Radev, 2004) on our words and sentences."""
    dom = importlib.import_module("sumy.models.dom")
    summarizer = importlib.import_module("sumy.summarizers.lex_rank").LexRankSummarizer()

    class Tokenizer:
        def to_words(self, text: str) -> tuple[str, ...]:
            return tuple(stemmed(text, language))

    records = [member.record for member in view.members]
    texts = [text for record in records for text in sentences(record.excerpt, language)]
    if not texts:
        return ""
    document = dom.ObjectDocumentModel([dom.Paragraph([dom.Sentence(text, Tokenizer()) for text in texts])])
    return " ".join(map(str, summarizer(document, MOST_SENTENCES)))


def _events(file: Path) -> Iterator[Event]:
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield _event(json.loads(line), number)
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidInputError(
                f"{file}: line {number}: expected an object with reports (each with title and excerpt) and a brief: {error}."
            ) from error


def _event(data: Any, number: int) -> Event:
    members = []
    reference = str(data["brief"])
    every = " ".join(f"{report['title']} {report['excerpt']}" for report in data["reports"])
    language = detect(every) or detect(reference)
    for place, report in enumerate(data["reports"], 1):
        outlet = Outlet(f"Outlet {place}", f"outlet-{place}.example")
        record = Record(
            key=f"{number}/{place}",
            url=f"https://{outlet.domain}/{number}",
            title=repair(str(report["title"]), LONGEST_TITLE),
            outlet=outlet,
            excerpt=repair(str(report["excerpt"]), LONGEST_EXCERPT),
            language=language,
        )
        members.append(Stored(place, record, MOMENT, MOMENT))
    view = story_view(Story(number, tuple(members), {}, {}))
    if view is None:
        raise ValueError("no reports")
    return Event(view, reference, language)
