"""What a model answers, and what no answer may have, whatever the model was asked. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeAlias

import regex

from bot.domain.briefs.candidates import Sentence
from bot.domain.briefs.lexicon import SPELLED
from bot.domain.text.words import fold, stands_alone

LONGEST_ANSWER = 8_000  # characters: a longer one is not parsed
CONTENT = 4  # letters from which a word says something by itself: it must not be new, and keeps its place


class ModelSentence(NamedTuple):
    """A sentence in a model's words, and the places in the brief of the sentences that it cites, from 0."""

    text: str
    cites: tuple[int, ...]


class Rejection(StrEnum):
    """Why an answer is not shown."""

    FORM = "form"  # not the JSON that was asked for, or not the sources that were given
    LENGTH = "length"
    CHARACTERS = "characters"  # markup, links, mentions, commands, letters of another script
    NUMBER = "number"
    NAME = "name"
    QUOTATION = "quotation"
    ORDER = "order"
    NEGATION = "negation"
    NEW_WORDS = "new words"
    LANGUAGE = "language"  # a translation is not in the language that was asked for


@dataclass(frozen=True, slots=True)
class AcceptedAnswer:
    """An answer that may be shown."""

    lines: tuple[ModelSentence, ...]


@dataclass(frozen=True, slots=True)
class RejectedAnswer:
    """An answer that must not be shown."""

    reason: Rejection


Verdict: TypeAlias = AcceptedAnswer | RejectedAnswer

# Markdown, mentions, links, commands and what else has a meaning in Discord; and what tells a text's direction.
_MARKUP = regex.compile(
    r"[*_~`|<>\[\]{}\\#@^=\p{Cc}\p{Bidi_Control}]|://|(?i:\bwww\.)|(?<!\w)/|^\s*[-+>•]|\s{2}"
)
PLAIN = frozenset("0123456789 .,;:!'\"()-–—’“”…")
_ADDRESS = regex.compile(r"[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*\.\p{L}[\p{L}\p{N}-]+")  # no number is one
_MIXED = regex.compile(r"(?=.*\p{Latin})(?=.*[\p{L}--\p{Latin}])", regex.V1)
_DOUBLE = regex.compile(r'"([^"]*)"')
_SINGLE = regex.compile(r"(?<!\w)'((?:[^']|(?<=\w)'(?=\w))+)'(?!\w)")
_TOKEN = regex.compile(
    r"(?P<number>(?<![\p{L}\p{M}])(?:\p{Sc}\s?|(?<!\p{N})[+\-−])?\p{N}+(?:[.,:/’'\u00a0\u202f]\p{N}+)*(?:\s?[%‰°\p{Sc}])?(?![\p{L}\p{M}]))"
    r"|(?P<word>[\p{L}\p{M}\p{N}]+)|(?P<stop>[^\s'’])"
)
_DIGIT = regex.compile(r"\p{N}")
_CASED = regex.compile(r"[\p{Lu}\p{Lt}\p{Ll}]")
_CAPITAL = regex.compile(r"[\p{Lu}\p{Lt}]")
_LINKS = regex.compile(r"(?:https?:|www\.)\S+|\S+@\S+|[@#]\w+|<[^<>]*>")
_SENT_MARKUP = regex.compile(r"[*_~`|<>\[\]{}\\#@\p{Cc}\p{Bidi_Control}]+")


class Token(NamedTuple):
    """A number, a word, or a mark between them. `shown`: as it stands there; `folded`: without case and form."""

    shown: str
    folded: str
    is_number: bool
    is_first: bool  # of the text

    @property
    def is_mark(self) -> bool:
        """Whether it separates words."""
        return not self.is_number and not self.shown[0].isalnum()

    @property
    def has_digit(self) -> bool:
        """Whether it is a number, or a name such as `F16`."""
        return self.is_number or _DIGIT.search(self.shown) is not None or self.folded in SPELLED

    @property
    def is_name(self) -> bool:
        """Whether it may be a name: a word with a capital, and every word of a script that has none."""
        return _CAPITAL.search(self.shown) is not None or _CASED.search(self.shown) is None

    @property
    def must_keep_order(self) -> bool:
        """Whether it is a number, a name or a word that says something."""
        return self.has_digit or self.is_name or len(self.folded) >= CONTENT


def request(sentences: Sequence[Sentence]) -> str:
    """The sentences as the model gets them: JSON, without addresses, mentions and markup."""
    texts = [_SENT_MARKUP.sub(" ", _LINKS.sub(" ", sentence.text)) for sentence in sentences]
    numbered = [{"source": number, "text": " ".join(text.split())} for number, text in enumerate(texts, 1)]
    return json.dumps({"sentences": numbered}, ensure_ascii=False)


def parse_answer(answer: str, count: int) -> tuple[ModelSentence, ...] | None:
    """The sentences of an answer; None where it does not have the form that was asked for."""
    if len(answer) > LONGEST_ANSWER:
        return None
    try:
        value = json.loads(answer)
    except (ValueError, RecursionError):
        return None
    match value:
        case {"sentences": [*entries], **rest} if not rest:
            lines = tuple(map(_line, entries))
        case _:
            return None
    found = tuple(line for line in lines if line is not None)
    cited = sorted(number for line in found for number in line.cites)
    return found if len(found) == len(lines) and cited == list(range(count)) else None


def _line(entry: object) -> ModelSentence | None:
    match entry:
        case {"text": str(text), "sources": [int(), *_] as sources, **rest} if not rest:
            if all(type(number) is int for number in sources):
                return ModelSentence(text.strip(), tuple(number - 1 for number in sources))
    return None


def has_markup(text: str, cited: str) -> bool:
    """Whether a text has links, mentions, Markdown, commands, or a word of two scripts, that the cited sentence has not."""
    if _MARKUP.search(text) or not set(_ADDRESS.findall(text)) <= set(_ADDRESS.findall(cited)):
        return True
    return any(word not in cited for word in regex.findall(r"[\p{L}\p{M}]+", text) if _MIXED.match(word))


def quotations(text: str) -> Iterator[str]:
    """What stands between quotation marks of any kind; a mark without another one quotes the rest."""
    marked = fold(text)
    yield from (found[1].strip() for found in _DOUBLE.finditer(marked))
    if marked.count('"') % 2:
        yield marked.rpartition('"')[2].strip()
    yield from (found[1].strip() for found in _SINGLE.finditer(marked))


def tokens(text: str) -> Iterator[Token]:
    """Numbers, words and marks in order; each character of a script without spaces is a word."""
    spaced = "".join(f" {c} " if stands_alone(c) else c for c in text)
    first = True
    for found in _TOKEN.finditer(spaced):
        shown = found[0]
        token = Token(shown, fold(shown), found["number"] is not None, first)
        yield token
        first = first and token.is_mark
