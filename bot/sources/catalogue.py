"""The starter catalogue that comes with the package: topics, and the feeds of well-known outlets."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from bot.domain.model import Topic
from bot.domain.text.cleaning import repair
from bot.domain.topics.learned import TitleModel, row
from bot.errors import ConfigError
from bot.sources.documents import Unreadable, documents
from bot.sources.fields import Fields, require_text
from bot.sources.topic_files import load_topics

MAX_TEXT = 300


@dataclass(frozen=True, slots=True)
class CatalogueFeed:
    """A feed of the catalogue. `seen` is the page from which its address was taken."""

    url: str
    name: str
    topics: tuple[str, ...]
    language: str
    seen: str


@cache
def _catalogue_directory() -> Path:
    return Path(str(resources.files("bot.catalogue")))


def catalogue_topics() -> tuple[Topic, ...]:
    """The topics of the catalogue. Raises ConfigError if the package is damaged."""
    return _topics(_catalogue_directory() / "topics")


@cache
def _topics(directory: Path) -> tuple[Topic, ...]:
    """Read once: it takes a quarter of a second."""
    topics, rejected = load_topics(directory)
    if rejected:
        raise ConfigError("catalogue", [f"{error.path}: {error.reason}" for error in rejected])
    return topics


def catalogue_feeds() -> tuple[CatalogueFeed, ...]:
    """The feeds of the catalogue. Raises ConfigError if the package is damaged."""
    return _feeds(_catalogue_directory() / "feeds")


@cache
def _feeds(directory: Path) -> tuple[CatalogueFeed, ...]:
    feeds: list[CatalogueFeed] = []
    problems: list[str] = []
    for path in sorted(directory.glob("*.yaml")):
        with path.open("rb") as stream:
            for item, value in documents(stream, path.name):
                try:
                    if isinstance(value, Unreadable):
                        raise value
                    feeds.append(_listed(Fields(value, what="feed")))
                except ValueError as error:
                    problems.append(f"{path.name}: {item}: {error}")
    if problems:
        raise ConfigError("catalogue", problems)
    return tuple(feeds)


@cache
def catalogue_titles() -> TitleModel:
    """The model that guesses the root topic of a title. Raises ConfigError if the file is missing or damaged."""
    path = _catalogue_directory() / "titles.json"
    try:
        model = json.loads(path.read_bytes())
        topics = tuple(map(str, model["topics"]))
        counts = {
            str(stem): row(float(of.get(str(at), 0)) for at in range(len(topics)))
            for stem, of in model["counts"].items()
        }
        # Else it would be a guess that fails, in the middle of an intake.
        if len(topics) < 2 or not all(min(of) >= 0 and 0 < sum(of) < math.inf for of in counts.values()):
            raise ValueError("these are no counts of words by topic")
        return TitleModel(topics, counts, tuple((float(m), float(c)) for m, c in model["steps"]))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigError(
            "catalogue",
            [f"{path} cannot be read ({error}), so only keywords decide topics. Install Topicwire again."],
        ) from error


def _listed(fields: Fields) -> CatalogueFeed:
    return CatalogueFeed(
        url=fields.raw_text("url"),
        name=fields.text("name", MAX_TEXT),
        topics=tuple(repair(require_text(entry, name), MAX_TEXT) for name, entry in fields.entries("topics")),
        language=fields.text("language", MAX_TEXT),
        seen=fields.text("seen", MAX_TEXT),
    )
