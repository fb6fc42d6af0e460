"""Reads queries: from left to right, into a tree in its canonical shape, or an error that names the character."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import NamedTuple, get_args

from bot.domain.model import RecordType
from bot.domain.records.identity import registered_domain
from bot.domain.text.cleaning import clip
from bot.domain.text.words import plain_words, stands_alone
from bot.domain.topics.query.document import TEXTS
from bot.domain.topics.query.tree import (
    LOOK,
    NEARNESS,
    And,
    Node,
    Not,
    Number,
    Or,
    Prefix,
    Sign,
    Term,
    Value,
    both,
    either,
    near,
    price,
    written,
)
from bot.i18n import comma_list, mark, number, tr

MAX_LENGTH = 1_000
MAX_TERMS = 100
MAX_PHRASE = 50  # words of one phrase
MAX_DEPTH = 20
MAX_PRICE = 200  # see `tree.price`
MAX_DISTANCE = 50
MIN_PREFIX = 2
MAX_NUMBER = 999_999_999

VALUES = ("domain", "type", "lang", "topic")
NUMBERS = ("quality", "heat")

_WINDOW = 60  # as much of a query is drawn around an error

# Quotes and parentheses as keyboards and phones write them.
_SAME = str.maketrans({**dict.fromkeys("“”„‟«»＂", '"'), "（": "(", "）": ")", "：": ":"})
_ENDS = r'(?![^\s()"])'
_TOKEN = re.compile(
    r"\s*(?:(?P<open>\()|(?P<close>\))"
    r'|(?P<quoted>"[^"]*"?)'
    r"|(?P<minus>-)(?=[^\s)])"
    rf'|(?P<near>NEAR(?:/[^\s()"]*)?){_ENDS}'
    rf"|(?P<operator>AND|OR|NOT){_ENDS}"
    rf'|(?P<number>(?i:{"|".join(NUMBERS)})\s*(?:[<>]=?|=)\s*[^\s()"]*)'
    r"|(?P<field>[^\W\d_]+):"
    r'|(?P<word>[^\s()"]+))'
)
_COMPARISON = re.compile(r"(\w+)\s*([<>]=?|=)\s*(.*)", re.DOTALL)
_DISTANCE = re.compile(r"[1-9]\d?", re.ASCII)
_SIGNS: Mapping[str, Sign] = {"=": "=", "<": "<=", "<=": "<=", ">": ">=", ">=": ">="}
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{1,8})*")


# Where a word, a phrase or ( is missing: at the end of the query, at an operator, and at anything else.
_EXPECTED = (
    mark("expected a word, a phrase or (, but the query ends here"),
    mark('expected a word, a phrase or (, not {text}; to search for the word, write "{word}"'),
    mark("expected a word, a phrase or (, not {text}"),
)
_AFTER_FIELD = (
    mark("expected a word, a phrase or ( after {field}:, but the query ends here"),
    mark('expected a word, a phrase or ( after {field}:, not {text}; to search for the word, write "{word}"'),
    mark("expected a word, a phrase or ( after {field}:, not {text}"),
)


class QueryError(ValueError):
    """What is wrong with a query: `message`, and at which character of `text` (`position`, from 0)."""

    def __init__(self, message: str, text: str, position: int) -> None:
        super().__init__(f"{message} (at character {position + 1})")
        self.message = message
        self.text = text
        self.position = position

    def drawn(self) -> str:
        """Two lines: the query, or what of it is near, and a caret below the character."""
        start = max(0, self.position - _WINDOW // 2)
        end = start + _WINDOW
        line = "".join(" " if c.isspace() else c for c in self.text[start:end])
        before = ("…" if start else "") + line[: self.position - start]
        after = line[self.position - start :] + ("…" if end < len(self.text) else "")
        return f"{before}{after}\n{' ' * sum(map(_columns, before))}^"


def _columns(character: str) -> int:
    """How much room a character takes where all take the same."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


