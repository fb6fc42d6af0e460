"""Parses untrusted bytes as plain values: Markdown front matter, YAML, JSON and JSON lines.

What cannot be read is an `Unreadable` value. Time and memory are bounded by limits on file and line size, depth
and number of values. Errors never contain the content of a file.
"""

from __future__ import annotations

import codecs
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import Any, BinaryIO

import yaml

MAX_DOCUMENT = 10_000_000  # bytes of a file that is loaded at once
MAX_LINE = 1_000_000  # bytes of a line of JSON lines
MAX_DEPTH = 50  # lists and mappings inside each other; a few hundred overflow a thread's stack in libyaml
MAX_TEXT = 1_000_000  # characters of a YAML value
MAX_VALUES = 300_000  # values of a YAML text, aliases counted as often as they are used
MAX_JSON_VALUES = 1_000_000  # JSON is cheaper to parse
_LONGEST_SCALAR = 100  # characters of a number or date; PyYAML's time is quadratic in those of `1:59:59...`
_MAX_DIRECTIVES = 16  # libyaml's time is quadratic in them

_TOO_DEEP = "lists and mappings are nested too deeply"
_TOO_LARGE = f"more than {MAX_DOCUMENT // 1_000_000} MB; split it, or use JSON lines"
_BINARY = "binary data, not text"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_LINES = (".jsonl", ".ndjson")
_OPENING = re.compile(r"(?:[ \t]*\n)*---[ \t]*\n")
_CLOSING = re.compile(r"^(?:---|\.\.\.)[ \t]*$", re.MULTILINE)

# A short text without any of these cannot be deep, large or self-referring, so it is not inspected.
_SUSPICIOUS = re.compile(r"\*|(?:[-?:][ \t]+){8}|\n[ \t]{40}|(?:^|\n)%")
_SUSPICIOUS_LENGTH = 50_000
_SUSPICIOUS_BRACKETS = 40


class Unreadable(ValueError):  # noqa: N818 - a value; raised only within this module
    """Why something cannot be read, as text for its author."""


def documents(stream: BinaryIO, path: str, limit: int | None = None) -> Iterator[tuple[int, object]]:
    """The values of a file by its suffix, each with its item number; `Unreadable` for what cannot be read.

    A list at the top of a document is a value per entry. Items count from 1; of JSON lines it is the
    line's number. At most `limit` bytes are read.
    """
    suffix = PurePath(path).suffix.lower()
    if suffix in _LINES:
        yield from _json_lines(stream, limit)
        return
    item = 0
    try:
        load = _READERS.get(suffix)
        if load is None:
            raise Unreadable(f"not a record file; the name must end in {', '.join(SUFFIXES)}")
        if limit is not None and limit > MAX_DOCUMENT:
            raise Unreadable(_TOO_LARGE)
        text = _text(stream.read(MAX_DOCUMENT + 1 if limit is None else limit))
        if not text.strip():
            raise Unreadable("the file is empty")
        for document in load(text):
            for value in document if isinstance(document, list) else (document,):
                item += 1
                yield item, value
    except Unreadable as error:
        yield item + 1, error


def _text(data: bytes) -> str:
    if len(data) > MAX_DOCUMENT:
        raise Unreadable(_TOO_LARGE)
    encoding = "utf-8-sig"
    if data.startswith(_UTF16):
        encoding = "utf-16"
    elif (offset := data.find(0)) >= 0:
        raise Unreadable(f"{_BINARY} (a NUL byte at offset {offset})")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        name = encoding.removesuffix("-sig").upper()
        raise Unreadable(f"not valid {name} text at byte offset {error.start}") from None
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


# ------------------------------------------------------------------------------------------- YAML


def _front_matter(text: str) -> Iterator[object]:
    opening = _OPENING.match(text)
    if opening is None:
        raise Unreadable("no front matter: the first line must be ---")
    closing = _CLOSING.search(text, opening.end())
    if closing is None:
        raise Unreadable("the front matter has no closing line ---")
    yield next(load_yaml(text[: closing.start()]), None)


def load_yaml(text: str) -> Iterator[object]:
    """The documents of a YAML text that are not empty. Raises `Unreadable`."""
    try:
        _inspect(text)
        for document in yaml.load_all(text, _Loader):
            if document is not None:
                yield document
    except yaml.MarkedYAMLError as error:
        raise Unreadable(_yaml_problem(error, text)) from None
    except yaml.reader.ReaderError as error:
        raise Unreadable(f"not valid YAML: forbidden character at offset {error.position}") from None
    except RecursionError:
        raise Unreadable(_TOO_DEEP) from None
    except (yaml.YAMLError, UnicodeError):
        raise Unreadable("not valid YAML") from None


def _yaml_problem(error: yaml.MarkedYAMLError, text: str) -> str:
    # PyYAML 6.0.4 and later refuse deep brackets themselves.
    text_read = text[: error.problem_mark.index] if error.problem_mark else ""
    if text_read.count("[") + text_read.count("{") - text_read.count("]") - text_read.count("}") > MAX_DEPTH:
        return _TOO_DEEP
    # Messages of libyaml are constants; those of the constructor quote the file.
    problem = "unsupported tag or key"
    if not isinstance(error, yaml.constructor.ConstructorError):
        problem = error.problem or error.context or "cannot be read"
    where = f" at line {error.problem_mark.line + 1}" if error.problem_mark else ""
    return f"not valid YAML{where}: {problem}"


