"""Templates of posts: a server's text with named placeholders. Pure.

A template is read once into pieces. Filling it puts a value in the place of each placeholder, in one pass: a value is never read
as a template. `{{` and `}}` stand for braces.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum, auto

from bot.domain.text.cleaning import length

MOST_LENGTH = 1000  # UTF-16 units of a template; a message has 4,000 for everything
PICTURE = "picture"
# What a template can name. The documents list what each of them is.
PLACEHOLDERS = (
    "headline", "title", "link", "brief", "what_changed", "topics", "outlet", "outlets", "outlet_count", "time", "updated",
    "story", PICTURE,
)  # fmt: skip
NAMING = frozenset(
    ("headline", "title", "link")
)  # a post without any of these would not say what it is about

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}\n]*)\}|[{}]")
_WORD = re.compile(r"\s*(\w+)")  # what was meant, where more stands behind it
# Invisible signs that change the direction of a text, or end it, see https://www.unicode.org/reports/tr9/
_HIDDEN = {"Cc", "Cs", "Co", "Cn"}
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class TemplateFault(Enum):
    """What is wrong with a template."""

    EMPTY = auto()
    TOO_LONG = auto()
    UNKNOWN_PLACEHOLDER = auto()
    BRACE_NOT_CLOSED = auto()
    BRACE_NOT_OPENED = auto()
    PICTURE_NOT_ALONE = auto()
    PICTURE_TWICE = auto()
    NAMES_NO_STORY = auto()


@dataclass(frozen=True, slots=True)
class TemplateProblem:
    """Why a text is no template. `line` and `column` count from 1; 0: it is about the whole. `near` are names like `name`."""

    fault: TemplateFault
    line: int = 0
    column: int = 0
    name: str = ""
    near: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Placeholder:
    """The place of a value."""

    name: str


Piece = str | Placeholder
Line = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """The lines of a template, in pieces. `{picture}` is a line of its own."""

    lines: tuple[Line, ...]

    @property
    def names(self) -> frozenset[str]:
        """The placeholders that it has."""
        return frozenset(
            piece.name for line in self.lines for piece in line if isinstance(piece, Placeholder)
        )


def read_template(text: str) -> Template | TemplateProblem:
    """The template that a text is, or the first problem with it.

    >>> read_template("**{headline}**")
    Template(lines=(('**', Placeholder(name='headline'), '**'),))
    >>> read_template("See {headlin}")
    TemplateProblem(fault=<TemplateFault.UNKNOWN_PLACEHOLDER: 3>, line=1, column=5, name='headlin', near=('headline',))
    """
    if not text.strip():
        return TemplateProblem(TemplateFault.EMPTY)
    if length(text) > MOST_LENGTH:
        return TemplateProblem(TemplateFault.TOO_LONG)
    lines: list[Line] = []
    has_picture = False
    for number, line in enumerate(text.strip().splitlines(), 1):
        pieces = _read_line(line, number)
        if isinstance(pieces, TemplateProblem):
            return pieces
        if Placeholder(PICTURE) in pieces:
            column = line.index("{" + PICTURE) + 1
            if line.strip() != "{" + PICTURE + "}":
                return TemplateProblem(TemplateFault.PICTURE_NOT_ALONE, number, column)
            if has_picture:
                return TemplateProblem(TemplateFault.PICTURE_TWICE, number, column)
            has_picture = True
            pieces = (Placeholder(PICTURE),)
        lines.append(pieces)
    template = Template(tuple(lines))
    return template if NAMING & template.names else TemplateProblem(TemplateFault.NAMES_NO_STORY)


def _read_line(line: str, number: int) -> Line | TemplateProblem:
    """The pieces of a line; literal pieces that touch are one."""
    pieces: list[Piece] = []
    literal = ""
    end = 0
    for token in _TOKEN.finditer(line):
        literal += line[end : token.start()]
        end = token.end()
        column = token.start() + 1
        match token[0]:
            case "{{" | "}}":
                literal += token[0][0]
            case "{":
                return TemplateProblem(TemplateFault.BRACE_NOT_CLOSED, number, column)
            case "}":
                return TemplateProblem(TemplateFault.BRACE_NOT_OPENED, number, column)
            case _ if token[1] in PLACEHOLDERS:
                pieces += [_visible(literal), Placeholder(token[1])]
                literal = ""
            case _:
                word = _WORD.match(token[1])
                near = tuple(get_close_matches(word[1].lower(), PLACEHOLDERS, 3)) if word else ()
                return TemplateProblem(TemplateFault.UNKNOWN_PLACEHOLDER, number, column, token[1], near)
    pieces.append(_visible(literal + line[end:]))
    return tuple(piece for piece in pieces if piece != "")


def _visible(literal: str) -> str:
    """A literal without control characters and signs of direction, which could hide or turn what stands beside it."""
    return "".join(_shown(literal))


def _shown(literal: str) -> Iterator[str]:
    for character in literal:
        if character == "\t":
            yield " "
        elif unicodedata.category(character) not in _HIDDEN and character not in _DIRECTIONS:
            yield character