class _Token(NamedTuple):
    kind: str
    text: str
    position: int


def _cut(text: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(text.translate(_SAME)):
        kind = match.lastgroup or ""
        token = _Token(kind, match[kind], match.start(kind))
        yield token._replace(kind=token.text) if kind == "operator" else token
    yield _Token("end", "", len(text))


class Parser:
    """Reads a query from left to right: OR binds least, then AND, then NOT, then NEAR.

    `scope` is the field of the group that is being read; empty outside of such a group.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        if len(text) > MAX_LENGTH:
            most = number(MAX_LENGTH)
            raise self._error(tr("the query is longer than {most} characters", most=most), MAX_LENGTH)
        self._tokens = list(_cut(text))
        self._at = 0
        self._depth = 0
        self._terms = 0
        self._price = 0
        self._too_expensive: int | None = None  # where the price goes above the limit
        self._too_long: int | None = None  # where the first phrase begins that has too many words
        self._negations: dict[Node, int] = {}

    def query(self) -> tuple[Node, str]:
        """The tree, and how it is written canonically. Raises `QueryError`."""
        if self._kind == "end":
            raise self._error(tr("the query is empty; expected a word, a phrase or ("), 0)
        root = self._either("")
        if self._kind != "end":
            raise self._error(tr("this ) has no matching ("), self._next().position)
        if self._too_expensive is not None:
            raise self._error(
                tr(
                    "the query is too expensive: it costs {price}, and the limit is {most}. A word or phrase costs 1, the "
                    "beginning of a word such as ab* costs 2, and NEAR costs 8. Shorten the query, or split it into "
                    "several topics",
                    price=self._price,
                    most=MAX_PRICE,
                ),
                self._too_expensive,
            )
        if excess := list(_excess(root)):
            raise self._error(
                tr("this only excludes articles and would match almost everything; add words to search for"),
                min(self._negations[negation] for negation in excess),
            )
        text = written(root)
        if len(text) > MAX_LENGTH:
            raise self._error(
                tr(
                    "written in full, the query has {length} characters; the limit is {most}",
                    length=number(len(text)),
                    most=number(MAX_LENGTH),
                ),
                len(self._text),
            )
        if self._too_long is not None:
            raise self._error(tr("the phrase has more than {most} words", most=MAX_PHRASE), self._too_long)
        return root, text

    @property
    def _kind(self) -> str:
        return self._tokens[self._at].kind

    def _next(self) -> _Token:
        token = self._tokens[self._at]
        if token.kind != "end":
            self._at += 1
        return token

    def _error(self, message: str, position: int) -> QueryError:
        return QueryError(message, self._text, position)

    def _unexpected(self, token: _Token, field: str = "") -> QueryError:
        """The error that something other than a word, a phrase or ( is here, after `field:` or (empty) no field."""
        at_end, at_operator, elsewhere = _AFTER_FIELD if field else _EXPECTED
        if token.kind == "end":
            message = at_end
        elif token.kind in ("AND", "OR", "NOT"):
            message = at_operator
        else:
            message = elsewhere
        text = tr(message, field=field, text=_shown(token.text), word=token.text.lower())
        return self._error(text, token.position)

    def _either(self, scope: str) -> Node:
        parts = [self._all(scope)]
        while self._kind == "OR":
            self._next()
            parts.append(self._all(scope))
        return either(parts)

    def _all(self, scope: str) -> Node:
        parts = [self._maybe_not(scope)]
        while self._kind not in ("OR", "close", "end"):
            if self._kind == "AND":
                self._next()
            parts.append(self._maybe_not(scope))
        return both(parts)

    def _maybe_not(self, scope: str) -> Node:
        position = self._tokens[self._at].position
        negations = 0
        while self._kind in ("NOT", "minus"):
            self._next()
            negations += 1
        node = self._maybe_near(scope, bool(negations))
        if negations % 2:
            node = node.of if isinstance(node, Not) else Not(node)
        if isinstance(node, Not):
            self._negations.setdefault(node, position)
        return node

    def _maybe_near(self, scope: str, negated: bool) -> Node:
        first = self._single(scope)
        if self._kind != "near":
            return first
        token = self._next()
        self._pay(NEARNESS, token.position)
        if not isinstance(first, Term | Prefix):
            raise self._error(tr("NEAR needs a word or a phrase before it"), token.position)
        if negated:
            raise self._error(tr("it is unclear what this excludes; write -(a NEAR/5 b)"), token.position)
        distance = token.text[5:]
        if not _DISTANCE.fullmatch(distance) or int(distance) > MAX_DISTANCE:
            place = token.position + (5 if "/" in token.text else 0)
            text = tr("expected a distance in words, from NEAR/1 to NEAR/{most}", most=MAX_DISTANCE)
            raise self._error(text, place)
        position = self._tokens[self._at].position
        second = self._single(scope)
        if not isinstance(second, Term | Prefix):
            raise self._error(tr("expected a word or a phrase after NEAR"), position)
        if first.field != second.field:
            raise self._error(tr("both sides of NEAR must share a field, as in title:(a NEAR/5 b)"), position)
        if self._kind == "near":
            raise self._error(
                tr("NEAR takes only two words or phrases; write (a NEAR/5 b) AND (b NEAR/5 c)"),
                self._next().position,
            )
        return near(first, second, int(distance))

    def _single(self, scope: str) -> Node:
        token = self._next()
        match token.kind:
            case "open":
                return self._group(token, scope)
            case "field" if scope:
                text = tr("{field}:(…) takes only words, not another field", field=scope)
                raise self._error(text, token.position)
            case "field":
                return self._in_field(token)
            case "number" if scope:
                text = tr("{field}:(…) takes only words, not a comparison", field=scope)
                raise self._error(text, token.position)
            case "number":
                return self._number(token)
            case "quoted" | "word":
                return self._leaf(token, scope)
            case _:
                raise self._unexpected(token)

    def _group(self, opening: _Token, scope: str) -> Node:
        # A field's own parentheses are not counted: the canonical text may have others than were written.
        self._depth += 1
        if self._depth > MAX_DEPTH:
            text = tr("parentheses are nested more than {most} deep", most=MAX_DEPTH)
            raise self._error(text, opening.position)
        node = self._to_close(opening, scope)
        self._depth -= 1
        return node

    def _to_close(self, opening: _Token, scope: str) -> Node:
        if self._kind == "close":
            raise self._unexpected(self._next())
        node = self._either(scope)
        if self._next().kind != "close":
            raise self._error(tr("this ( has no matching )"), opening.position)
        return node

    def _in_field(self, token: _Token) -> Node:
        name = token.text.lower()
        if name in NUMBERS:
            text = tr("{field} needs a comparison, as in {field}>=60", field=name)
            raise self._error(text, token.position)
        if name not in (*TEXTS, *VALUES):
            names = comma_list((*TEXTS, *VALUES))
            raise self._error(
                tr(
                    "there is no field {text}; use {fields}. To search for this text, put it in quotes",
                    text=_shown(token.text),
                    fields=names,
                ),
                token.position,
            )
        after = self._next()
        if after.kind == "open":
            return self._to_close(after, name)
        if after.kind not in ("quoted", "word"):
            raise self._unexpected(after, name)
        return self._leaf(after, name)

    def _count(self, position: int) -> None:
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise self._error(tr("the query has more than {most} terms", most=MAX_TERMS), position)

    def _pay(self, amount: int, position: int) -> None:
        self._price += amount
        if self._price > MAX_PRICE and self._too_expensive is None:
            self._too_expensive = position

    def _number(self, token: _Token) -> Node:
        self._count(token.position)
        match = _COMPARISON.fullmatch(token.text)
        assert match
        name, sign, digits = match[1].lower(), match[2], match[3]
        place = token.position + match.start(3)
        if not _NUMBER.fullmatch(digits):
            raise self._error(tr("expected a whole number, as in {field}>=60", field=name), place)
        # One way to write it: heat>99 is heat>=100.
        bound = int(digits) + {">": 1, "<": -1}.get(sign, 0)
        if bound < 0:
            text = tr("{field} is never below 0, so this would match nothing", field=name)
            raise self._error(text, place)
        if bound == 0 and sign == ">=":
            text = tr("{field} is never below 0, so this would match everything", field=name)
            raise self._error(text, place)
        if bound > MAX_NUMBER:
            most = number(MAX_NUMBER)
            text = tr("{field} is never above {most}, so this would match nothing", field=name, most=most)
            raise self._error(text, place)
        self._pay(LOOK, token.position)
        return Number(name, _SIGNS[sign], bound)

    def _leaf(self, token: _Token, scope: str) -> Node:
        self._count(token.position)
        content, position = token.text, token.position
        if token.kind == "quoted":
            if len(content) < 2 or not content.endswith('"'):
                raise self._error(tr("the closing quotation mark is missing"), position)
            content, position = content[1:-1], position + 1
        leaf = (
            self._value(scope, content, position)
            if scope in VALUES
            else self._words(token, scope, content, position)
        )
        self._pay(price(leaf), token.position)
        return leaf

    def _words(self, token: _Token, scope: str, content: str, position: int) -> Node:
        begins = content.endswith("*")
        text = content[:-1] if begins else content
        if "*" in text and token.kind == "word":
            raise self._error(
                tr("* is only allowed at the end of a word; to search for this text, put it in quotes"),
                position + text.index("*"),
            )
        words = plain_words(text)
        if len(words) > MAX_PHRASE and self._too_long is None:
            self._too_long = position
        if begins:
            return self._prefix(scope, text, words, position)
        if not words:
            raise self._error(
                tr("{text} has no letter or digit to search for", text=_shown(content)), position
            )
        return Term(scope, " ".join(words))

    def _prefix(self, scope: str, text: str, words: list[str], position: int) -> Node:
        end = position + len(text)
        if not text:
            raise self._error(tr("* alone would match everything"), end)
        if not words or unicodedata.category(text[-1])[0] not in "LMN":
            raise self._error(tr("* must directly follow the beginning of a word"), end)
        if stands_alone(words[-1]):  # found inside of sentences anyway
            return Term(scope, " ".join(words))
        if len(words[-1]) < MIN_PREFIX:
            raise self._error(tr("* needs at least {least} letters before it", least=MIN_PREFIX), end)
        return Prefix(scope, " ".join(words))

    def _value(self, name: str, content: str, position: int) -> Node:
        text = content.strip().lower()
        match name:
            case "topic":
                text = " ".join(plain_words(text))
                if not text:
                    raise self._error(tr("expected the name of a topic"), position)
            case "type" if text not in get_args(RecordType):
                raise self._error(tr("expected article or video or podcast"), position)
            case "lang":
                text = text.replace("_", "-")
                if not _LANGUAGE.fullmatch(text):
                    raise self._error(tr("expected a language such as en or pt-br"), position)
            case "domain":
                try:
                    text = registered_domain(text)
                except ValueError as error:
                    raise self._error(tr("expected a domain such as bbc.co.uk"), position) from error
        return Value(name, text)


def _shown(text: str) -> str:
    return tr("“{text}”", text=clip(text, 30))


def _excess(node: Node) -> Iterator[Not]:
    """Negations beside which nothing says what to find."""
    match node:
        case Not():
            yield node
        case And(parts):
            every = [list(_excess(part)) for part in parts]
            if all(every):
                yield from chain.from_iterable(every)
        case Or(parts):
            for part in parts:
                yield from _excess(part)