def _inspect(text: str) -> None:
    """Raise `Unreadable` if loading the text would take too much stack, memory or time.

    Depth and aliases are counted on the events of the parser, which costs a third of loading. Usual small texts
    are not inspected.
    """
    if (
        len(text) <= _SUSPICIOUS_LENGTH
        and text.count("[") + text.count("{") <= _SUSPICIOUS_BRACKETS
        and not _SUSPICIOUS.search(text)
    ):
        return
    if text.count("\n%") > _MAX_DIRECTIVES:
        raise Unreadable("not valid YAML: too many lines begin with %")
    extent = _Extent()
    for event in yaml.parse(text, _Loader):
        extent.add(event)
        if extent.values > MAX_VALUES:
            raise Unreadable(f"more than {MAX_VALUES:,} values; every use of an alias counts")


class _Extent:
    """The number of values in a YAML text, counted on parser events. Every use of an alias counts."""

    def __init__(self) -> None:
        self.values = 0
        self._sizes: dict[str, int] = {}  # number of values below each anchor
        self._opened: list[tuple[str | None, int]] = []  # the anchor, and the number of values before it

    def add(self, event: yaml.Event) -> None:
        """Count an event. Raises `Unreadable` for excessive depth or length, and for undefined aliases."""
        match event:
            case yaml.CollectionStartEvent():
                self._open(event.anchor)
            case yaml.CollectionEndEvent():
                self._close()
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.AliasEvent():
                self._alias(event.anchor)
            case yaml.DocumentStartEvent():
                self.values += 1

    def _open(self, anchor: str | None) -> None:
        self._opened.append((anchor, self.values))
        self.values += 1
        if len(self._opened) > MAX_DEPTH:
            raise Unreadable(_TOO_DEEP)

    def _close(self) -> None:
        anchor, before = self._opened.pop()
        if anchor is not None:
            self._sizes[anchor] = self.values - before

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self.values += 1
        if len(event.value) > MAX_TEXT:
            raise Unreadable(f"a text is longer than {MAX_TEXT:,} characters")
        if event.anchor is not None:
            self._sizes[event.anchor] = 1

    def _alias(self, anchor: str | None) -> None:
        if anchor is None or anchor not in self._sizes:
            raise Unreadable("not valid YAML: an alias refers to an undefined anchor or to itself")
        self.values += self._sizes[anchor]


class _Loader(yaml.CSafeLoader):
    """The safe loader. Invalid numbers and dates stay text, so that the field can report them."""


def _or_text(construct: Callable[[Any, yaml.ScalarNode], object]) -> Callable[[Any, yaml.ScalarNode], object]:
    def constructed(loader: Any, node: yaml.ScalarNode) -> object:
        if len(node.value) > _LONGEST_SCALAR:
            return node.value
        try:
            return construct(loader, node)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            # `2024-13-45`, `0x_`, a number of 5,000 digits, `!!bool maybe`: each fails in its own way
            return node.value

    return constructed


for _tag in ("bool", "float", "int", "timestamp"):
    _name = f"tag:yaml.org,2002:{_tag}"
    _Loader.add_constructor(_name, _or_text(yaml.CSafeLoader.yaml_constructors[_name]))


# ------------------------------------------------------------------------------------------- JSON


def _no_constant(name: str) -> object:
    raise Unreadable(f"not valid JSON: {name} is not a number")


_DECODER = json.JSONDecoder(parse_constant=_no_constant, strict=False)  # raw line breaks and tabs harm nobody


def _json(text: str) -> Iterator[object]:
    if text.count(",") + text.count("[") + text.count("{") > MAX_JSON_VALUES:
        raise Unreadable(f"more than {MAX_JSON_VALUES:,} values; split it, or use JSON lines")
    yield _decoded(text)


def _decoded(text: str) -> object:
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if error.lineno > 1 else ""
        raise Unreadable(f"not valid JSON at {line}column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise Unreadable(_TOO_DEEP) from None
    except Unreadable:
        raise
    except ValueError:
        raise Unreadable("not valid JSON: a number has too many digits") from None


def _json_lines(stream: BinaryIO, limit: int | None) -> Iterator[tuple[int, object]]:
    number = 0
    try:
        for number, line in enumerate(_lines(stream, sys.maxsize if limit is None else limit), 1):
            if not line.strip():
                continue
            if b"\0" in line:
                raise Unreadable(f"{_BINARY}; the rest of the file is ignored")
            try:
                yield number, _line(line)
            except Unreadable as error:
                yield number, error
    except Unreadable as error:
        yield max(number, 1), error


def _line(line: bytes) -> object:
    if len(line) > MAX_LINE:
        raise Unreadable(f"the line is longer than {MAX_LINE // 1_000_000} MB")
    return _decoded(_text(line).strip())


def _lines(stream: BinaryIO, limit: int) -> Iterator[bytes]:
    """The lines within `limit` bytes. Lines that are too long are truncated."""
    is_first = True
    while limit > 0 and (line := stream.readline(min(limit, MAX_LINE + 1))):
        if is_first and line.startswith(_UTF16):
            yield from _text(line + stream.read(min(limit, MAX_DOCUMENT))).encode().split(b"\n")
            return
        is_first = False
        limit -= len(line)
        yield line
        while len(line) > MAX_LINE and not line.endswith(b"\n"):
            line = stream.readline(min(limit, MAX_LINE + 1)) or b"\n"
            limit -= len(line)


_READERS: dict[str, Callable[[str], Iterator[object]]] = {
    ".md": _front_matter,
    ".markdown": _front_matter,
    ".yaml": load_yaml,
    ".yml": load_yaml,
    ".json": _json,
}
SUFFIXES = (*_READERS, *_LINES)
