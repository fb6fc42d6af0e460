"""Topic definitions: from a directory of YAML or JSON files, or given inline in the configuration."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from bot.domain.model import Topic
from bot.domain.text.cleaning import clip, repair
from bot.domain.text.terminal import one_line
from bot.domain.text.words import name_key
from bot.domain.topics.keywords import SHORTEST_STEM, STEM, short_stems
from bot.domain.topics.query.language import QueryError, parse
from bot.sources.documents import Unreadable, documents
from bot.sources.fields import Fields, describe_value, require_text
from bot.sources.model import Rejected

MAX_NAME = 80
MAX_KEYWORD = 100
MAX_KEYWORDS = 1000
_REASON = 300
_WHITE = 0xFFFFFF
ANY_LANGUAGE = "any"  # the keywords of a topic that count in all languages
_LANGUAGE = re.compile("[a-z]{2}")
_SUFFIXES = frozenset({".yaml", ".yml", ".json"})


def load_topics(
    directory: Path, other_names: Iterable[str] = ()
) -> tuple[tuple[Topic, ...], tuple[Rejected, ...]]:
    """The topics of all files below a directory in the order of their paths, and the rejected ones.

    `other_names` are names of topics defined elsewhere, which may be parents too. A topic with an unknown or circular parent
    is reported, and loaded without a parent. Never raises.
    """
    topics: dict[str, Topic] = {}
    places: dict[str, tuple[str, int]] = {}
    rejected: list[Rejected] = []
    for path, item, value in _values(directory):
        try:
            if isinstance(value, Unreadable):
                raise value
            topic = topic_from_mapping(value)
            key = name_key(topic.name)
            if key in topics:
                raise ValueError(f"name: the topic {topic.name!r} is already defined in {places[key][0]}")
            topics[key], places[key] = topic, (path, item)
        except ValueError as error:
            rejected.append(Rejected(path, item, clip(str(error), _REASON)))
    names = {name_key(name) for name in other_names}
    for key, topic in topics.items():
        if topic.parent and (problem := _parent_problem(key, topics, names)):
            topics[key] = replace(topic, parent="")
            rejected.append(Rejected(*places[key], clip(problem, _REASON)))
    return tuple(topics.values()), tuple(rejected)


def topic_from_mapping(value: object) -> Topic:
    """A topic from the fields of a topic file. Raises `ValueError` that names the invalid field."""
    fields = Fields(value, what="topic")
    name = fields.text("name", MAX_NAME)
    if not name:
        raise fields.error("name", "missing")
    any_language, of_languages = _keywords(fields)
    return Topic(
        name=name,
        shortname=fields.text("shortname", MAX_NAME),
        slug=fields.text("_id", MAX_NAME),
        parent=fields.text("parent", MAX_NAME),
        keywords=any_language,
        aliases=_texts(fields, "aliases"),
        fields=_searched_fields(fields),
        colour=_colour(fields),
        query=_query(fields),
        language_keywords=of_languages,
    )


def _values(directory: Path) -> Iterator[tuple[str, int, object]]:
    """Path, item number and value of every document in the directory's files."""
    try:
        paths = sorted(path for path in directory.rglob("*") if path.suffix.lower() in _SUFFIXES)
        if not paths and not directory.is_dir():
            raise NotADirectoryError(20, "no such directory")
    except OSError as error:
        yield str(directory), 1, Unreadable(error.strerror or "cannot be read")
        return
    for path in paths:
        try:
            with path.open("rb") as stream:
                for item, value in documents(stream, path.name):
                    yield one_line(str(path)), item, value
        except OSError as error:
            yield one_line(str(path)), 1, Unreadable(error.strerror or "cannot be read")


def _parent_problem(key: str, topics: Mapping[str, Topic], other_names: set[str]) -> str:
    """The problem with a topic's parent, or an empty text."""
    parent = topics[key].parent
    ancestor = name_key(parent)
    if ancestor not in topics and ancestor not in other_names:
        return f"parent: there is no topic {parent!r}; the parent is ignored"
    visited: set[str] = set()
    while ancestor in topics and ancestor not in visited:
        if ancestor == key:
            return f"parent: {parent!r} is the topic itself or one of its subtopics; the parent is ignored"
        visited.add(ancestor)
        ancestor = name_key(topics[ancestor].parent)
    return ""


def _texts(fields: Fields, field: str) -> tuple[str, ...]:
    """The distinct texts of a list, ignoring case."""
    texts: dict[str, str] = {}
    for name, entry in fields.entries(field):
        if len(texts) == MAX_KEYWORDS:
            raise fields.error(field, f"expected at most {MAX_KEYWORDS:,} entries")
        text = repair(require_text(entry, name), MAX_KEYWORD)
        if text:
            texts.setdefault(name_key(text), text)
    return tuple(texts.values())


def _keywords(fields: Fields) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """The keywords that count in any language, and (language, keyword) for those that count in one.

    They are a list, for any language, or lists by language, with `any` among them.
    """
    if not isinstance(fields.raw("keywords"), Mapping):
        return _checked_keywords(fields, "keywords"), ()
    by_language = fields.inner("keywords")
    any_language: tuple[str, ...] = ()
    of_languages: list[tuple[str, str]] = []
    for code in by_language.names():
        if code == ANY_LANGUAGE:
            any_language = _checked_keywords(by_language, code)
        elif _LANGUAGE.fullmatch(code):
            of_languages += [(code, keyword) for keyword in _checked_keywords(by_language, code)]
        else:
            raise by_language.error(code, "expected a language of two letters, such as en, or any")
    if len(any_language) + len(of_languages) > MAX_KEYWORDS:
        raise fields.error("keywords", f"expected at most {MAX_KEYWORDS:,} entries")
    return any_language, tuple(of_languages)


def _checked_keywords(fields: Fields, field: str) -> tuple[str, ...]:
    keywords = _texts(fields, field)
    for keyword in keywords:
        for stem in short_stems(keyword):
            raise fields.error(
                field, f"{stem!r}: a stem needs {SHORTEST_STEM} characters or more before its {STEM}"
            )
    return keywords


def _searched_fields(fields: Fields) -> Literal["title", "title+excerpt"]:
    declared = fields.text("fields", MAX_NAME)
    if declared not in ("", "title", "title+excerpt"):
        raise fields.error("fields", f"expected title or title+excerpt, got {describe_value(declared)}")
    return "title+excerpt" if declared == "title+excerpt" else "title"


def _query(fields: Fields) -> str:
    """The query in its canonical form."""
    text = fields.raw_text("query").strip()
    if not text:
        return ""
    try:
        return str(parse(text))
    except QueryError as error:
        raise fields.error("query", str(error)) from None


def _colour(fields: Fields) -> int | None:
    """A colour given as `#rrggbb` in quotes, or as the same number."""
    declared = fields.raw("colour")
    if isinstance(declared, str) and len(declared) == 7 and declared.startswith("#"):
        try:
            return int(declared[1:], 16)
        except ValueError:
            pass
    elif declared is None or (type(declared) is int and 0 <= declared <= _WHITE):
        return declared
    raise fields.error("colour", f'expected "#rrggbb" in quotes, got {describe_value(declared)}')
