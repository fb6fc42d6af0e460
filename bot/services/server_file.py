"""The file that a server takes from one bot to another: what it has, and how it is written and read.

Reading checks the form alone: types, lengths, counts and that nothing is there twice or unknown. What the values mean is
for `bot.services.moving` to check. Ids are strings, because many programs round numbers of that size.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from bot.domain.text.cleaning import clip
from bot.errors import InvalidInputError
from bot.i18n import comma_list, mark, number, tr

FORMAT = "topicwire-server"
VERSION = 1
MOST_BYTES = 1_000_000
MOST_ENTRIES = 1_000  # of one kind: more than any limit of a server
MOST_DECISIONS = 500  # the newest; each may move articles from one story to another

Id = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,18}$")]
Short = Annotated[str, Meta(max_length=200)]
Text = Annotated[str, Meta(max_length=4_000)]
Names = Annotated[list[Short], Meta(max_length=100)]
Time = Annotated[datetime, Meta(tz=True)]


class FileEntry(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """An entry of the file. Fields that are left out have their defaults."""


class MovedSettings(FileEntry):
    """What holds for the whole server. None and False leave what is there."""

    language: Short | None = None
    template: Text | None = None
    votes: bool = False
    rephrased_briefs: bool = False


class MovedTopic(FileEntry):
    """A topic that the server made."""

    name: Short
    query: Text = ""
    aliases: Names = []
    parent: Short = ""


class MovedFeed(FileEntry):
    """A feed that the server added."""

    address: Annotated[str, Meta(max_length=2_000)]
    name: Short = ""
    title: Annotated[str, Meta(max_length=1_000)] = ""
    topics: Names = []


class MovedQuietHours(FileEntry):
    """Hours without posts, local times."""

    start: Short
    end: Short
    zone: Short


class MovedChannel(FileEntry):
    """What is set for a channel besides subscriptions and digests. None and False leave what is there."""

    channel: Id
    posts_per_hour: int | None = None
    quiet_hours: MovedQuietHours | None = None
    threads: bool = False
    digests_off: bool = False
    open_to_alerts: bool = False
    brief_language: Short | None = None


class MovedSubscription(FileEntry):
    """A channel's subscription to a topic."""

    channel: Id
    topic: Short
    mode: Short = "live"
    volume: Short | None = None
    digest_volume: Short | None = None
    mention: Id | None = None
    ping_from: Short = "any"
    publish: bool = False
    layout: Short = "card"
    colour: Short | None = None
    announces_major: bool = False
    created_at: Time | None = None


class MovedDigest(FileEntry):
    """A digest of a channel. Without `at` it comes at the default time."""

    channel: Id
    name: Short = ""
    topic: Short | None = None
    at: Short | None = None
    zone: Short = "UTC"
    days: Short = "daily"
    size: int | None = None
    style: Short = "brief"
    planned: bool = True
    created_at: Time | None = None
    covered_until: Time | None = None


class MovedMute(FileEntry):
    """An outlet or words that are muted, in a channel or in the whole server."""

    value: Short
    channel: Id | None = None


class MovedDecision(FileEntry):
    """Two articles, by their keys, that people said report the same event, or do not."""

    one: Annotated[str, Meta(max_length=4_000)]
    other: Annotated[str, Meta(max_length=4_000)]
    same: bool
    at: Time


class ServerFile(FileEntry, omit_defaults=False):
    """Everything that a server takes along."""

    format: str
    version: int
    server: Id
    exported_at: Time
    settings: MovedSettings = msgspec.field(default_factory=MovedSettings)
    topics: Annotated[list[MovedTopic], Meta(max_length=MOST_ENTRIES)] = []
    feeds: Annotated[list[MovedFeed], Meta(max_length=MOST_ENTRIES)] = []
    channels: Annotated[list[MovedChannel], Meta(max_length=MOST_ENTRIES)] = []
    subscriptions: Annotated[list[MovedSubscription], Meta(max_length=MOST_ENTRIES)] = []
    digests: Annotated[list[MovedDigest], Meta(max_length=MOST_ENTRIES)] = []
    mutes: Annotated[list[MovedMute], Meta(max_length=MOST_ENTRIES)] = []
    decisions: Annotated[list[MovedDecision], Meta(max_length=MOST_DECISIONS)] = []


def encode(file: ServerFile) -> bytes:
    """The file as JSON, for people to read as well."""
    return msgspec.json.format(msgspec.json.encode(file), indent=2) + b"\n"


