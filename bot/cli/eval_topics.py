"""What `topicwire eval topics` does: how well topics agree with what people said, for records and for stories."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.cli.common import load_topic_files, print_json, print_line
from bot.cli.evaluation import labels_by_address, print_table, quality_of, quality_values, read_records
from bot.domain.model import Record, Stored
from bot.domain.records.intake import keys_of
from bot.domain.stories.story import Story, story_view, topics_by_server
from bot.domain.text.words import name_key
from bot.domain.topics.learned import learn_from_stream
from bot.domain.topics.topics import Topics
from bot.errors import InvalidInputError
from bot.sources.catalogue import catalogue_titles, catalogue_topics

WEAK = 0.15  # share of a story's voices: a topic that fewer say was most likely mentioned in passing
BIG = 10  # reports from which on a story should have a topic
_JOINED = re.compile(r"\s+(?:and|&)\s+|\s*[,/]\s*")


def topics(
    places: Sequence[str],
    directory: Path | None,
    stories: Path | None,
    categories: Path | None,
    *,
    learned: bool = False,
    as_json: bool = False,
) -> int:
    """Print what was asked for: against events, against categories, else against what records declare.

    Where they declare none of the topics of the catalogue, the share of records without a topic, by language.
    `directory` has the topic files; None: the topics are the catalogue's. `learned`: with guesses, learned from these
    records as the running bot would. Returns how many items were refused.
    """
    configured = catalogue_topics() if directory is None else load_topic_files(directory)
    topics = Topics(configured)
    records, refused = read_records(places)
    if learned:
        labelled = [(record, topics.matcher.of(record)) for record in records]
        topics = Topics(configured, titles=learn_from_stream(catalogue_titles(), labelled, topics))
    facts: dict[str, object] = {"records": len(records)}
    if stories is not None:
        facts |= _of_stories(topics, records, stories)
    if categories is not None:
        facts |= _of_categories(topics, records, categories)
    if stories is None and categories is None and directory is None and not _declare_any(topics, records):
        facts |= _by_language(topics, records)
    elif stories is None and categories is None:
        total, rows = _of_declared(topics, records, ", ".join(places))
        facts |= {"all": total, "topics": rows}
    if as_json:
        print_json(facts)
    elif "all" in facts:
        print_line(f"records: {len(records):,}, topics: {len(rows)}\n")
        print_table({"all": total, **rows})
    else:
        _print(facts)
    return refused


def _print(facts: Mapping[str, object]) -> None:
    """Each figure on a line, and tables below their names."""
    for name, value in facts.items():
        if isinstance(value, Mapping):
            print_line(f"\n{name}")
            print_table(value)
        else:
            print_line(f"{name}: {value:,}" if isinstance(value, int) else f"{name}: {value}")


# Against nothing: how many are reached.


def _declare_any(topics: Topics, records: Iterable[Record]) -> bool:
    return any(topics.resolve(name) for record in records for name in record.topics)


def _by_language(topics: Topics, records: Sequence[Record]) -> dict[str, object]:
    """The share of records without a topic, of all and of each language (as the title and excerpt show it)."""
    of: Counter[str] = Counter(record.language or "not known" for record in records)
    without: Counter[str] = Counter(
        record.language or "not known" for record in records if not topics.matcher.of(record)
    )
    return {
        "without a topic": _share(without.total(), len(records)),
        "languages": {
            language: {"without": _share(without[language], count), "records": count}
            for language, count in of.most_common()
        },
    }


# Against what records declare.


def _of_declared(
    topics: Topics, records: Iterable[Record], place: str
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """The figures for all topics together, and for each."""
    right: Counter[str] = Counter()
    matched: Counter[str] = Counter()
    declared: Counter[str] = Counter()
    names = {name_key(topic.name): topic.name for topic in topics}
    for record in records:
        resolved = {topic.name for name in record.topics if (topic := topics.resolve(name)) is not None}
        says = topics.with_ancestors(resolved) & names.keys()
        finds = topics.with_ancestors(topics.matcher.matched(record)) & names.keys()
        declared.update(says)
        matched.update(finds)
        right.update(says & finds)
    if not declared:
        raise InvalidInputError(
            f"{place}: no record declares any of these topics, so there is nothing to compare. Give --stories or "
            "--categories to compare with events or categories."
        )
    rows = {
        names[key]: quality_values(quality_of(right[key], matched[key], declared[key]))
        | {"matched": matched[key], "declared": declared[key]}
        for key in sorted(names, key=lambda key: (-declared[key], key))
        if declared[key] or matched[key]
    }
    total = quality_values(quality_of(right.total(), matched.total(), declared.total()))
    total |= {"matched": matched.total(), "declared": declared.total()}
    return total, rows


# Against events.


def _of_stories(topics: Topics, records: Iterable[Record], file: Path) -> dict[str, object]:
    """What stories that are these events have as topics, once their reports have come in one after the other."""
    labels = labels_by_address(file)
    events: dict[str, list[Record]] = {}
    for record in sorted(records, key=_time):
        label = next((labels[key] for key in keys_of(record) if key in labels), None)
        if label is not None:
            events.setdefault(label, []).append(record)
    if not events:
        raise InvalidInputError(f"{file}: none of its addresses belongs to a record.")
    grown = [_grown(topics, reports) for reports in events.values()]
    big = [story for story in grown if story.reports >= BIG]
    assigned = [share for story in grown for share in story.shares]
    of_big = [share for story in big for share in story.shares]
    return {
        "events": len(events),
        f"events of {BIG} reports or more": len(big),
        "of which without a topic": _share(sum(not story.shares for story in big), len(big)),
        "topics each": round(len(of_big) / len(big), 2) if big else 0.0,
        f"topics that less than {WEAK:.0%} of the voices say": _share(
            sum(share < WEAK for share in of_big), len(of_big)
        ),
        "the same in all events": _share(sum(share < WEAK for share in assigned), len(assigned)),
        "changes of topics after the tenth report": round(sum(s.changes for s in big) / len(big), 2)
        if big
        else 0.0,
    }


@dataclass(frozen=True, slots=True)
class _Grown:
    """A story once all reports are in: the share of voices behind each topic, and how often its topics changed."""

    reports: int
    shares: tuple[float, ...]
    changes: int


def _grown(topics: Topics, reports: Sequence[Record]) -> _Grown:
    members = [Stored(i, record, _time(record), _time(record)) for i, record in enumerate(reports, 1)]
    matches = {member.id: topics.matcher.of(member.record) for member in members}
    assigned: dict[int, frozenset[str]] = {}
    changes = 0
    for count in range(1, len(members) + 1):
        story = Story(1, tuple(members[:count]), {}, matches, assigned)
        decided = {
            server: frozenset(k for _, k in labels) for server, labels in topics_by_server(story).items()
        }
        changes += count > BIG and decided != assigned
        assigned = decided
    view = story_view(Story(1, tuple(members), {}, matches, assigned))
    shares = tuple(one.voices / one.of for one in view.evidence if one.assigned) if view else ()
    return _Grown(len(members), shares, changes)


def _time(record: Record) -> datetime:
    return record.published or datetime.min.replace(tzinfo=UTC)


def _share(part: int, whole: int) -> float:
    return round(part / whole, 3) if whole else 0.0


# Against categories.


def _of_categories(topics: Topics, records: Iterable[Record], file: Path) -> dict[str, object]:
    """Whether the root topics of records are those of their categories. A category is named as topics are.

    Only roots that a category names are compared: of an article on business nobody said that it is not about Europe.
    """
    labels = labels_by_address(file)
    roots = {label: _roots_named(topics, label) for label in sorted(set(labels.values()))}
    unknown = [label for label, of in roots.items() if not of]
    if len(unknown) == len(roots):
        raise InvalidInputError(
            f"{file}: the category {unknown[0]!r} is no name of a topic, and no other is."
        )
    named = frozenset().union(*roots.values())
    right = assigned = total = without = 0
    reached: Counter[str] = Counter()
    of_category: Counter[str] = Counter()
    for record in records:
        label = next((labels[key] for key in keys_of(record) if key in labels), None)
        if label is None or not roots[label]:
            continue
        own = topics.matcher.of(record)
        found = {_root(topics, match.topic) for match in own} & named
        total += 1
        without += not own
        right += len(found & roots[label])
        assigned += len(found)
        of_category[label] += 1
        reached[label] += bool(found & roots[label])
    if not total:
        raise InvalidInputError(f"{file}: none of its addresses belongs to a record.")
    return {
        "records with a category": total,
        "without a topic": _share(without, total),
        "precision at the root": _share(right, assigned),
        "categories": {
            label: {"recall": _share(reached[label], count), "records": count}
            for label, count in sorted(of_category.items())
        },
    } | ({"left out, as no topic has that name": ", ".join(unknown)} if unknown else {})


def _roots_named(topics: Topics, label: str) -> frozenset[str]:
    """The root topics of a category: `science and technology` are two. None where no topic has such a name."""
    named = (topics.resolve(name) for name in (label, *_JOINED.split(label)))
    return frozenset(_root(topics, topic.name) for topic in named if topic is not None)


def _root(topics: Topics, name: str) -> str:
    return name_key(topics.root(name))
