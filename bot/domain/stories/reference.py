"""How people name a story: by its number as posts write it, a link, a message of Discord, or words of its title."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

from bot.i18n import in_every_language, tr

LONGEST_NUMBER = 9  # digits of a story's number
SNOWFLAKE = range(15, 21)  # digits that an id of Discord has

_AROUND = " \t\r\n`*_~<>()[]{}\"'“”‘’„«»|,;"
_AFTER = _AROUND + ".:!?"
_SEPARATED = re.compile(r"\s*[·•|—–:]")
_MESSAGE = re.compile(
    r"https?://(?:[a-z]+\.)?discord(?:app)?\.com/channels/(?:\d+|@me)/(\d+)(?:/(\d+))?", re.IGNORECASE
)
_ADDRESS = re.compile(r"https?://[^\s<>]+", re.IGNORECASE)
_BARE_ADDRESS = re.compile(r"(?:[\w-]+\.)+[^\W\d_]{2,}/\S+")  # `example.com/story`, without its scheme


@dataclass(frozen=True, slots=True)
class StoryNumber:
    """A story's number."""

    number: int


@dataclass(frozen=True, slots=True)
class MessageIds:
    """A message of Discord, by its id or by that of the thread that it opened."""

    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ArticleLink:
    """The link of an article."""

    url: str


@dataclass(frozen=True, slots=True)
class Words:
    """Words of a title. `number` is meant where no title has them, as in `#12 Harbour bridge closed`."""

    text: str
    number: int | None = None


@cache
def _number() -> re.Pattern[str]:
    """A number, with what a story is called in any of the languages, as below a post: `Story #12`, `Historia #12`."""
    labels = {
        unicodedata.normalize("NFKC", label)
        for label in in_every_language(lambda: tr("Story #{number}", number=1))
    }
    words = "|".join(sorted(re.escape(label.partition("#")[0].strip()) for label in labels))
    return re.compile(
        rf"(?P<story>(?:{words})[\s:=-]*)?"
        r"(?P<sign>#\s*|n(?:o|r|umber|°)?[.\s]*(?=\d))?(?P<digits>\d+)(?P<rest>.*)",
        re.IGNORECASE | re.DOTALL,
    )


Reference = StoryNumber | MessageIds | ArticleLink | Words


def parse(text: str) -> Reference:
    """What a story is named by.

    >>> parse("Story #12 · Space · 3 outlets")
    Number(number=12)
    """
    typed = unicodedata.normalize("NFKC", text).strip(_AROUND)
    match = _number().fullmatch(typed)
    if match is not None and (reference := _numbered(typed, match)) is not None:
        return reference
    if message := _MESSAGE.search(typed):
        return MessageIds(tuple(int(message_id) for message_id in message.groups() if message_id))
    if "://" in text:
        address = _ADDRESS.search(text)
        url = address[0].rstrip("".join(set(_AFTER) - set(")_/"))) if address else text.strip()
        return ArticleLink(url if "(" in url else url.rstrip(")"))
    if _BARE_ADDRESS.fullmatch(typed):
        return ArticleLink(f"https://{typed}")
    return Words(text.strip())


def _numbered(typed: str, match: re.Match[str]) -> Reference | None:
    digits, rest = match["digits"], match["rest"].strip(_AFTER)
    named = bool(match["story"] or (match["sign"] or "").startswith("#"))
    if len(digits) in SNOWFLAKE:
        return MessageIds((int(digits),)) if not rest else None
    number = int(digits[: LONGEST_NUMBER + 1])  # one that is too long is no story's, whatever follows
    if not rest or (named and _SEPARATED.match(match["rest"].lstrip(_AROUND))):
        return StoryNumber(number)
    return Words(typed, number) if named else None