def decode(content: bytes) -> ServerFile:
    """The file. InvalidInputError names the place of the first mistake, and what is allowed there."""
    if len(content) > MOST_BYTES:
        raise InvalidInputError(tr("The file is larger than {most} bytes.", most=number(MOST_BYTES)))
    data = _json(content)
    if not _is_storable(data):
        raise InvalidInputError(tr("The file has characters that are not allowed, such as half of an emoji."))
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise InvalidInputError(
            tr(
                'This is not a file from `/data export`: its field "format" is not "{format}".',
                format=FORMAT,
            )
        )
    if data.get("version") != VERSION:
        raise InvalidInputError(
            tr(
                "The format of the file has version {version}, but this bot reads version {supported}. Run the same "
                "version of Topicwire in both places, then export the file again.",
                version=clip(repr(data.get("version")), 20),
                supported=VERSION,
            )
        )
    try:
        return msgspec.convert(data, ServerFile)
    except msgspec.ValidationError as error:
        raise InvalidInputError(_in_words(str(error))) from None
    except (RecursionError, OverflowError, ValueError):
        raise InvalidInputError(
            tr("The file is nested too deeply, or has numbers that are too large.")
        ) from None


def _json(content: bytes) -> Any:
    try:
        return json.loads(content.decode("utf-8-sig"), object_pairs_hook=_unique, parse_constant=_refused)
    except UnicodeDecodeError:
        raise InvalidInputError(tr("The file is not in UTF-8.")) from None
    except json.JSONDecodeError as error:
        raise InvalidInputError(
            tr(
                "The file is not valid JSON: see line {line}, column {column}.",
                line=error.lineno,
                column=error.colno,
            )
        ) from None
    except (RecursionError, ValueError):
        raise InvalidInputError(
            tr("The file is nested too deeply, or has numbers that are too large.")
        ) from None


def _is_storable(data: Any) -> bool:
    """Whether a database can store all texts: PostgreSQL refuses NUL, and neither takes halves of surrogate pairs."""
    waiting = [data]
    while waiting:
        match waiting.pop():
            case str(text) if "\0" in text or _SURROGATE.search(text):
                return False
            case dict(fields):
                waiting += (*fields, *fields.values())
            case list(entries):
                waiting += entries
    return True


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise InvalidInputError(
            tr("The file has the field “{name}” twice in one entry.", name=clip(twice, 40))
        )
    return fields


def _refused(constant: str) -> Any:
    raise InvalidInputError(tr("Numbers in the file cannot be {value}.", value=constant))


_SURROGATE = re.compile("[\ud800-\udfff]")
_TYPES = {
    "str": mark("text"),
    "int": mark("a whole number"),
    "float": mark("a number"),
    "bool": mark("true or false"),
    "array": mark("a list"),
    "object": mark("an entry with fields"),
    "datetime": mark("a time"),
    "null": mark("nothing"),
}
_PLACE = re.compile(r"(.*?)(?: - at `\$\.?(.*)`)?", re.DOTALL)
_WRONG_TYPE = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
_TOO_LONG = re.compile(r"Expected `(\w+)` of length <= (\d+)")
_FIELD = re.compile(r"Object (missing required|contains unknown) field `(.*)`", re.DOTALL)


def _in_words(message: str) -> str:
    """What msgspec says of a mistake, in the language spoken. Places look like `subscriptions[3].topic`."""
    match = _PLACE.fullmatch(message)
    problem, place = (match[1], match[2] or "") if match else (message, "")
    what = _problem(problem)
    if not place:
        return what
    return tr("{place}: {problem}", place=clip(place, 100), problem=what)


def _problem(problem: str) -> str:
    if (wrong := _WRONG_TYPE.match(problem)) is not None:
        expected = comma_list(
            tr(_TYPES[name]) for name in re.split(r"\W+", wrong[1]) if name in _TYPES and name != "null"
        )
        return tr(
            "Expected {expected}, but the file has {got}.",
            expected=expected,
            got=tr(_TYPES.get(wrong[2], wrong[2])),
        )
    if (long := _TOO_LONG.match(problem)) is not None:
        most = number(int(long[2]))
        if long[1] == "array":
            return tr("There may be at most {most} entries here.", most=most)
        return tr("This may have at most {most} characters.", most=most)
    if (field := _FIELD.match(problem)) is not None:
        name = clip(field[2], 40)
        if field[1].startswith("missing"):
            return tr("The field “{name}” is missing.", name=name)
        return tr("The field “{name}” is unknown.", name=name)
    if "regex" in problem:
        return tr("This must be a Discord ID: digits in quotation marks.")
    return tr("This must be a time, such as 2026-03-02T12:00:00Z.")
